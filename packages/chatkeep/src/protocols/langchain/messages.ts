/** Messages of LangChain and stored messages: as parts that every reader knows, and whole where these would not give them back. */
import { isDeepStrictEqual } from "node:util";
import {
  type BaseMessage,
  mapChatMessagesToStoredMessages,
  mapStoredMessageToChatMessage,
  type StoredMessage,
} from "@langchain/core/messages";
import type { NewMessage } from "../../store/schemas.ts";
import type { Message, MessageRole, Part } from "../../store/tables/message.ts";

type Fields = Record<string, unknown>;

/** The type of a part that holds a message whole. */
const wholeType = "data-langchain-message";

const roles: Record<string, MessageRole> = {
  human: "user",
  ai: "assistant",
  system: "system",
  tool: "tool",
  function: "tool",
};
const kinds: Record<MessageRole, string> = { user: "human", assistant: "ai", system: "system", tool: "tool" };

/** The message to store: its id is the message's own, where it has one, so that one that is sent again is not stored again. */
export function toStored(message: BaseMessage): NewMessage {
  const [item] = mapChatMessagesToStoredMessages([message]) as [StoredMessage];
  const role = roles[item.type] ?? roles[String(item.data.role)] ?? "user";
  const { id } = message;
  return { role, parts: partsToStore(role, item), ...(id && { id }) };
}

/** The messages of a stored one; none of a deleted one. */
export function toMessages(message: Message): BaseMessage[] {
  return message.status === "deleted" ? [] : itemsOf(message).map(mapStoredMessageToChatMessage);
}

/** The id that a `RemoveMessage` names. */
export function removedId(message: BaseMessage): string | undefined {
  return message.getType() === "remove" ? message.id : undefined;
}

/** Its own parts, and whole beside them where these would not give it back. */
function partsToStore(role: MessageRole, item: StoredMessage): Part[] {
  const parts = toParts(item);
  const [back, ...more] = fromParts({ role, parts, content: "" });
  const isWhole = more.length === 0 && isDeepStrictEqual(withoutId(back), JSON.parse(JSON.stringify(withoutId(item))));
  return isWhole ? parts : [...parts, { type: wholeType, data: item }];
}

/** It is the id of the stored message. */
function withoutId(item: StoredMessage | undefined) {
  if (!item) return undefined;
  const { id: _, ...data } = item.data as unknown as Fields;
  return { type: item.type, data };
}

function itemsOf(message: Message): StoredMessage[] {
  const whole = message.parts?.find(({ type }) => type === wholeType);
  if (whole) return [whole["data"] as StoredMessage];
  const items = fromParts(message);
  // One that a chain has stored has its id; of several the id would be the same.
  const [only] = items;
  return items.length === 1 && only ? [{ ...only, data: { ...only.data, id: message.id } }] : items;
}

/** What of it can be shown. */
function toParts({ data }: StoredMessage): Part[] {
  const { content, tool_call_id: toolCallId, name } = data;
  const calls = ((data as unknown as Fields)["tool_calls"] ?? []) as { id?: string; name: string; args: unknown }[];
  const said = textParts(content);
  if (toolCallId !== undefined) {
    return [{ type: `tool-${name ?? "unknown"}`, toolCallId, state: "output-available", input: {}, output: content }];
  }
  const called = calls.map(({ id, name, args }) => {
    return { type: `tool-${name}`, toolCallId: id ?? name, state: "input-available", input: args };
  });
  return [...said, ...called];
}

function textParts(content: unknown): Part[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  const blocks = Array.isArray(content) ? (content as Fields[]) : [];
  return blocks.flatMap((block): Part[] => {
    if (typeof block["text"] === "string") return [{ type: "text", text: block["text"] }];
    const image = (block["image_url"] as Fields | undefined)?.["url"] ?? block["image_url"];
    return typeof image === "string" ? [{ type: "file", mediaType: "image/*", url: image }] : [];
  });
}

/** Of what other clients have stored: an answer that called tools is that answer, and a result for each call that has one. */
function fromParts({ role, parts: given, content }: Pick<Message, "role" | "parts" | "content">): StoredMessage[] {
  const parts = given ?? [{ type: "text", text: content }];
  const text = parts.flatMap((part) => (part.type === "text" ? [String(part["text"])] : [])).join("");
  const tools = parts.filter(({ type }) => type === "dynamic-tool" || type.startsWith("tool-"));
  const results = tools.flatMap((part) => {
    const output = part["state"] === "output-error" ? part["errorText"] : part["output"];
    if (output === undefined) return [];
    const words = typeof output === "string" ? output : JSON.stringify(output);
    return [stored("tool", words, { name: nameOf(part), tool_call_id: part["toolCallId"] })];
  });
  if (role === "tool") return results.length > 0 ? results : [stored("ai", text)];
  const called = tools.map((part) => {
    return { name: nameOf(part), args: part["input"] ?? {}, id: part["toolCallId"], type: "tool_call" };
  });
  const isEmpty = text === "" && called.length === 0;
  const calls = role === "assistant" ? { tool_calls: called, invalid_tool_calls: [] } : {};
  const said = isEmpty ? [] : [stored(kinds[role], text, calls)];
  return [...said, ...results];
}

function nameOf(part: Part): unknown {
  return part.type === "dynamic-tool" ? part["toolName"] : part.type.slice("tool-".length);
}

function stored(type: string, content: string, more: Fields = {}): StoredMessage {
  return { type, data: { content, additional_kwargs: {}, response_metadata: {}, ...more } } as unknown as StoredMessage;
}
