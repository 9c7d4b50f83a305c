/**
 * How rows are named. A UUID names a row as it is. Any other text is kept in `external_id`, and the row's UUID is derived from it
 * and from whose it is, so that two users, or two copies of a chat, may use one name, and the primary key keeps it unique.
 * @see https://www.rfc-editor.org/rfc/rfc9562 (version 8 for names, version 7 for ids of our own)
 */
import { createHash, randomUUID } from "node:crypto";
import type { UserId } from "./tables/tables.ts";

/** The row that an id names. */
export interface RowName {
  /** The row's own UUID. */
  id: string;
  /** The id as it was given, where it is no UUID. */
  externalId: string | null;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export function isUuid(id: string): boolean {
  return id.length === 36 && uuidPattern.test(id);
}

/** Ordered by time, so that rows that are made together lie together. */
export function newId(): string {
  // Of version 4, whose random bytes Node gets for many at once: asking the system for each costs ten times as much.
  const random = randomUUID();
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`;
}

export function conversationName(ownerId: UserId, id: string): RowName {
  if (isUuid(id)) return { id, externalId: null };
  const names = JSON.stringify([String(ownerId), id]);
  const known = conversationRows.get(names) ?? derived(names);
  if (conversationRows.size >= maxConversationRows) conversationRows.clear();
  conversationRows.set(names, known);
  return { id: known, externalId: id };
}

/** Those that were named last, since each verb names its conversation. */
const conversationRows = new Map<string, string>();
const maxConversationRows = 1_000;

/**
 * `conversationId` is the row's, with whose first 48 bits the derived one begins: the messages of a conversation lie together in
 * the index of all messages, where names of one hash alone would each touch a page of their own.
 */
export function messageName(ownerId: UserId, conversationId: string, id: string): RowName {
  if (isUuid(id)) return { id, externalId: null };
  const own = derived(JSON.stringify([String(ownerId), conversationId, id]));
  return { id: conversationId.slice(0, 13).toLowerCase() + own.slice(13), externalId: id };
}

/** From 122 bits of a hash, in 74 of which two messages of a conversation differ. INVARIANT: never in another way, or every row of a text would be lost. */
function derived(names: string): string {
  const hash = createHash("sha256").update(names).digest("hex");
  const variant = "89ab"[Number.parseInt(hash.charAt(15), 16) & 3];
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(12, 15)}-${variant}${hash.slice(16, 19)}-${hash.slice(19, 31)}`;
}
