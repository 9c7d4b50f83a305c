/** Conversations of Claude's export: messages with the one before them, and blocks in each. */
import type { Part } from "chatkeep";
import {
  type ConversationFormat,
  type Fields,
  FormatError,
  fieldsOf,
  type ImportedMessage,
  isFields,
  type LeftOut,
  linked,
  listOf,
  messageWith,
  metadataOf,
  othersOf,
  textOr,
  textPart,
  timesOf,
  titleOf,
  toolPart,
} from "./format.ts";

export const claude: ConversationFormat = {
  name: "claude",
  detect: (value) => isFields(value) && Array.isArray(value["chat_messages"]),
  read(value) {
    const source = fieldsOf(value);
    const id = textOr(source["uuid"], undefined);
    if (!id) throw new FormatError("It has no uuid.");
    const leftOut: LeftOut[] = [];
    const named = listOf(source["chat_messages"])
      .map(fieldsOf)
      .map((message, index) => {
        const parent = textOr(message["parent_message_uuid"], null);
        return { id: textOr(message["uuid"], `${index}`), parent, source: message };
      });
    const messages = linked(named, (one, message) => messageOf(one, message, leftOut), leftOut);
    const model = textOr(source["model"], null);
    const summary = textOr(source["summary"], null);
    const current = source["current_leaf_message_uuid"];
    const headId = messages.find((message) => message.id === current)?.id;
    const conversation = {
      id,
      title: titleOf(textOr(source["name"], source["title"]), leftOut),
      pinned: source["is_starred"] === true,
      ...(model && { model }),
      ...timesOf(source["created_at"], source["updated_at"], leftOut),
      ...metadataOf({ summary, claude: othersOf(source, usedOfConversation, leftOut) }),
      ...(headId && { headId }),
      messages,
    };
    return { conversation, leftOut };
  },
};

const usedOfConversation = [
  "uuid",
  "name",
  "title",
  "summary",
  "model",
  "created_at",
  "updated_at",
  "is_starred",
  "chat_messages",
  "current_leaf_message_uuid",
];

function messageOf(id: string, source: Fields, leftOut: LeftOut[]): ImportedMessage | undefined {
  const sender = source["sender"];
  if (sender !== "human" && sender !== "assistant") {
    leftOut.push({ messageId: id, reason: "Its sender is neither human nor assistant." });
    return undefined;
  }
  const blocks = listOf(source["content"]).map(fieldsOf);
  const results = new Map(
    blocks.filter((block) => block["type"] === "tool_result").map((block) => [block["tool_use_id"], block]),
  );
  const uses = new Set(blocks.filter(({ type }) => type === "tool_use").map((block) => block["id"]));
  const parts = blocks.flatMap((block, index) => partsOf(block, `${id}:${index}`, results, uses));
  const text = textOr(source["text"], "");
  if (text && !blocks.some((block) => block["type"] === "text" && block["text"])) parts.push(textPart(text));
  for (const file of [...listOf(source["attachments"]), ...listOf(source["files"])].map(fieldsOf)) {
    parts.push({ type: "data-claude-attachment", data: file });
    const name = textOr(file["file_name"], "without a name");
    if (!textOr(file["extracted_content"], null)) {
      leftOut.push({ messageId: id, reason: `The export has no bytes of the file ${name}.` });
    }
  }
  const role = sender === "human" ? "user" : "assistant";
  const about = () => ({ claude: othersOf(source, usedOfMessage, leftOut, id) });
  return messageWith({ id, role, parts, time: source["created_at"], about }, leftOut);
}

const usedOfMessage = [
  "uuid",
  "text",
  "content",
  "sender",
  "created_at",
  "parent_message_uuid",
  "attachments",
  "files",
];
/** Of blocks whose text is a part; what else they say is beside it, as what its provider says of it. */
const usedOfText = ["type", "text"];

const usedOfCall = ["type", "id", "name", "input"];
const usedOfResult = ["type", "tool_use_id", "content", "is_error", "name"];

/** Whether a part says all of a block. */
function isSaid(block: Fields | undefined, used: readonly string[]): boolean {
  return !block || !othersOf(block, used, []);
}

function partsOf(block: Fields, place: string, results: Map<unknown, Fields>, uses: Set<unknown>): Part[] {
  const whole: Part = { type: "data-claude-block", data: block };
  switch (block["type"]) {
    case "text": {
      const text = textOr(block["text"], "");
      const others = othersOf(block, usedOfText, []);
      if (!text) return others ? [whole] : [];
      return others ? [textPart(text), whole] : [textPart(text)];
    }
    case "thinking": {
      const text = textOr(block["thinking"], "");
      return text ? [{ type: "reasoning", text }, whole] : [whole];
    }
    case "tool_use": {
      const result = typeof block["id"] === "string" ? results.get(block["id"]) : undefined;
      const call = { id: textOr(block["id"], place), name: textOr(block["name"], "tool"), input: block["input"] };
      const part = result
        ? toolPart(call, { output: result["content"] ?? null, isError: result["is_error"] === true })
        : toolPart(call);
      return isSaid(block, usedOfCall) && isSaid(result, usedOfResult)
        ? [part]
        : [part, whole, ...(result ? [{ type: whole.type, data: result }] : [])];
    }
    case "tool_result":
      return typeof block["tool_use_id"] === "string" && uses.has(block["tool_use_id"]) ? [] : [whole];
    default:
      return [whole];
  }
}
