/** Messages of the AI SDK: a list of `UIMessage`, alone or in an object, of its version 4 too. */
import type { Part } from "chatkeep";
import {
  type ConversationFormat,
  type Fields,
  fieldsOf,
  type ImportedMessage,
  idFrom,
  inLine,
  isFields,
  type LeftOut,
  listOf,
  messageWith,
  metadataOf,
  othersOf,
  type ReadConversation,
  type RowFormat,
  roleOf,
  textOr,
  textPart,
  timesOf,
  titleOf,
  toolPart,
  uniqueIds,
} from "./format.ts";

const roles = new Set(["user", "assistant", "system", "tool", "data"]);

function isMessage(value: unknown): boolean {
  if (!isFields(value) || !roles.has(String(value["role"]))) return false;
  return Array.isArray(value["parts"]) || typeof value["content"] === "string" || Array.isArray(value["content"]);
}

/** A list of messages is one conversation. */
export const aiSdkMessages: RowFormat = {
  name: "ai-sdk",
  detect: isMessage,
  keyOf: () => "",
  read: (rows) => [conversationOf(rows, {})],
};

/** A saved chat: its messages, with its id and title, if it has them. */
export const aiSdkChat: ConversationFormat = {
  name: "ai-sdk",
  detect: (value) => isFields(value) && Array.isArray(value["messages"]) && value["messages"].some(isMessage),
  read: (value) => conversationOf(listOf(fieldsOf(value)["messages"]), fieldsOf(value)),
};

function conversationOf(rows: readonly unknown[], chat: Fields): ReadConversation {
  const leftOut: LeftOut[] = [];
  const sources = rows.map(fieldsOf);
  const id = textOr(chat["id"], textOr(chat["chatId"], `ai-sdk:${idFrom(sources[0])}`));
  const unique = uniqueIds();
  const messages = sources.flatMap((source, index) =>
    messageOf(unique(textOr(source["id"], `${index + 1}`)), source, leftOut),
  );
  const used = ["id", "chatId", "title", "messages", "createdAt", "updatedAt"];
  const conversation = {
    id,
    title: titleOf(chat["title"], leftOut),
    ...timesOf(chat["createdAt"], chat["updatedAt"], leftOut),
    ...metadataOf({ aiSdk: othersOf(chat, used, leftOut) }),
    messages: inLine(messages),
  };
  return { conversation, leftOut };
}

const usedOfMessage = ["id", "role", "content", "parts", "createdAt", "metadata", "toolInvocations"];

function messageOf(id: string, source: Fields, leftOut: LeftOut[]): ImportedMessage[] {
  const role = roleOf(source["role"], leftOut, id);
  if (!role) return [];
  const parts = partsOf(source);
  const message = messageWith({ id, role, parts, time: source["createdAt"] }, leftOut);
  if (!message) return [];
  const others = othersOf(source, usedOfMessage, leftOut, id);
  const { metadata } = source;
  if (!others) return [metadata == null ? message : { ...message, metadata: metadata as Fields }];
  // Metadata comes back as it was; only where there is more to keep is it put beside that.
  const own = isFields(metadata) ? metadata : metadata == null ? {} : { metadata };
  return [{ ...message, metadata: { ...own, aiSdk: others } }];
}

function partsOf(source: Fields): Part[] {
  const given = listOf(source["parts"]).filter((part): part is Part => typeof fieldsOf(part)["type"] === "string");
  if (given.length > 0) return given.map(partOf);
  const content = source["content"];
  const texts =
    typeof content === "string" ? (content ? [textPart(content)] : []) : (listOf(content) as Part[]).map(partOf);
  return [...listOf(source["toolInvocations"]).map(invocation), ...texts];
}

/** Version 4 has the call of a tool inside its part. */
function partOf(part: Part): Part {
  if (part.type === "tool-invocation") return invocation(part["toolInvocation"]);
  if (part.type === "reasoning" && typeof part["reasoning"] === "string" && part["text"] === undefined) {
    const { reasoning, ...others } = part;
    return { ...others, text: reasoning } as Part;
  }
  return part;
}

function invocation(value: unknown): Part {
  const { toolCallId, toolName, args, result, state } = fieldsOf(value);
  const call = { id: textOr(toolCallId, "call"), name: textOr(toolName, "tool"), input: args };
  return state === "result" || result !== undefined ? toolPart(call, { output: result }) : toolPart(call);
}
