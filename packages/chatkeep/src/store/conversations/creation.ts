/** A new conversation made ready for a statement. */
import { type ColumnsOf, flag, integer, json, text, uuid } from "../../sql/columns.ts";
import type { OutgoingMessage } from "../messages/outgoing.ts";
import type { Conversation } from "../tables/conversation.ts";
import type { UserId } from "../tables/tables.ts";

/** What an insert is given of a conversation. */
export interface NewRow {
  id: string;
  userId: UserId;
  externalId: string | null;
  title: string | null;
  titleBy: Conversation["titleBy"];
  messageCount: number;
  headId: string | null;
  headExternalId: string | null;
  pinned: boolean;
  archived: boolean;
  metadata: string | null;
  model: string | null;
  instructions: string | null;
}

export const newColumns = (userType: string): ColumnsOf<NewRow> => ({
  id: uuid("id"),
  userId: { name: "user_id", type: userType },
  externalId: text<string | null>("external_id"),
  title: text<string | null>("title"),
  titleBy: text<Conversation["titleBy"]>("title_by"),
  messageCount: integer("message_count"),
  headId: uuid<string | null>("head_id"),
  headExternalId: text<string | null>("head_external_id"),
  pinned: flag("pinned"),
  archived: flag("archived"),
  metadata: json<string | null>("metadata"),
  model: text<string | null>("model"),
  instructions: text<string | null>("instructions"),
});

/** A conversation, ready for a statement. */
export interface Creation {
  ownerId: UserId;
  /** The row's own. */
  conversationId: string;
  row: NewRow;
  isTemporary: boolean;
  messages: readonly OutgoingMessage[];
}
