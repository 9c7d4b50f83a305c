/** Conversations of Grok's export: each with its responses, some of which name the one before them. */
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
} from "./format.ts";

const usedOfConversation = ["id", "title", "create_time", "modify_time", "starred", "leaf_response_id"];

export const grok: ConversationFormat = {
  name: "grok",
  detect: (value) => isFields(value) && isFields(value["conversation"]) && Array.isArray(value["responses"]),
  read(value) {
    const { conversation: about, responses } = fieldsOf(value);
    const source = fieldsOf(about);
    const id = textOr(source["id"], undefined);
    if (!id) throw new FormatError("Its conversation has no id.");
    const leftOut: LeftOut[] = [];
    const named = listOf(responses).map((entry, index) => {
      const response = fieldsOf(fieldsOf(entry)["response"] ?? entry);
      const parent = textOr(response["parent_response_id"], null);
      return { id: textOr(response["_id"], `${index}`), parent, source: response };
    });
    const messages = linked(named, (one, response) => messageOf(one, response, leftOut), leftOut);
    const headId = messages.find((message) => message.id === source["leaf_response_id"])?.id;
    const conversation = {
      id,
      title: titleOf(source["title"], leftOut),
      pinned: source["starred"] === true,
      ...timesOf(momentOf(source["create_time"]), momentOf(source["modify_time"]), leftOut),
      ...metadataOf({ grok: othersOf(source, usedOfConversation, leftOut) }),
      ...(headId && { headId }),
      messages,
    };
    return { conversation, leftOut };
  },
};

const usedOfResponse = ["_id", "conversation_id", "parent_response_id", "sender", "message", "model", "create_time"];

/** People are "human"; what else sends is a model, however it is called. */
function messageOf(id: string, response: Fields, leftOut: LeftOut[]): ImportedMessage | undefined {
  const sender = textOr(response["sender"], "");
  const text = textOr(response["message"], "");
  const thinking = textOr(response["thinking_trace"], "");
  const parts: Part[] = [
    ...(thinking ? [{ type: "reasoning", text: thinking }] : []),
    ...(text ? [textPart(text)] : []),
  ];
  for (const file of listOf(response["file_attachments"])) {
    leftOut.push({ messageId: id, reason: "The bytes of an attached file are not brought in." });
    parts.push({ type: "data-grok-attachment", data: file });
  }
  const used = [...usedOfResponse, "thinking_trace", "file_attachments"];
  const about = () => ({
    model: textOr(response["model"], null),
    grok: othersOf(response, used, leftOut, id),
  });
  const role = sender.toLowerCase() === "human" ? "user" : "assistant";
  return messageWith({ id, role, parts, time: momentOf(response["create_time"]), about }, leftOut);
}

/** Times are texts, or as MongoDB writes them: `{ $date: { $numberLong: "1747…" } }`. */
function momentOf(value: unknown): unknown {
  if (!isFields(value)) return value;
  const date = value["$date"];
  return isFields(date) ? Number(date["$numberLong"]) : date;
}
