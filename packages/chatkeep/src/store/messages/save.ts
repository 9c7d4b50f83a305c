/** A whole transcript, kept by what is other in it: its common beginning stays, what has the same id is changed, the rest is appended. */
import { ConflictError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type Context, changing } from "../context.ts";
import { getConversation } from "../conversations/conversations.ts";
import { moveHead } from "../conversations/head.ts";
import { parse, parseId } from "../input.ts";
import { type SavedMessage, savedMessagesSchema } from "../schemas.ts";
import type { Message } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { appendMessages } from "./append.ts";
import { listBranch } from "./branch.ts";
import { body } from "./outgoing.ts";
import { updateMessage } from "./update.ts";

/**
 * Makes the branch that is shown be these messages, in one transaction.
 * @throws invalid_input, too_large, not_found; conflict when a message is another's, has another role, or is being written
 */
export async function saveMessages(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  messages: readonly SavedMessage[],
): Promise<Message[]> {
  const id = parseId(conversationId, "conversationId");
  const given = parse(savedMessagesSchema, messages, "messages");
  return await changing(context, async (through) => {
    // Also the lock: whoever saves or appends meanwhile waits.
    const { headId } = await moveHead(through, ownerId, id, (await getConversation(through, ownerId, id)).headId);
    const branch = headId === null ? [] : await wholeBranch(through, ownerId, id);
    // Of a deleted one there is nothing to save: a transcript goes on around it.
    const stored = branch.filter(({ status }) => status !== "deleted");
    const saved: Message[] = [];
    while (saved.length < given.length && stored[saved.length]?.id === given[saved.length]?.id) {
      const [old, next] = [stored[saved.length] as Message, given[saved.length] as SavedMessage];
      saved.push(await changed(through, ownerId, id, old, next));
    }
    const rest = given.slice(saved.length);
    for (let from = 0; from < rest.length; from += limits.messagesPerAppend) {
      const some = rest.slice(from, from + limits.messagesPerAppend);
      // Each names its parent: one that is stored already, but elsewhere in the tree, is refused.
      const placed = some.map((message, index) => ({
        ...message,
        parentId: (some[index - 1] ?? saved.at(-1))?.id ?? null,
      }));
      saved.push(...(await appendMessages(through, ownerId, id, placed)));
    }
    // Also when the transcript is shorter now, or goes on with messages that were shown before.
    await moveHead(through, ownerId, id, saved.at(-1)?.id ?? null);
    return saved;
  });
}

async function wholeBranch(context: Context, ownerId: UserId, conversationId: string): Promise<Message[]> {
  let all: Message[] = [];
  let before: string | undefined;
  do {
    const page = await listBranch(context, ownerId, conversationId, { limit: limits.messagePageSize, before });
    all = [...page.items, ...all];
    before = page.nextCursor ?? undefined;
  } while (before);
  return all;
}

async function changed(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  old: Message,
  { role, content, parts, metadata }: SavedMessage,
): Promise<Message> {
  if (role !== old.role) {
    throw new ConflictError(`The message ${old.id} is of the role ${old.role}, which never changes.`);
  }
  const hasBody = content !== undefined || parts !== undefined;
  const next = body({ content, parts, metadata });
  const kept = body({
    ...(old.parts === null ? { content: old.content } : { parts: old.parts }),
    metadata: old.metadata,
  });
  const isOther = {
    body: hasBody && wordsOf(next) !== wordsOf(kept),
    metadata: metadata !== undefined && next.metadata !== kept.metadata,
  };
  if (!isOther.body && !isOther.metadata) return old;
  const changes = { ...(isOther.body && (parts ? { parts } : { content })), ...(isOther.metadata && { metadata }) };
  return await updateMessage(context, ownerId, conversationId, old.id, changes, { revision: old.revision });
}

/** Words without parts and words in one text part are the same. */
function wordsOf({ content, parts }: { content: string; parts: string | null }): string {
  return parts ?? JSON.stringify([{ type: "text", text: content }]);
}
