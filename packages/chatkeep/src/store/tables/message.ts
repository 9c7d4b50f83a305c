/** What a message is, and its columns: what is read, what is inserted and what is compared come from here. */
import { type ColumnsOf, integer, json, reader, text, time, uuid } from "../../sql/columns.ts";
import { textOf } from "../text-of.ts";

/** Who can have said a message. */
export const messageRoles = ["user", "assistant"] as const;

/** How a message stands: `streaming` while a run writes it, then how that ended. */
export const messageStatuses = ["complete", "streaming", "stopped", "failed", "interrupted"] as const;
/** Why a model ended its answer, as the AI SDK has it. */
export const finishReasons = ["stop", "length", "content-filter", "tool-calls", "error", "other"] as const;

/** Who said a message: one of `messageRoles`. */
export type MessageRole = (typeof messageRoles)[number];

/** How a message stands: one of `messageStatuses`. */
export type MessageStatus = (typeof messageStatuses)[number];

/** Why a model ended its answer: one of `finishReasons`. */
export type FinishReason = (typeof finishReasons)[number];

/** A part of a message as the AI SDK has it: `{ type: "text", text }`, `{ type: "tool-…", … }`; kept byte for byte. */
export type Part = { type: string; [key: string]: unknown };

/** A message as its owner sees it. */
export interface Message {
  /** A UUID. */
  id: string;
  conversationId: string;
  role: MessageRole;
  /** The plain text of `parts`. */
  content: string;
  /** `null` where only words were given. */
  parts: Part[] | null;
  /** 1, 2, 3 … in the order in which the messages of the conversation were stored, without a gap. */
  seq: number;
  /** The message that it answers or follows; `null` at the beginning. */
  parentId: string | null;
  /** `streaming` while a run writes it. */
  status: MessageStatus;
  createdAt: Date;
  /** INVARIANT: set by the end of a run and by nothing else: where it is null, no run wrote the message. */
  finishReason: FinishReason | null;
}

export const messageColumns: ColumnsOf<Message> = {
  id: uuid("id"),
  conversationId: uuid("conversation_id"),
  role: text<MessageRole>("role"),
  content: text("content"),
  parts: json<Part[] | null>("parts"),
  seq: integer("seq"),
  parentId: uuid<string | null>("parent_id"),
  status: text<MessageStatus>("status"),
  createdAt: time("created_at"),
  finishReason: text<FinishReason | null>("finish_reason"),
};

/** What of a message its sender gives, as it is stored. */
export interface SentMessage extends Pick<Message, "id" | "role" | "content" | "status"> {
  /** As JSON. */
  parts: string | null;
}

/** In an insert, beside what the conversation gives: `conversation_id`, `user_id`, `seq`, `created_at` and the parent. */
export const sentColumns: ColumnsOf<SentMessage> = {
  id: messageColumns.id,
  role: messageColumns.role,
  status: messageColumns.status,
  content: messageColumns.content,
  parts: json<string | null>("parts"),
};

/** What makes two messages of one id the same. */
export const comparedColumns = {
  role: sentColumns.role,
  content: sentColumns.content,
  parts: sentColumns.parts,
};

const read = reader(messageColumns);

/** What a message gets where it is stored. */
export type GivenMessage = Pick<Message, "conversationId" | "seq" | "parentId" | "createdAt">;

/** A message as it is stored, which is how it was sent but for what it was given there: nothing of it has to be read back. */
export function storedMessage({ id, role, status, content, parts }: SentMessage, given: GivenMessage): Message {
  const { conversationId, seq, parentId, createdAt } = given;
  return withKeptContent({
    id,
    conversationId,
    role,
    content,
    parts: parts === null ? null : JSON.parse(parts),
    seq,
    parentId,
    status,
    createdAt,
    finishReason: null,
  });
}

/** A message of a row of those columns. Content that text cannot hold was kept in the parts: it comes back from there. */
export function messageFrom(values: readonly unknown[], start?: number): Message {
  return withKeptContent(read(values, start));
}

function withKeptContent(message: Message): Message {
  if (!message.parts || !message.content.includes("\uFFFD")) return message;
  return { ...message, content: textOf(message.parts) };
}
