/** Conversations of LibreChat's export: a list of messages that name the one before them, or a tree of them. */
import type { Part } from "chatkeep";
import {
  type ConversationFormat,
  type Fields,
  FormatError,
  fieldsOf,
  type ImportedMessage,
  isFields,
  jsonOr,
  type LeftOut,
  linked,
  listOf,
  messageWith,
  metadataOf,
  type Named,
  othersOf,
  textOr,
  textPart,
  titleOf,
  toolPart,
} from "./format.ts";

export const librechat: ConversationFormat = {
  name: "librechat",
  detect: (value) => isFields(value) && typeof value["conversationId"] === "string" && messagesIn(value) !== undefined,
  read(value) {
    const source = fieldsOf(value);
    const id = textOr(source["conversationId"], undefined);
    if (!id) throw new FormatError("It has no conversationId.");
    const leftOut: LeftOut[] = [];
    const model = textOr(fieldsOf(source["options"])["model"], null);
    const used = ["conversationId", "title", "messages", "messagesTree", "exportAt", "branches", "recursive"];
    const conversation = {
      id,
      title: titleOf(source["title"], leftOut),
      ...(model && { model }),
      ...metadataOf({ librechat: othersOf(source, used, leftOut) }),
      messages: linked(
        [...flattened(messagesIn(source) ?? [])],
        (one, message) => messageOf(one, message, leftOut),
        leftOut,
      ),
    };
    return { conversation, leftOut };
  },
};

function messagesIn({ messagesTree, messages }: Fields): unknown[] | undefined {
  return Array.isArray(messagesTree) ? messagesTree : Array.isArray(messages) ? messages : undefined;
}

/** In the order in which they are read; trees may be deeper than functions can call each other. */
function* flattened(entries: readonly unknown[]): Generator<Named> {
  const next: { source: Fields; above: string | null }[] = [];
  const add = (all: readonly unknown[], above: string | null) =>
    next.push(...all.map((entry) => ({ source: fieldsOf(entry), above })).reverse());
  add(entries, null);
  for (let index = 0, one = next.pop(); one; one = next.pop(), index += 1) {
    const id = textOr(one.source["messageId"], `${index}`);
    yield { id, parent: one.above ?? textOr(one.source["parentMessageId"], null), source: one.source };
    add(listOf(one.source["children"]), id);
  }
}

const usedOfMessage = [
  "messageId",
  "conversationId",
  "parentMessageId",
  "isCreatedByUser",
  "text",
  "content",
  "model",
  "createdAt",
  "children",
  "files",
  "attachments",
];

function messageOf(id: string, source: Fields, leftOut: LeftOut[]): ImportedMessage | undefined {
  const blocks = listOf(source["content"]).map(fieldsOf);
  const parts = blocks.flatMap((block, index) => partsOf(block, `${id}:${index}`));
  const text = textOr(source["text"], "");
  if (text && !parts.some(({ type }) => type === "text")) parts.push(textPart(text));
  for (const file of [...listOf(source["files"]), ...listOf(source["attachments"])].map(fieldsOf)) {
    leftOut.push({
      messageId: id,
      reason: `The export has no bytes of the file ${textOr(file["filename"], "without a name")}.`,
    });
    parts.push({ type: "data-librechat-file", data: file });
  }
  const isUser = source["isCreatedByUser"] ?? source["sender"] === "User";
  const about = () => ({
    model: textOr(source["model"], null),
    librechat: othersOf(source, usedOfMessage, leftOut, id),
  });
  const role = isUser === true ? "user" : "assistant";
  return messageWith({ id, role, parts, time: source["createdAt"], about }, leftOut);
}

function partsOf(block: Fields, place: string): Part[] {
  switch (block["type"]) {
    case "text": {
      const text = textOr(block["text"], textOr(fieldsOf(block["text"])["value"], ""));
      return text ? [textPart(text)] : [];
    }
    case "think": {
      const text = textOr(block["think"], "");
      return text ? [{ type: "reasoning", text }] : [];
    }
    case "tool_call": {
      const call = fieldsOf(block["tool_call"]);
      const { id, name, args, output } = call;
      const asked = { id: textOr(id, place), name: textOr(name, "tool"), input: jsonOr(args) };
      return [output === undefined || output === null ? toolPart(asked) : toolPart(asked, { output })];
    }
    default:
      return [{ type: "data-librechat-content", data: block }];
  }
}
