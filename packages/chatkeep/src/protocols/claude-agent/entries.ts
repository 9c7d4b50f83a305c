/** Entries of a transcript and the messages that hold them: each whole, beside what of it can be shown; a very large one in pieces. */
import { createHash } from "node:crypto";
import { InvalidInputError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { newId } from "../../store/ids.ts";
import type { NewMessage } from "../../store/schemas.ts";
import type { Message, MessageRole, Part } from "../../store/tables/message.ts";
import type { SessionEntry } from "./contract.ts";
import { shownOf, type ToolNames } from "./shown.ts";

/** The types of the parts that hold an entry whole, or a stretch of its JSON. */
const wholeType = "data-claude-agent";
const pieceType = "data-claude-agent-piece";

/** Characters of JSON, each of at most three bytes once it stands in JSON again. */
const pieceCharacters = 4 * 1024 * 1024;
/** What a message has beside the JSON of an entry. */
const reserved = 1024;
/** What is shown of a very large entry at most. */
const shortBytes = 1024 * 1024;

/** A message to store. */
export interface StoredEntry {
  message: NewMessage & { id: string };
  /** Whether there is something in it to read. */
  isShown: boolean;
  /** Of its parts as JSON. */
  bytes: number;
}

/** @throws invalid_input */
export function checkedEntries(entries: readonly SessionEntry[]): readonly SessionEntry[] {
  if (!Array.isArray(entries)) throw new InvalidInputError("entries must be a list.");
  const wrong = entries.findIndex((entry) => typeof entry?.type !== "string");
  if (wrong < 0) return entries;
  throw new InvalidInputError(`entries.${wrong} must be an object with a "type" that is a text.`);
}

/**
 * The id of an entry's message. It is not the `uuid` itself: a copy of a session has the same ones, and a UUID names one message in
 * the whole database.
 */
export function entryId({ uuid }: SessionEntry): string {
  if (typeof uuid !== "string" || uuid === "") return `claude-entry-${newId()}`;
  const isShort = /^[\x20-\x7e]{1,200}$/.test(uuid);
  return `claude-${isShort ? uuid : `sha256-${createHash("sha256").update(JSON.stringify(uuid)).digest("hex")}`}`;
}

/** The messages of an entry: one, or as many as its size asks for. @throws invalid_input for what JSON cannot hold */
export function toMessages(id: string, entry: SessionEntry, toolNames: ToolNames): StoredEntry[] {
  const json = jsonOf(entry);
  const shown = shownOf(entry, toolNames);
  const whole: Part = { type: wholeType, data: entry };
  const bytes = Buffer.byteLength(json) + reserved;
  const isSmall = bytes + bytesOf(shown.parts) <= limits.messageBytes;
  const { role, parts } = isSmall ? shown : { ...shown, parts: shortWords(shown.parts) };
  if (bytes + bytesOf(parts) <= limits.messageBytes) return [stored(id, role, parts, whole)];
  const of = Math.ceil(json.length / pieceCharacters);
  return Array.from({ length: of }, (_, index) => {
    const text = json.slice(index * pieceCharacters, (index + 1) * pieceCharacters);
    const piece: Part = { type: pieceType, data: { piece: index + 1, of, text } };
    return index === 0 ? stored(id, role, parts, piece) : stored(`${id}/${index + 1}`, "tool", [], piece);
  });
}

function stored(id: string, role: MessageRole, shown: Part[], kept: Part): StoredEntry {
  const parts = [...shown, kept];
  return { message: { id, role, parts }, isShown: shown.length > 0, bytes: bytesOf(parts) };
}

/** Of an entry that has no room for being shown beside itself. */
function shortWords(parts: readonly Part[]): Part[] {
  const words = parts.filter(({ type }) => type === "text" || type === "reasoning");
  return bytesOf(words) <= shortBytes ? words : [];
}

function bytesOf(parts: readonly Part[]): number {
  return parts.length === 0 ? 0 : Buffer.byteLength(JSON.stringify(parts));
}

/** The entries of messages, in order. Those of other clients, and deleted ones, have none. */
export function createReader(): (message: Message) => SessionEntry[] {
  let pieces: string[] = [];
  return ({ parts }) => {
    const part = parts?.find(({ type }) => type === wholeType || type === pieceType);
    if (!part) return [];
    if (part.type === wholeType) return [part["data"] as SessionEntry];
    const { piece, of, text } = part["data"] as { piece: number; of: number; text: string };
    // Of an entry of which a piece was deleted nothing is left.
    pieces = piece === pieces.length + 1 ? [...pieces, text] : piece === 1 ? [text] : [];
    if (pieces.length < of) return [];
    const json = pieces.join("");
    pieces = [];
    return [JSON.parse(json) as SessionEntry];
  };
}

function jsonOf(entry: SessionEntry): string {
  try {
    return JSON.stringify(entry);
  } catch {
    throw new InvalidInputError("An entry holds what JSON cannot hold: give texts, numbers, lists and objects.");
  }
}
