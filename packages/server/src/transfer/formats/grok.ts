/** Conversations of Grok's export: each with its responses, some of which name the one before them. */
import type { Part } from "chatkeep";
import {
  type ConversationFormat,
  type Fields,
  FormatError,
  fieldsOf,
  type ImportedMessage,
  isFields,
  keptAbove,
  type LeftOut,
  listOf,
  metadataOf,
  othersOf,
  parentsFirst,
  textOr,
  textPart,
  timeOf,
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
    const messages = parentsFirst(linked(listOf(responses).map(fieldsOf), leftOut), leftOut);
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

/** Several may name none before them: each begins a branch, unless none of them names any. */
function linked(entries: readonly Fields[], leftOut: LeftOut[]): ImportedMessage[] {
  const responses = entries.map((entry) => fieldsOf(entry["response"] ?? entry));
  const namesParents = responses.some(({ parent_response_id }) => textOr(parent_response_id, null) !== null);
  const above = new Map<string, string | null>();
  const kept = new Map<string, ImportedMessage>();
  let before: string | null = null;
  for (const [index, response] of responses.entries()) {
    const id = textOr(response["_id"], `${index}`);
    if (above.has(id)) {
      leftOut.push({ messageId: id, reason: "Another response before it has the same _id." });
      continue;
    }
    above.set(id, namesParents ? textOr(response["parent_response_id"], null) : before);
    before = id;
    const message = messageOf(id, response, leftOut);
    if (message) kept.set(id, message);
  }
  return [...kept.values()].map((message) => ({ ...message, parentId: keptAbove(message.id, above, kept) }));
}

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
  if (parts.length === 0) {
    leftOut.push({ messageId: id, reason: "It has no content." });
    return undefined;
  }
  const createdAt = timeOf(momentOf(response["create_time"]), leftOut, id);
  const used = [...usedOfResponse, "thinking_trace", "file_attachments"];
  return {
    id,
    role: sender.toLowerCase() === "human" ? "user" : "assistant",
    parts,
    ...(createdAt && { createdAt }),
    ...metadataOf({
      model: textOr(response["model"], null),
      grok: othersOf(response, used, leftOut, id),
    }),
  };
}

/** Times are texts, or as MongoDB writes them: `{ $date: { $numberLong: "1747…" } }`. */
function momentOf(value: unknown): unknown {
  if (!isFields(value)) return value;
  const date = value["$date"];
  return isFields(date) ? Number(date["$numberLong"]) : date;
}
