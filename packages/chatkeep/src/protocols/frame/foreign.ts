/**
 * Messages of other products' kinds, kept so that they come back as they were: as parts that every reader knows, where these say
 * all of it; else whole, in a part of their own beside the ones that can be shown.
 */
import type { Message, Part } from "../../store/tables/message.ts";

/** How one product writes a message. */
export interface ForeignFormat<Item> {
  /** Such as `openai-item`: a part that holds an item whole is of the type `data-openai-item`. */
  name: string;
  /** What of it can be shown and read by a model, as parts of the AI SDK. */
  toParts(item: Item): Part[];
  /** From parts alone; `undefined` where they are not what such a product can have written. Ids and what the protocol adds are left out. */
  fromParts(message: Pick<Message, "role" | "parts" | "content">): Item | undefined;
}

/** The parts to store for an item: its own, and the item whole where these would not give it back. */
export function partsToStore<Item>(format: ForeignFormat<Item>, role: Message["role"], item: Item): Part[] {
  const parts = format.toParts(item);
  const back = format.fromParts({ role, parts, content: "" });
  const isWhole = back !== undefined && JSON.stringify(back) === JSON.stringify(item);
  return isWhole ? parts : [...parts, { type: typeOf(format), data: item }];
}

/** The item of a stored message: as it came, or as its parts say it; `undefined` where they cannot. */
export function itemOf<Item>(format: ForeignFormat<Item>, message: Message): Item | undefined {
  const whole = message.parts?.find(({ type }) => type === typeOf(format));
  return whole ? (whole["data"] as Item) : format.fromParts(message);
}

function typeOf({ name }: { name: string }): string {
  return `data-${name}`;
}
