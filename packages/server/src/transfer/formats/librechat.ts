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
  keptAbove,
  type LeftOut,
  listOf,
  metadataOf,
  othersOf,
  parentsFirst,
  textOr,
  textPart,
  timeOf,
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
      messages: parentsFirst(linked(messagesIn(source) ?? [], leftOut), leftOut),
    };
    return { conversation, leftOut };
  },
};

function messagesIn({ messagesTree, messages }: Fields): unknown[] | undefined {
  return Array.isArray(messagesTree) ? messagesTree : Array.isArray(messages) ? messages : undefined;
}

/** Each follows the one whose child it is, or that it names; in files that name none, the one before it. */
function linked(entries: readonly unknown[], leftOut: LeftOut[]): ImportedMessage[] {
  const above = new Map<string, string | null>();
  const kept = new Map<string, ImportedMessage>();
  const found = [...flattened(entries)];
  const namesParents = found.some(({ source, above: parent }) => parent || textOr(source["parentMessageId"], null));
  let before: string | null = null;
  for (const [index, { source, above: parent }] of found.entries()) {
    const id = textOr(source["messageId"], `${index}`);
    if (above.has(id)) {
      leftOut.push({ messageId: id, reason: "Another message before it has the same messageId." });
      continue;
    }
    above.set(id, namesParents ? (parent ?? textOr(source["parentMessageId"], null)) : before);
    before = id;
    const message = messageOf(id, source, leftOut);
    if (message) kept.set(id, message);
  }
  return [...kept.values()].map((message) => ({ ...message, parentId: keptAbove(message.id, above, kept) }));
}

/** Trees may be deeper than functions can call each other. */
function* flattened(entries: readonly unknown[]): Generator<{ source: Fields; above?: string }> {
  const next: { source: Fields; above?: string }[] = entries.map((entry) => ({ source: fieldsOf(entry) })).reverse();
  for (let one = next.pop(); one; one = next.pop()) {
    yield one;
    const above = textOr(one.source["messageId"], undefined);
    const children = listOf(one.source["children"]).map((child) => ({
      source: fieldsOf(child),
      ...(above && { above }),
    }));
    next.push(...children.reverse());
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
  if (parts.length === 0) {
    leftOut.push({ messageId: id, reason: "It has no content." });
    return undefined;
  }
  const isUser = source["isCreatedByUser"] ?? source["sender"] === "User";
  const createdAt = timeOf(source["createdAt"], leftOut, id);
  return {
    id,
    role: isUser === true ? "user" : "assistant",
    parts,
    ...(createdAt && { createdAt }),
    ...metadataOf({
      model: textOr(source["model"], null),
      librechat: othersOf(source, usedOfMessage, leftOut, id),
    }),
  };
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
