/** What a conversation is, and its columns. */
import { type ColumnsOf, flag, integer, reader, text, time, uuid } from "../../sql/columns.ts";

/** A conversation as its owner sees it. */
export interface Conversation {
  /** A UUID. */
  id: string;
  /** 1 to 200 characters; made from the first question unless it was given. */
  title: string | null;
  /** Also the last `seq`. */
  messageCount: number;
  /** The last message of the branch that is shown. */
  headId: string | null;
  pinned: boolean;
  archived: boolean;
  createdAt: Date;
  /** Of the last thing that happened in it, which orders the list. */
  updatedAt: Date;
}

export const conversationColumns: ColumnsOf<Conversation> = {
  id: uuid("id"),
  title: text("title"),
  messageCount: integer("message_count"),
  headId: uuid("head_id"),
  pinned: flag("pinned"),
  archived: flag("archived"),
  createdAt: time("created_at"),
  updatedAt: time("updated_at"),
};

export const conversationFrom = reader(conversationColumns);
