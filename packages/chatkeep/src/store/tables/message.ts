/** What a message is, and its columns: what is read, what is inserted and what is compared come from here. */
import { anyJson, type ColumnsOf, integer, json, reader, text, time, uuid } from "../../sql/columns.ts";
import { textOf } from "../text-of.ts";

/** Who can have said a message. */
export const messageRoles = ["user", "assistant", "system", "tool"] as const;

/** How a message stands: `streaming` while a run writes it, then how that ended; `deleted` when nothing of it is left but its place. */
export const messageStatuses = ["complete", "streaming", "stopped", "failed", "interrupted", "deleted"] as const;
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
  /** As it was given, or a UUID. */
  id: string;
  conversationId: string;
  role: MessageRole;
  /** The plain text of `parts`. */
  content: string;
  /** `null` where only words were given. */
  parts: Part[] | null;
  /** What its sender put beside it, any JSON, kept byte for byte; `null` when nothing. */
  metadata: unknown;
  /** 1, 2, 3 … in the order in which the messages of the conversation were stored, without a gap. */
  seq: number;
  /** The message that it answers or follows; `null` at the beginning. */
  parentId: string | null;
  /** `streaming` while a run writes it. */
  status: MessageStatus;
  createdAt: Date;
  /** INVARIANT: set by the end of a run and by nothing else: where it is null, no run wrote the message. */
  finishReason: FinishReason | null;
  /** 1, and one more for each change in place: what `update` is given to change what it has seen and nothing else. */
  revision: number;
  /** Of its last change in place; `null` when there was none. */
  updatedAt: Date | null;
}

/** As it is stored: ids are the rows' own, and beside each the text that it was given as. */
export interface MessageRow extends Omit<Message, "conversationId"> {
  externalId: string | null;
  parentExternalId: string | null;
}

export const messageColumns: ColumnsOf<MessageRow> = {
  id: uuid("id"),
  externalId: text<string | null>("external_id"),
  role: text<MessageRole>("role"),
  content: text("content"),
  parts: json<Part[] | null>("parts"),
  metadata: anyJson("metadata"),
  seq: integer("seq"),
  parentId: uuid<string | null>("parent_id"),
  parentExternalId: text<string | null>("parent_external_id"),
  status: text<MessageStatus>("status"),
  createdAt: time("created_at"),
  finishReason: text<FinishReason | null>("finish_reason"),
  revision: integer("revision"),
  updatedAt: time<Date | null>("updated_at"),
};

/** What of a message its sender gives, as it is stored. */
export interface SentMessage extends Pick<MessageRow, "id" | "externalId" | "role" | "content" | "status"> {
  /** As JSON. */
  parts: string | null;
  /** As JSON. */
  metadata: string | null;
}

/** In an insert, beside what the conversation gives: `conversation_id`, `user_id`, `seq`, `created_at` and the parent. */
export const sentColumns: ColumnsOf<SentMessage> = {
  id: messageColumns.id,
  externalId: messageColumns.externalId,
  role: messageColumns.role,
  status: messageColumns.status,
  content: messageColumns.content,
  parts: json<string | null>("parts"),
  metadata: json<string | null>("metadata"),
};

/** The message that one follows: the row's own id, and what it was given as. */
export type Parent = Pick<MessageRow, "parentId" | "parentExternalId">;

/** A sent message with its place in the tree. */
export type PlacedMessage = SentMessage & Parent;

export const placedColumns: ColumnsOf<PlacedMessage> = {
  ...sentColumns,
  parentId: messageColumns.parentId,
  parentExternalId: messageColumns.parentExternalId,
};

/** What makes two messages of one id the same. */
export const comparedColumns = {
  role: sentColumns.role,
  content: sentColumns.content,
  parts: sentColumns.parts,
  metadata: sentColumns.metadata,
};

const read = reader(messageColumns);

/** What a message gets where it is stored. */
export type GivenMessage = Pick<Message, "conversationId" | "seq" | "createdAt"> & Parent;

/** A message as it is stored, which is how it was sent but for what it was given there: nothing of it has to be read back. */
export function storedMessage(sent: SentMessage, given: GivenMessage): Message {
  const row: MessageRow = {
    id: sent.id,
    externalId: sent.externalId,
    role: sent.role,
    content: sent.content,
    parts: sent.parts === null ? null : JSON.parse(sent.parts),
    metadata: sent.metadata === null ? null : JSON.parse(sent.metadata),
    seq: given.seq,
    parentId: given.parentId,
    parentExternalId: given.parentExternalId,
    status: sent.status,
    createdAt: given.createdAt,
    finishReason: null,
    revision: 1,
    updatedAt: null,
  };
  return messageOf(row, given.conversationId);
}

/** A message of a row of those columns, in a conversation as it was named. */
export function messageFrom(values: readonly unknown[], conversationId: string, start?: number): Message {
  return messageOf(read(values, start), conversationId);
}

/** With ids as they were given. Content that text cannot hold was kept in the parts: it comes back from there. */
function messageOf(row: MessageRow, conversationId: string): Message {
  const { id, externalId, parentId, parentExternalId, content, parts } = row;
  return {
    id: externalId ?? id,
    conversationId,
    role: row.role,
    content: parts && content.includes("\uFFFD") ? textOf(parts) : content,
    parts,
    metadata: row.metadata,
    seq: row.seq,
    parentId: parentExternalId ?? parentId,
    status: row.status,
    createdAt: row.createdAt,
    finishReason: row.finishReason,
    revision: row.revision,
    updatedAt: row.updatedAt,
  };
}
