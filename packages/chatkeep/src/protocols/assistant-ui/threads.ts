/** Threads: conversations as assistant-ui names them. */
import { createHash } from "node:crypto";
import { ConflictError, InvalidInputError } from "../../errors.ts";
import { encodeCursor } from "../../sql/cursor.ts";
import { conversationName } from "../../store/ids.ts";
import type { Conversation } from "../../store/tables/conversation.ts";
import type { UserId } from "../../store/tables/tables.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import type { NewThread, ThreadChanges } from "./schemas.ts";

/** Keys of a conversation's metadata that are ours: the `external_id`, and metadata that is no object. */
const [externalKey, metadataKey] = ["assistant-ui:external_id", "assistant-ui:metadata"];

/** A thread as it is answered. `last_message_at` is the newest activity, by the clock of the database. */
export function threadOf(userId: UserId, conversation: Conversation) {
  const { id, title, createdAt, updatedAt, archived, metadata } = conversation;
  return {
    id,
    title,
    last_message_at: updatedAt.toISOString(),
    metadata: metadataOf(metadata),
    external_id: externalIdOf(metadata),
    project_id: "chatkeep",
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    workspace_id: String(userId),
    is_archived: archived,
  };
}

/** As its schema has it. */
export interface ThreadListOptions {
  is_archived: boolean;
  limit: number;
  /** The id of a thread: those with older activity. One that is gone meanwhile begins the list anew. */
  after?: string | undefined;
}

export async function listThreads(user: UserStore, userId: UserId, { is_archived, limit, after }: ThreadListOptions) {
  const last = after === undefined ? undefined : await user.conversations.find(after);
  const cursor = last && encodeCursor([last.updatedAt.getTime(), conversationName(userId, last.id).id]);
  const { items } = await user.conversations.list({ archived: is_archived, limit, ...(cursor && { cursor }) });
  return { threads: items.map((each) => threadOf(userId, each)) };
}

/** With `upsert` the thread that has this `external_id` already, as it is; gives the id. */
export async function createThread(user: UserStore, { title, metadata, external_id, upsert }: NewThread) {
  const known = upsert ? await findByExternalId(user, external_id as string) : undefined;
  if (known) return known.id;
  const id = upsert ? namedId(external_id as string) : undefined;
  const kept = toKeep(metadata, external_id ?? null);
  try {
    const made = await user.conversations.create({
      ...(id && { id }),
      ...(title !== undefined && { title }),
      ...(kept && { metadata: kept }),
    });
    return made.id;
  } catch (error) {
    // Somebody else was faster, with another title.
    const made = id && error instanceof ConflictError ? await user.conversations.find(id) : undefined;
    if (!made) throw error;
    return made.id;
  }
}

/** Two at once make one. */
function namedId(externalId: string): string {
  return `thread_${createHash("sha256").update(externalId).digest("hex").slice(0, 32)}`;
}

async function findByExternalId(user: UserStore, externalId: string): Promise<Conversation | undefined> {
  for (const archived of [false, true]) {
    const { items } = await user.conversations.list({ archived, limit: 1, metadata: { [externalKey]: externalId } });
    if (items[0]) return items[0];
  }
  return undefined;
}

/** When the last message came the database knows by itself. @throws not_found */
export async function changeThread(user: UserStore, id: string, given: ThreadChanges): Promise<void> {
  const { title, is_archived, metadata } = given;
  const changes = {
    ...(title !== undefined && { title }),
    ...(is_archived !== undefined && { archived: is_archived }),
  };
  const hasMetadata = metadata !== undefined;
  const conversation = await user.conversations.get(id);
  if (!hasMetadata && Object.keys(changes).length === 0) return;
  const kept = hasMetadata ? { metadata: toKeep(metadata, externalIdOf(conversation.metadata)) } : {};
  await user.conversations.update(id, { ...changes, ...kept });
}

type Kept = Record<string, unknown> | null;

function toKeep(given: unknown, externalId: string | null): Kept {
  const isPlain = typeof given === "object" && given !== null && !Array.isArray(given);
  const taken = isPlain ? [externalKey, metadataKey].find((key) => key in given) : undefined;
  if (taken) throw new InvalidInputError(`metadata must not have the key "${taken}": it is the server's own.`);
  const named = externalId === null ? {} : { [externalKey]: externalId };
  if (isPlain) return { ...given, ...named };
  const isNothing = given === undefined || given === null;
  if (isNothing && externalId === null) return null;
  return { [metadataKey]: given ?? null, ...named };
}

function metadataOf(kept: Kept): unknown {
  if (!kept || metadataKey in kept) return kept?.[metadataKey] ?? null;
  const { [externalKey]: _externalId, ...theirs } = kept;
  return theirs;
}

function externalIdOf(kept: Kept): string | null {
  const externalId = kept?.[externalKey];
  return typeof externalId === "string" ? externalId : null;
}
