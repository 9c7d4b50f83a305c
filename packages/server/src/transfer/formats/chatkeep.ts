/** What chatkeep's own export of one user has: a conversation, then its messages. */
import { fileIdOf } from "chatkeep";
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

/** What belongs to no conversation. */
const apart = new Set(["user", "project", "task", "file", "bytes"]);
const types = new Set(["user", "project", "task", "file", "bytes", "conversation", "message", "feedback", "deleted"]);

export const chatkeep: RowFormat = {
  name: "chatkeep",
  detect: (value) =>
    isFields(value) &&
    types.has(String(value["type"])) &&
    ["id", "conversationId", "hash", "fileId"].some((name) => name in value),
  keyOf(value) {
    const { type, id, conversationId } = fieldsOf(value);
    return String(type === "conversation" ? id : (conversationId ?? ""));
  },
  read(rows) {
    const sources = rows.map(fieldsOf).filter(({ type }) => !apart.has(String(type)));
    const [first, ...others] = sources;
    const inside = others.filter(({ type }) => type !== "feedback");
    if (!first || inside.some(({ type }) => type === "deleted")) return [];
    if (first["type"] !== "conversation") throw new FormatError("Its messages come without their conversation.");
    const leftOut: LeftOut[] = others.flatMap(({ type, messageId }) => {
      const reason = "What was thought of it is brought back by chatkeep restore alone.";
      return type === "feedback" ? { messageId: textOr(messageId, "?"), reason } : [];
    });
    const parents = new Map(inside.map(({ id, parentId }) => [String(id), textOr(parentId, null)]));
    const kept = new Map<string, ImportedMessage>();
    for (const source of inside) {
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
  for (const part of Array.isArray(parts) ? parts : []) {
    const { url, filename, mediaType } = fieldsOf(part);
    const fileId = fileIdOf(url);
    if (fileId === undefined) continue;
    const reason = `The bytes of ${textOr(filename, "a file")} are not in this export.`;
    const asset = { id: fileId, url: String(url), name: textOr(filename, ""), mediaType: textOr(mediaType, "") };
    leftOut.push({ messageId: textOr(id, "?"), reason, asset });
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
