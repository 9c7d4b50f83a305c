/** Mastra's messages and stored ones: as parts that every reader knows, and beside them what these do not say. */
import { isDeepStrictEqual } from "node:util";
import type { MastraDBMessage } from "@mastra/core/memory";
import { InvalidInputError } from "../../errors.ts";
import type { Message, MessageRole, Part } from "../../store/tables/message.ts";
import { type Fields, fromParts, isFields, toParts } from "./parts.ts";

/** The type of the part that holds what else Mastra said of a message. */
const besideType = "data-mastra-message";

interface Beside {
  /** Where Mastra has one that is not stored as such. */
  role?: string;
  createdAt: string;
  type?: string;
  resourceId?: string;
  /** Without its parts. */
  content: Fields;
  /** Where the parts of the AI SDK would not give them back. */
  parts?: Fields[];
}

/** A message to store, and the thread that it names. */
export interface StoredForm {
  id: string;
  threadId: string | undefined;
  role: MessageRole;
  parts: Part[];
}

/** @throws invalid_input for what is no message of Mastra's format 2, and for what JSON cannot hold */
export function toStored(message: MastraDBMessage): StoredForm {
  if (!isFields(message) || typeof message.id !== "string") throw new InvalidInputError("A message must have an id.");
  const { id, threadId, role: given, type, resourceId } = message;
  const content = plainContent(message.content);
  const { parts, ...rest } = content;
  const shown = toParts(content);
  const role = roleOf(given, content);
  const isWhole = isDeepStrictEqual(fromParts(shown), parts);
  const beside: Beside = {
    ...(given !== role && { role: given }),
    createdAt: timeOf(message.createdAt),
    ...(typeof type === "string" && { type }),
    ...(typeof resourceId === "string" && { resourceId }),
    content: rest,
    ...(!isWhole && { parts: parts as Fields[] }),
  };
  return { id, threadId, role, parts: [...shown, { type: besideType, data: beside }] };
}

/** As Mastra gave it, or as the parts of another client say it; `resourceId` is that of the thread. */
export function toMastra(message: Message, resourceId: string): MastraDBMessage {
  const { id, conversationId: threadId, parts: stored, metadata } = message;
  const parts = stored ?? [{ type: "text", text: message.content }];
  const beside = parts.find(({ type }) => type === besideType)?.["data"] as Beside | undefined;
  const shown = parts.filter(({ type }) => type !== besideType);
  if (!beside) {
    const content = { format: 2, parts: fromParts(shown), ...(isFields(metadata) && { metadata }) };
    const role = message.role === "tool" ? "assistant" : message.role;
    return { id, role, createdAt: message.createdAt, threadId, resourceId, content } as unknown as MastraDBMessage;
  }
  return {
    id,
    role: beside.role ?? message.role,
    createdAt: new Date(beside.createdAt),
    threadId,
    ...(beside.resourceId !== undefined && { resourceId: beside.resourceId }),
    ...(beside.type !== undefined && { type: beside.type }),
    content: contentOf(beside, shown),
  } as unknown as MastraDBMessage;
}

/** What another client has changed since in the parts is so for Mastra too. */
function contentOf({ content, parts }: Beside, shown: Part[]): Fields {
  if (parts && isDeepStrictEqual(toParts({ ...content, parts }), shown)) return { ...content, parts };
  return { ...content, parts: fromParts(shown) };
}

function roleOf(role: unknown, { metadata }: Fields): MessageRole {
  if (role === "user" || role === "assistant" || role === "system") return role;
  if (role !== "signal") {
    throw new InvalidInputError("The role of a message must be user, assistant, system or signal.");
  }
  const signal = isFields(metadata) && isFields(metadata["signal"]) ? metadata["signal"] : {};
  return signal["type"] === "user" || signal["type"] === "user-message" ? "user" : "system";
}

function timeOf(given: unknown): string {
  const time = new Date((given as Date | string | undefined) ?? Date.now());
  if (Number.isNaN(time.getTime())) throw new InvalidInputError("The createdAt of a message must be a time.");
  return time.toISOString();
}

function plainContent(given: unknown): Fields & { parts: unknown } {
  const content: unknown = plainJson(given);
  if (isFields(content) && content["format"] === 2 && Array.isArray(content["parts"])) {
    return content as Fields & { parts: unknown };
  }
  throw new InvalidInputError("The content of a message must be of Mastra's format 2, with a list of parts.");
}

/** As JSON has it. @throws invalid_input for what it has not, or would have in another way without telling */
function plainJson(value: unknown): unknown {
  try {
    return JSON.parse(
      JSON.stringify(value, function (this: Fields, key: string, each: unknown) {
        const original = this[key];
        if (ArrayBuffer.isView(original) || original instanceof Map || original instanceof Set) throw unkeepable();
        if (typeof original === "bigint" || typeof original === "function") throw unkeepable();
        return each;
      }) ?? "null",
    );
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    throw unkeepable();
  }
}

function unkeepable(): InvalidInputError {
  return new InvalidInputError(
    "The content of a message holds what JSON cannot hold: give texts, numbers, lists and objects, and bytes as base64.",
  );
}
