/** A reply that goes on: what was waited for is there, such as the output of a tool that its client ran, and a run writes the rest. */
import { ConflictError } from "../../errors.ts";
import { param, sql } from "../../sql/sql.ts";
import { type Context, changing, owner, prepared } from "../context.ts";
import { getConversation } from "../conversations/conversations.ts";
import { usesIn, usingFiles } from "../files/uses.ts";
import { conversationName, messageName } from "../ids.ts";
import { parse } from "../input.ts";
import { getMessage } from "../messages/branch.ts";
import { body } from "../messages/outgoing.ts";
import { type Proceeding, proceedingSchema } from "../schemas.ts";
import { lockConversation, unindex } from "../search/unindex.ts";
import type { Message } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { beginRun } from "./begin-draft.ts";
import type { Begun } from "./begin-statement.ts";

/** A run that has begun for a reply which is there in part. */
export interface Proceeded extends Omit<Begun, "question"> {
  /** The reply as it is now: its run adds to its parts. */
  reply: Message;
}

/**
 * Changes a reply that has ended to what it is to go on from, and begins a run that adds to it, together or not at all.
 * @throws invalid_input, too_large, not_found; conflict when it was changed since (`details.revision`), when it is being written, or
 * another reply of the conversation is (`details.runId`); rate_limited when one of `quotas` is used up
 */
export async function proceedReply(context: Context, ownerId: UserId, input: Proceeding): Promise<Proceeded> {
  const { conversationId, messageId, parts, revision, server, model, quotas } = parse(proceedingSchema, input, "reply");
  const { id: inside } = conversationName(ownerId, conversationId);
  const values = { ...body({ parts }), ownerId, conversationId: inside, revision };
  const messageRow = messageName(ownerId, inside, messageId).id;
  const begun = await usingFiles(context, ownerId, usesIn([{ id: messageRow }], [{ parts }]), "if there", (holding) =>
    changing(holding, async (through) => {
      await lockConversation(through, ownerId, inside);
      const [found] = await reopenStatement(through).execute({ ...values, messageId: messageRow });
      const reply = await getMessage(through, ownerId, conversationId, messageId);
      if (!found) throw isOther(reply, revision);
      await unindex(through, ownerId, { messageId: messageRow });
      const { model: ofChat, instructions } = await getConversation(through, ownerId, conversationId);
      const [before] = await modelStatement(through).execute({
        ownerId,
        conversationId: inside,
        messageId: messageRow,
      });
      // It goes on with the model that began it; the usual one is asked for by no name.
      const named = before === undefined ? ofChat : before === (model ?? null) ? null : before;
      const run = await beginRun(through, ownerId, {
        conversationId,
        messageId,
        server,
        model: named ?? model,
        quotas,
      });
      return { run, reply, replyId: reply.id, model: named, instructions };
    }),
  );
  context.changed({ userId: ownerId, conversationId });
  return begun;
}

function isOther({ id, role, status, revision }: Message, expected: number): ConflictError {
  if (role !== "assistant") return new ConflictError(`The message ${id} is no reply: only a reply can go on.`);
  if (status === "deleted") return new ConflictError(`The message ${id} was deleted: ask anew.`);
  if (status === "streaming") return new ConflictError(`The message ${id} is being written already: follow it.`);
  return new ConflictError(
    `The reply was changed meanwhile: its revision is ${revision}, not ${expected}. Read it again.`,
    { details: { revision } },
  );
}

/** Of the run that wrote it last. */
function modelStatement(context: Context) {
  const build = () => sql`
    select r.model
    from ${context.tables.run} r
    where r.user_id = ${owner(context)} and r.conversation_id = ${param("conversationId", "uuid")}
      and r.message_id = ${param("messageId", "uuid")}
    order by r.started_at desc
    limit 1`;
  return prepared(context, "model_before", build, ([model]) => model as string | null);
}

function reopenStatement(context: Context) {
  const build = () => sql`
    update ${context.tables.message} m
    set content = ${param("content", "text")}, parts = ${param("parts", "json")}, status = 'streaming',
      revision = m.revision + 1
    where m.user_id = ${owner(context)} and m.id = ${param("messageId", "uuid")}
      and (m.conversation_id = ${param("conversationId", "uuid")}) is true and m.role = 'assistant'
      and m.status not in ('streaming', 'deleted') and m.revision = ${param("revision", "int")}
    returning m.id`;
  return prepared(context, "reopen", build, ([id]) => id as string);
}
