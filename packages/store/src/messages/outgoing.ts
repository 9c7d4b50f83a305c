/** New messages made ready for a statement: ids given, content and parts agreed, sizes checked, one array per column. */
import { randomUUID } from "node:crypto";
import type { z } from "zod";
import { InvalidInputError, TooLargeError } from "../errors.ts";
import type { Message, Part, UserId } from "../models/chat.ts";
import { limits } from "../models/limits.ts";
import { isStorable, type newMessagesSchema, textOf } from "../models/schemas.ts";

/** The parameters of one append, a column each. */
export interface Outgoing {
  ids: string[];
  roles: string[];
  statuses: string[];
  contents: string[];
  parts: (string | null)[];
  parentIds: (string | null)[];
  /** Whether the parent was given; where not, a message follows the one before it. */
  placed: boolean[];
}

/** One append, ready for a statement. */
export interface Append {
  ownerId: UserId;
  conversationId: string;
  columns: Outgoing;
  expectedSeq: number | null;
  /** What the conversation is called from now on if it has no title. */
  title: string | null;
}

type ParsedMessage = z.output<typeof newMessagesSchema>[number];

/** @throws too_large when a message has over 16 MiB. */
export function outgoing(messages: readonly ParsedMessage[]): Outgoing {
  const columns: Outgoing = {
    ids: [],
    roles: [],
    statuses: [],
    contents: [],
    parts: [],
    parentIds: [],
    placed: [],
  };
  for (const message of messages) {
    const { content, parts } = body(message);
    columns.ids.push(message.id ?? randomUUID());
    columns.roles.push(message.role);
    columns.statuses.push(message.status ?? "complete");
    columns.contents.push(content);
    columns.parts.push(parts);
    columns.parentIds.push(message.parentId ?? null);
    columns.placed.push(message.parentId !== undefined);
  }
  return columns;
}

/** `content` and `parts` as columns. PostgreSQL's text cannot hold NUL and lone surrogates, json can: such content is kept in a part. */
export function body({ content, parts }: Pick<ParsedMessage, "content" | "parts">) {
  requireLength(content, parts);
  const text = parts === undefined ? (content ?? "") : textOf(parts);
  const isKept = isStorable(text);
  const kept = parts ?? (isKept ? undefined : [{ type: "text", text }]);
  const json = kept === undefined ? null : asJson(kept);
  requireSize(text);
  if (parts && json) requireSize(json);
  return { content: isKept ? text : text.toWellFormed().replaceAll("\0", "\uFFFD"), parts: json };
}

/** Before anything is copied: a character has at least one byte. */
function requireLength(content: string | undefined, parts: readonly Part[] | undefined): void {
  let length = content?.length ?? 0;
  for (const part of parts ?? []) length += typeof part["text"] === "string" ? part["text"].length : 0;
  if (length > limits.messageBytes) throw tooLarge(length);
}

function requireSize(text: string): void {
  // No letter takes more than three bytes: a short text need not be measured.
  if (text.length * 3 <= limits.messageBytes) return;
  const bytes = Buffer.byteLength(text);
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
 * other. Gives whether `columns` took over the form of every stored row.
 */
export function adoptStoredForms(
  columns: Outgoing,
  stored: readonly Pick<Message, "id" | "content" | "parts">[],
): boolean {
  return stored.every(({ id, content, parts }) => {
    const index = columns.ids.indexOf(id);
    const given = columns.parts[index] ?? null;
    const kept = parts === null ? null : JSON.stringify(parts);
    const onlyWords = JSON.stringify([{ type: "text", text: content }]);
    const isOnlyWords = [given, kept].every((form) => form === null || form === onlyWords);
    if (given === kept || !isOnlyWords) return false;
    columns.parts[index] = kept;
    return true;
  });
}

function asJson(parts: readonly unknown[]): string {
  try {
    // One that writes itself in another way might come out as anything, also as nothing.
    if (parts.some((part) => typeof (part as { toJSON?: unknown }).toJSON === "function")) {
      throw new InvalidInputError("parts must be plain JSON, without a method toJSON.");
    }
    return JSON.stringify(parts);
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    throw new InvalidInputError("parts must be JSON that is not nested thousands of levels deep.");
  }
}
