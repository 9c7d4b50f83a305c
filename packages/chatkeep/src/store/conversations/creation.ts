/** A new conversation made ready for a statement. */
import type { ColumnsOf } from "../../sql/columns.ts";
import type { OutgoingMessage } from "../messages/outgoing.ts";
import { type NewConversationRow, newConversationColumns } from "../tables/conversation.ts";
import type { UserId } from "../tables/tables.ts";

export interface NewRow extends NewConversationRow {
  userId: UserId;
}

export const newColumns = (userType: string): ColumnsOf<NewRow> => ({
  ...newConversationColumns,
  userId: { name: "user_id", type: userType },
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
