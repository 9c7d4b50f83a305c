/** What a user thinks of an answer: each message has one of it at most. */
import { sql } from "drizzle-orm";
import { check, index, json, pgTable, text, timestamp, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { conversation } from "./chat.ts";
import { user } from "./user.ts";

export const ratings = ["good", "bad"] as const;

export const feedback = pgTable(
  "feedback",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    conversationRowId: uuid("conversation_row_id")
      .notNull()
      // A guest's chat may get another id when it goes to an account.
      .references(() => conversation.id, { onDelete: "cascade", onUpdate: "cascade" }),
    /** As they were given. */
    conversationId: text("conversation_id").notNull(),
    messageId: text("message_id").notNull(),
    userId: uuid("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    rating: text("rating", { enum: ratings }).notNull(),
    tags: json("tags").$type<string[]>().notNull().default([]),
    comment: text("comment"),
    createdAt: timestamp("created_at", { withTimezone: true, precision: 3 }).notNull().defaultNow(),
    updatedAt: timestamp("updated_at", { withTimezone: true, precision: 3 }).notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex("feedback_conversation_row_id_message_id_idx").on(table.conversationRowId, table.messageId),
    index("feedback_user_id_created_at_id_idx").on(table.userId, table.createdAt, table.id),
    check("feedback_rating_check", sql`${table.rating} in ('good', 'bad')`),
  ],
);
