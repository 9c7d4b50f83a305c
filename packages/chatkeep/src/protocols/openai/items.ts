/** The items of stored messages: one, or several where another client wrote the message; and which item an id names. */
import type { NewMessage } from "../../store/schemas.ts";
import type { Message, Part } from "../../store/tables/message.ts";
import { itemOf, partsToStore } from "../frame/foreign.ts";
import { format, type Item, message, normalized, reasoning, roleOf, toolItems } from "./format.ts";
import { newId } from "./ids.ts";

/** An item as it is answered. */
export interface KeptItem extends Item {
  id: string;
}

/** The type of the part that stands where an item of a message was deleted. */
const deletedType = "data-openai-deleted";

/** The message to store for an item; `seed` makes the id where none is given, the same again for the same. */
export function messageOf(given: Record<string, unknown>, seed?: string): NewMessage & { id: string } {
  const item = normalized(given);
  const role = roleOf(item);
  const id = typeof given["id"] === "string" ? given["id"] : newId(prefixOf(item), seed);
  return { id, role, parts: partsToStore(format, role, item) };
}

function prefixOf({ type }: Item): string {
  return prefixes[type] ?? "item";
}

const prefixes: Record<string, string> = {
  message: "msg",
  reasoning: "rs",
  function_call: "fc",
  function_call_output: "fco",
  compaction: "cmp",
};

/** The items of a stored message, as OpenAI's API has them, in order; none of a deleted one. The id of an item is the message's where it is its only one for good. */
export function toItems(stored: Message): KeptItem[] {
  if (stored.status === "deleted") return [];
  const single = itemOf(format, stored);
  if (isItem(single)) return [asKept(stored.id, stored, single)];
  return (stored.parts ?? []).flatMap((part, index) => itemsOfPart(stored, part, index));
}

function isItem(value: unknown): value is Item {
  return typeof value === "object" && value !== null && typeof (value as Item).type === "string";
}

function asKept(id: string, { status }: Message, item: Item): KeptItem {
  const { type, id: _id, ...rest } = item;
  const isWhole = status === "complete" || rest["status"] !== "completed";
  const state = isWhole ? {} : { status: status === "streaming" ? "in_progress" : "incomplete" };
  return { id, type, ...rest, ...state };
}

/** Each part has its place in the id, so that the ids stay while a reply grows, and when one of its items is deleted. */
function itemsOfPart(stored: Message, part: Part, index: number): KeptItem[] {
  const id = `${stored.id}:${index + 1}`;
  if (part.type === "text" || part.type === "file") {
    return part["text"] === "" ? [] : [asKept(id, stored, message(stored.role, [part]))];
  }
  if (part.type === "reasoning") return part["text"] === "" ? [] : [asKept(id, stored, reasoning([part]))];
  return toolItems(stored.role, part).map((item, at) => ({ id: at === 0 ? id : `${id}:output`, ...item }));
}

/** The place of an item in a message that has several. */
export interface ItemPlace {
  messageId: string;
  index: number;
  isOutput: boolean;
}

/** What the id of an item of several says; `undefined` where it is none. */
export function placeOf(itemId: string): ItemPlace | undefined {
  const [, messageId, place, output] = /^(.+):([1-9]\d{0,4})(:output)?$/s.exec(itemId) ?? [];
  return messageId === undefined ? undefined : { messageId, index: Number(place) - 1, isOutput: output !== undefined };
}

/** The parts of a message without one of its items; a call goes with what came of it, where both are one part. */
export function partsWithout({ parts }: Message, { index, isOutput }: ItemPlace): Part[] {
  return (parts ?? []).map((part, at) => {
    if (at !== index) return part;
    if (!isOutput) return { type: deletedType, data: {} };
    const { output: _output, errorText: _errorText, ...call } = part;
    return { ...call, state: "input-available" } as Part;
  });
}
