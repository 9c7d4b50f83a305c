/** New messages made ready for a statement: ids given, content and parts agreed, sizes checked. */
import type * as z from "zod";
import { InvalidInputError, TooLargeError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { messageName, newId } from "../ids.ts";
import { isStorable, type newMessagesSchema } from "../schemas.ts";
import type { Message, Part, PlacedMessage, SentMessage } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { textOf } from "../text-of.ts";

/** A message below the parent that it was given, or below the one before it in the same append. */
export interface OutgoingMessage extends PlacedMessage {
  /** Whether the parent was given; where not, the first message follows what the conversation ends with. */
  hasParent: boolean;
}

/** One append, ready for a statement. */
export interface Append {
  ownerId: UserId;
  /** The row's own. */
  conversationId: string;
  /** As the conversation was named. */
  givenId: string;
  rows: readonly OutgoingMessage[];
  expectedSeq: number | null;
  /** What the conversation is called from now on if it has no title. */
  title: string | null;
}

type ParsedMessage = z.output<typeof newMessagesSchema>[number];

/** For a conversation, by its row's own id. @throws too_large when a message has over 16 MiB. */
export function outgoing(
  ownerId: UserId,
  conversationId: string,
  messages: readonly ParsedMessage[],
): OutgoingMessage[] {
  const rows: OutgoingMessage[] = [];
  for (const message of messages) {
    const name = messageName(ownerId, conversationId, message.id ?? newId());
    const before = rows.at(-1);
    const given = message.parentId;
    const parent = given == null ? nothing : messageName(ownerId, conversationId, given);
    const { id: parentId, externalId: parentExternalId } = given === undefined && before ? before : parent;
    const { content, parts, metadata } = body(message);
    rows.push({
      id: name.id,
      externalId: name.externalId,
      role: message.role,
      status: message.status ?? "complete",
      content,
      parts,
      metadata,
      parentId,
      parentExternalId,
      hasParent: given !== undefined,
    });
  }
  return rows;
}

const nothing = { id: null, externalId: null };

/** More than that is bulk, for which nobody should have to wait. */
const max = { messages: 8, chars: 64 * 1024 };

/** Whether these may share a statement with what others send. */
export function isShort(rows: readonly OutgoingMessage[]): boolean {
  return rows.length <= max.messages && charsOf(rows) <= max.chars;
}

/** How much they weigh among others. */
export function charsOf(rows: readonly OutgoingMessage[]): number {
  return rows.reduce((sum, { content, parts }) => sum + content.length + (parts?.length ?? 0), 0);
}

/** Whether the first message of an append goes below the message that the conversation ends with. */
export function followsHead(rows: readonly OutgoingMessage[]): boolean {
  return !rows[0]?.hasParent;
}

/** `content` and `parts` as columns. PostgreSQL's text cannot hold NUL and lone surrogates, json can: such content is kept in a part. */
export function body({
  content,
  parts,
  metadata,
}: Pick<ParsedMessage, "content" | "parts" | "metadata">): Pick<SentMessage, "content" | "parts" | "metadata"> {
  requireLength(content, parts);
  const text = parts === undefined ? (content ?? "") : textOf(parts);
  const isKept = isStorable(text);
  const kept = parts ?? (isKept ? undefined : [{ type: "text", text }]);
  const json = kept === undefined ? null : asJson(kept, "parts");
  requireSize(text);
  if (parts && json) requireSize(json);
  return {
    content: isKept ? text : text.toWellFormed().replaceAll("\0", "\uFFFD"),
    parts: json,
    metadata: metadataJson(metadata),
  };
}

/** @throws too_large over 64 KiB; invalid_input for what is no JSON */
export function metadataJson(metadata: unknown): string | null {
  if (metadata === undefined || metadata === null) return null;
  const json = asJson(metadata, "metadata");
  const bytes = json.length * 3 <= limits.metadataBytes ? 0 : encoder.encode(json).byteLength;
  if (bytes <= limits.metadataBytes) return json;
  throw new TooLargeError(
    `metadata of ${bytes} bytes is too large: the limit is ${limits.metadataBytes}. Keep it elsewhere, and a reference to it here.`,
    { details: { bytes, limit: limits.metadataBytes } },
  );
}

/** Before anything is copied: a character has at least one byte. */
function requireLength(content: string | undefined, parts: readonly Part[] | undefined): void {
  let length = content?.length ?? 0;
  for (const part of parts ?? []) length += typeof part["text"] === "string" ? part["text"].length : 0;
  if (length > limits.messageBytes) throw tooLarge(length);
}

const encoder = new TextEncoder();

function requireSize(text: string): void {
  // No character takes more than three bytes: a short text need not be measured.
  if (text.length * 3 <= limits.messageBytes) return;
  const bytes = encoder.encode(text).byteLength;
  if (bytes > limits.messageBytes) throw tooLarge(bytes);
}

function tooLarge(bytes: number): TooLargeError {
  return new TooLargeError(
    `A message of ${bytes} bytes is too large: the limit is ${limits.messageBytes}. Split it into several.`,
    { details: { bytes, limit: limits.messageBytes } },
  );
}

/**
 * Words without parts and words in one text part are the same message: what is stored in one form may be sent again in the
 * other. Gives the rows with the form that is stored, or `undefined` where a stored one is another message.
 */
export function inStoredForms(
  rows: readonly OutgoingMessage[],
  stored: readonly Pick<Message, "id" | "content" | "parts" | "metadata">[],
): OutgoingMessage[] | undefined {
  const adopted = [...rows];
  for (const { id, content, parts } of stored) {
    const index = adopted.findIndex((row) => (row.externalId ?? row.id) === id);
    const row = adopted[index];
    const kept = parts === null ? null : JSON.stringify(parts);
    const onlyWords = JSON.stringify([{ type: "text", text: content }]);
    if (!row || row.parts === kept) return undefined;
    if (![row.parts, kept].every((form) => form === null || form === onlyWords)) return undefined;
    adopted[index] = { ...row, parts: kept };
  }
  return adopted;
}

function asJson(value: unknown, what: string): string {
  try {
    const all = Array.isArray(value) ? value : [value];
    // One that writes itself in another way might come out as anything, also as nothing.
    if (all.some((each) => typeof (each as { toJSON?: unknown } | null)?.toJSON === "function")) {
      throw new InvalidInputError(`${what} must be plain JSON, without a method toJSON.`);
    }
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    throw new InvalidInputError(`${what} must be JSON that is not nested thousands of levels deep.`);
  }
}
