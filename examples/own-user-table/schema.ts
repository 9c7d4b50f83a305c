/** All tables, as drizzle-kit sees them: users with text ids in the schema `auth`, chatkeep's tables in `chat`. */
import { chatModels } from "chatkeep/drizzle";
import { relations } from "drizzle-orm";
import { pgSchema, text } from "drizzle-orm/pg-core";

export const auth = pgSchema("auth");
export const users = auth.table("users", {
  id: text("id").primaryKey(),
  name: text("name").notNull().unique(),
});

// drizzle-kit makes the schemas and tables that this file exports.
export const chat = pgSchema("chat");
export const models = chatModels(users.id, { schema: "chat" });
export const { conversation, message, run, runChunk } = models;

// Relations are yours: as many as your queries need.
export const usersRelations = relations(users, ({ many }) => ({ conversations: many(conversation) }));
export const conversationRelations = relations(conversation, ({ one, many }) => ({
  user: one(users, { fields: [conversation.userId], references: [users.id] }),
  messages: many(message),
}));
export const messageRelations = relations(message, ({ one }) => ({
  conversation: one(conversation, { fields: [message.conversationId], references: [conversation.id] }),
}));
