/** All tables, as drizzle-kit sees them: users with text ids in the schema `auth`, chatkeep's tables in `chat`. */
import { chatModels } from "chatkeep/drizzle";
import { chatRelations } from "chatkeep/drizzle-relations";
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
export const { conversation, message, run, runChunk, searchBlock, searchWords, searchPending, usage } = models;
export const { file, fileContent, filePiece, fileUse } = models;

// For queries of your own: chatkeep's relations, and what a user has.
export const { conversationRelations, messageRelations } = chatRelations(models, users);
export const usersRelations = relations(users, ({ many }) => ({ conversations: many(conversation) }));
