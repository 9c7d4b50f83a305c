/** What chatkeep's own export of one user has: a conversation, then its messages. */
import {
  type Fields,
  FormatError,
  fieldsOf,
  type ImportedMessage,
  isFields,
  keptAbove,
  type LeftOut,
  type RowFormat,
  textOr,
} from "./format.ts";

const types = new Set(["user", "task", "conversation", "message", "deleted"]);

export const chatkeep: RowFormat = {
  name: "chatkeep",
  detect: (value) =>
    isFields(value) && types.has(String(value["type"])) && ("id" in value || "conversationId" in value),
  keyOf(value) {
    const { type, id, conversationId } = fieldsOf(value);
    return String(type === "conversation" ? id : (conversationId ?? ""));
  },
  read(rows) {
    const sources = rows.map(fieldsOf).filter(({ type }) => type !== "user" && type !== "task");
    const [first, ...others] = sources;
    if (!first || others.some(({ type }) => type === "deleted")) return [];
    if (first["type"] !== "conversation") throw new FormatError("Its messages come without their conversation.");
    const leftOut: LeftOut[] = [];
    const parents = new Map(others.map(({ id, parentId }) => [String(id), textOr(parentId, null)]));
    const kept = new Map<string, ImportedMessage>();
    for (const source of others) {
      const id = String(source["id"]);
      if (source["status"] === "deleted") leftOut.push({ messageId: id, reason: "It was deleted there." });
      else kept.set(id, messageOf(source, leftOut));
    }
    const messages = [...kept].map(([key, message]) => ({ ...message, parentId: keptAbove(key, parents, kept) }));
    const { id, title, pinned, archived, metadata, model, instructions, createdAt, updatedAt, headId } = first;
    const head = textOr(headId, null);
    const shown = head === null || kept.has(head) ? head : keptAbove(head, parents, kept);
    const about = { id, title, pinned, archived, metadata, model, instructions, createdAt, updatedAt, headId: shown };
    return [{ conversation: { ...about, messages } as never, leftOut }];
  },
};

/** A user may not say that a model wrote something: only an operator's restore brings that back. */
function messageOf(source: Fields, leftOut: LeftOut[]): ImportedMessage {
  const { id, role, content, parts, metadata, status, createdAt, finishReason, revision } = source;
  if (finishReason != null || (typeof revision === "number" && revision > 1)) {
    const reason = "How it ended and how often it was changed is brought back by chatkeep restore alone.";
    leftOut.push({ messageId: textOr(id, "?"), reason });
  }
  return {
    id,
    role,
    ...(Array.isArray(parts) ? { parts } : { content }),
    ...(metadata != null && { metadata }),
    status: status === "streaming" ? "interrupted" : status,
    createdAt,
  } as ImportedMessage;
}
