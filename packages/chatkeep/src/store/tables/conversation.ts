/** What a conversation is, and its columns. */
import { type ColumnsOf, flag, integer, json, reader, text, time, uuid } from "../../sql/columns.ts";

/** A conversation as its owner sees it. */
export interface Conversation {
  /** As it was given, or a UUID. */
  id: string;
  /** 1 to 200 characters; made from the first question unless it was given. */
  title: string | null;
  /** Who gave it: `null` for one that was made from the first question, which a model may write over. */
  titleBy: "person" | "model" | null;
  /** Also the last `seq`. */
  messageCount: number;
  /** The last message of the branch that is shown; `null` when nothing is. */
  headId: string | null;
  pinned: boolean;
  archived: boolean;
  /** What a host keeps of it, such as `{ projectId: "x" }`, byte for byte; lists can be narrowed by it. */
  metadata: Record<string, unknown> | null;
  /** The name of the model that answers here; `null` for the usual one. */
  model: string | null;
  /** What the model is told before all messages. */
  instructions: string | null;
  createdAt: Date;
  /** Of the last thing that happened in it, which orders the list. */
  updatedAt: Date;
  /** Of a temporary one: when it is removed. It is in no list, no search and no export. */
  expiresAt: Date | null;
}

/** As it is stored: ids are the rows' own, and beside each the text that it was given as. */
export interface ConversationRow extends Conversation {
  externalId: string | null;
  headExternalId: string | null;
}

export const conversationColumns: ColumnsOf<ConversationRow> = {
  id: uuid("id"),
  externalId: text<string | null>("external_id"),
  title: text("title"),
  titleBy: text<"person" | "model" | null>("title_by"),
  messageCount: integer("message_count"),
  headId: uuid("head_id"),
  headExternalId: text<string | null>("head_external_id"),
  pinned: flag("pinned"),
  archived: flag("archived"),
  metadata: json<Record<string, unknown> | null>("metadata"),
  model: text<string | null>("model"),
  instructions: text<string | null>("instructions"),
  createdAt: time("created_at"),
  updatedAt: time("updated_at"),
  expiresAt: time<Date | null>("expires_at"),
};

/** What an insert is given of a conversation, beside its user and its times. */
export interface NewConversationRow
  extends Pick<
    ConversationRow,
    | "id"
    | "externalId"
    | "title"
    | "titleBy"
    | "messageCount"
    | "headId"
    | "headExternalId"
    | "pinned"
    | "archived"
    | "model"
    | "instructions"
  > {
  /** As JSON. */
  metadata: string | null;
}

export const newConversationColumns: ColumnsOf<NewConversationRow> = {
  id: conversationColumns.id,
  externalId: conversationColumns.externalId,
  title: conversationColumns.title,
  titleBy: conversationColumns.titleBy,
  messageCount: conversationColumns.messageCount,
  headId: conversationColumns.headId,
  headExternalId: conversationColumns.headExternalId,
  pinned: conversationColumns.pinned,
  archived: conversationColumns.archived,
  metadata: json<string | null>("metadata"),
  model: conversationColumns.model,
  instructions: conversationColumns.instructions,
};

const read = reader(conversationColumns);

/** With ids as they were given. */
export function conversationFrom(values: readonly unknown[], start?: number): Conversation {
  const { externalId, headExternalId, ...row } = read(values, start);
  return { ...row, id: externalId ?? row.id, headId: headExternalId ?? row.headId };
}
