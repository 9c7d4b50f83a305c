/** Links by which anybody reads a conversation up to a message. */
import { index, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { conversation } from "./chat.ts";
import { user } from "./user.ts";

export const share = pgTable(
  "share",
  {
    /** 128 random bits: whoever knows it may read. */
    id: text("id").primaryKey(),
    userId: uuid("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    conversationRowId: uuid("conversation_row_id")
      .notNull()
      .references(() => conversation.id, { onDelete: "cascade" }),
    /** As they were given. */
    conversationId: text("conversation_id").notNull(),
    messageId: text("message_id").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp("expires_at", { withTimezone: true }),
  },
  (table) => [
    index("share_user_id_created_at_idx").on(table.userId, table.createdAt),
    index("share_conversation_row_id_idx").on(table.conversationRowId),
  ],
);
