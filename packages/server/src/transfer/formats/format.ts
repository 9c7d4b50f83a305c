/** What a reader of another product's conversations is, and what readers share. */
import { createHash } from "node:crypto";
import { type ImportedConversation, limits, type Part } from "chatkeep";

/** Something of the source that is not kept, with the reason as a sentence. */
export interface LeftOut {
  /** As the source names it; absent where it is of the conversation. */
  messageId?: string;
  reason: string;
  /**
   * A file that the message had: where its bytes are in the export, it is kept, and not left out. `url`: of the part that names it
   * already; without one, it is added at the end.
   */
  asset?: { id: string; name?: string; mediaType?: string; url?: string };
}

export interface ReadConversation {
  conversation: ImportedConversation;
  leftOut: LeftOut[];
}

/** A product's export, in which a value of a file is one conversation; it is known by its shape, never by the name of its file. */
export interface ConversationFormat {
  name: string;
  detect(value: unknown): boolean;
  /** `userId` is for formats whose ids are derived. @throws FormatError when it is of this format, and cannot be read */
  read(value: unknown, userId: string): ReadConversation;
}

/** A product's export, in which the values of a file are messages or turns, one after another. */
export interface RowFormat {
  name: string;
  detect(value: unknown): boolean;
  /** Rows that follow each other and have the same key are read together. */
  keyOf(value: unknown): string;
  /** @throws FormatError when they cannot be read */
  read(rows: readonly unknown[]): ReadConversation[];
}

/** A conversation that cannot be read at all; its message says why, in one sentence. */
export class FormatError extends Error {}

export type ImportedMessage = ImportedConversation["messages"][number];
export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOr<Other>(value: unknown, other: Other): string | Other {
  return typeof value === "string" && value !== "" ? value : other;
}

/** A title as long as titles may be; a longer one is cut, and named. */
export function titleOf(value: unknown, leftOut: LeftOut[]): string | null {
  const title = textOr(value, "").trim();
  const chars = [...title];
  if (chars.length <= limits.titleCharacters) return title || null;
  leftOut.push({ reason: `The title is longer than ${limits.titleCharacters} characters: its end is left out.` });
  return chars.slice(0, limits.titleCharacters).join("").trim();
}

/**
 * From a number since 1970 in seconds, or in smaller units where it is too large for them, or from a time as text, in UTC where it
 * names no zone; `undefined` for what is no past time, which is named.
 */
export function timeOf(value: unknown, leftOut: LeftOut[], messageId?: string): Date | undefined {
  if (value === null || value === undefined || value === "" || value === 0) return undefined;
  const time = typeof value === "number" ? ofNumber(value) : typeof value === "string" ? ofText(value) : undefined;
  if (time && time.getTime() >= 0 && time.getTime() <= Date.now()) return time;
  const reason = "Its time is no time, or lies before 1970 or in the future: it has the time of the import.";
  leftOut.push({ ...(messageId !== undefined && { messageId }), reason });
  return undefined;
}

/** Largest seconds, milliseconds and microseconds that are times of this age of the world. */
const [mostSeconds, mostMillis, mostMicros] = [1e11, 1e14, 1e17];

function ofNumber(value: number): Date {
  if (value < mostSeconds) return new Date(value * 1_000);
  if (value < mostMillis) return new Date(value);
  return new Date(value < mostMicros ? value / 1_000 : value / 1_000_000);
}

function ofText(value: string): Date {
  const hasZone = /(?:[zZ]|[+-]\d{2}:?\d{2})$/.test(value);
  const time = new Date(hasZone || !/^\d{4}-\d{2}-\d{2}[T ]/.test(value) ? value : `${value}Z`);
  return time;
}

/** Times as far as they are known. */
export function timesOf(created: unknown, updated: unknown, leftOut: LeftOut[]) {
  const [createdAt, updatedAt] = [timeOf(created, leftOut), timeOf(updated, leftOut)];
  return { ...(createdAt && { createdAt }), ...(updatedAt && { updatedAt }) };
}

/** Most that is kept of what a reader does not know, in bytes of JSON. */
const maxOthers = 16 * 1024;

/** What a reader has not used of an object, to be kept beside it as it is; what is too much is left out, and named. */
export function othersOf(
  source: Fields,
  used: readonly string[],
  leftOut: LeftOut[],
  messageId?: string,
): Fields | undefined {
  const entries = Object.entries(source).filter(([key, value]) => !used.includes(key) && !isEmpty(value));
  if (entries.length === 0) return undefined;
  const others = Object.fromEntries(entries);
  if (Buffer.byteLength(JSON.stringify(others)) <= maxOthers) return others;
  const kept = entries.filter(([, value]) => Buffer.byteLength(JSON.stringify(value)) <= maxOthers / 32).slice(0, 16);
  const names = entries.filter((entry) => !kept.includes(entry)).map(([key]) => key.slice(0, 40));
  const reason = `Too long to be kept beside it: ${names.slice(0, 10).join(", ")}.`;
  leftOut.push({ ...(messageId !== undefined && { messageId }), reason });
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** `metadata` of these, or nothing when there is nothing to say. */
export function metadataOf(about: Fields): { metadata?: Fields } {
  const entries = Object.entries(about).filter(([, value]) => value !== undefined && value !== null);
  return entries.length > 0 ? { metadata: Object.fromEntries(entries) } : {};
}

/** What a database takes as text, which NUL and half surrogates are not. */
const unstorable = /\u0000|\p{Surrogate}/u;

/** The same without characters that cannot be stored; `undefined` when all can be. */
export function storable(value: unknown): { value: unknown } | undefined {
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === "string" ? clean(inner) : inner));
  return text === JSON.stringify(value) ? undefined : { value: JSON.parse(text) as unknown };
}

function clean(text: string): string {
  return unstorable.test(text) ? text.replaceAll("\u0000", "").toWellFormed() : text;
}

/** An id where the source has none: the same for the same values, whenever they are read. */
export function idFrom(...values: unknown[]): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, 32);
}

/** Each the first time it is seen; after that with a number. */
export function uniqueIds(): (id: string) => string {
  const seen = new Map<string, number>();
  return (id) => {
    const times = (seen.get(id) ?? 0) + 1;
    seen.set(id, times);
    return times === 1 ? id : `${id}:${times}`;
  };
}

/** The nearest above this that is kept; a circle ends without one. */
export function keptAbove(id: string, parents: Map<string, string | null>, kept: Map<string, unknown>): string | null {
  const seen = new Set([id]);
  for (let above = parents.get(id) ?? null; above !== null && !seen.has(above); above = parents.get(above) ?? null) {
    if (kept.has(above)) return above;
    seen.add(above);
  }
  return null;
}

/** Parents before children, whatever their order was; what goes in a circle is left out, and named. */
export function parentsFirst(messages: readonly ImportedMessage[], leftOut: LeftOut[]): ImportedMessage[] {
  const ids = new Set(messages.map(({ id }) => id));
  const children = new Map<string | null, ImportedMessage[]>();
  for (const message of messages) {
    const parentId = message.parentId && ids.has(message.parentId) ? message.parentId : null;
    const siblings = children.get(parentId) ?? [];
    children.set(parentId, siblings);
    siblings.push({ ...message, parentId });
  }
  const ordered: ImportedMessage[] = [];
  const next = (children.get(null) ?? []).reverse();
  for (let message = next.pop(); message; message = next.pop()) {
    ordered.push(message);
    ids.delete(message.id);
    next.push(...(children.get(message.id) ?? []).reverse());
  }
  for (const messageId of ids) leftOut.push({ messageId, reason: "It follows itself: its parents go in a circle." });
  return ordered;
}

/** A message of a file, with the name of the one before it, if it says. */
export interface Named {
  id: string;
  parent: string | null;
  source: Fields;
}

/**
 * Each follows the one that it names; in files that name none, the one before it. What is left out is stepped over. Parents come
 * before children.
 */
export function linked(
  entries: readonly Named[],
  read: (id: string, source: Fields) => ImportedMessage | undefined,
  leftOut: LeftOut[],
): ImportedMessage[] {
  const namesParents = entries.some(({ parent }) => parent !== null);
  const above = new Map<string, string | null>();
  const kept = new Map<string, ImportedMessage>();
  let before: string | null = null;
  for (const { id, parent, source } of entries) {
    if (above.has(id)) {
      leftOut.push({ messageId: id, reason: "Another message before it has the same id." });
      continue;
    }
    above.set(id, namesParents ? parent : before);
    before = id;
    const message = read(id, source);
    if (message) kept.set(id, message);
  }
  const placed = [...kept.values()].map((message) => ({ ...message, parentId: keptAbove(message.id, above, kept) }));
  return parentsFirst(placed, leftOut);
}

const roles = new Set(["user", "assistant", "system", "tool"]);

/** One of ours; another is named. */
export function roleOf(value: unknown, leftOut: LeftOut[], messageId: string): ImportedMessage["role"] | undefined {
  if (roles.has(String(value))) return value as ImportedMessage["role"];
  leftOut.push({ messageId, reason: "It has a role that is not user, assistant, system or tool." });
  return undefined;
}

/** What there is of a message. */
export interface Content {
  id: string;
  role: ImportedMessage["role"];
  parts: Part[];
  time?: unknown;
  /** What stands beside it, looked at only when there is a message. */
  about?: () => Fields;
}

/** A message of that; one without content is named. */
export function messageWith(
  { id, role, parts, time, about }: Content,
  leftOut: LeftOut[],
): ImportedMessage | undefined {
  if (parts.length === 0) {
    leftOut.push({ messageId: id, reason: "It has no content." });
    return undefined;
  }
  const createdAt = timeOf(time, leftOut, id);
  return { id, role, parts, ...(createdAt && { createdAt }), ...metadataOf(about?.() ?? {}) };
}

/** One after another. */
export function inLine(messages: readonly ImportedMessage[]): ImportedMessage[] {
  return messages.map((message, index) => ({ ...message, parentId: messages[index - 1]?.id ?? null }));
}

export function textPart(text: string): Part {
  return { type: "text", text };
}

/** A call of a tool, with what came of it, if anything did. */
export function toolPart(
  call: { id: string; name: string; input: unknown },
  result?: { output: unknown; isError?: boolean },
): Part {
  const part = { type: "dynamic-tool", toolName: call.name || "tool", toolCallId: call.id, input: call.input ?? {} };
  if (!result) return { ...part, state: "input-available" };
  if (!result.isError) return { ...part, state: "output-available", output: result.output ?? null };
  const { output } = result;
  return { ...part, state: "output-error", errorText: typeof output === "string" ? output : JSON.stringify(output) };
}

/** Arguments of a call are JSON in a text, mostly. */
export function jsonOr(value: unknown): unknown {
  if (typeof value !== "string") return value ?? {};
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
