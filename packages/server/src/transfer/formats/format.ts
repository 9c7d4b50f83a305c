/** What a reader of another product's conversations is, and what readers share. */
import { type ImportedConversation, limits, type Part } from "chatkeep";

/** Something of the source that is not kept, with the reason as a sentence. */
export interface LeftOut {
  /** As the source names it; absent where it is of the conversation. */
  messageId?: string;
  reason: string;
}

export interface ReadConversation {
  conversation: ImportedConversation;
  leftOut: LeftOut[];
}

/** A product's export. A value is one conversation of a file; it is known by its shape, never by the name of its file. */
export interface ConversationFormat {
  name: string;
  detect(value: unknown): boolean;
  /** @throws FormatError when it is of this format, and cannot be read */
  read(value: unknown): ReadConversation;
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

/** From seconds since 1970 or a time as text, in UTC where it names no zone; `undefined` for what is no past time. */
export function timeOf(value: unknown): Date | undefined {
  const time =
    typeof value === "number" ? new Date(value * 1000) : typeof value === "string" ? ofText(value) : undefined;
  return time && time.getTime() >= 0 && time.getTime() <= Date.now() ? time : undefined;
}

function ofText(value: string): Date {
  return new Date(/(?:[zZ]|[+-]\d{2}:?\d{2})$/.test(value) ? value : `${value}Z`);
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

export function textPart(text: string): Part {
  return { type: "text", text };
}
