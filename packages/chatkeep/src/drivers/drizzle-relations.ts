/** chatkeep/drizzle-relations: relations of the four tables for `db.query` of Drizzle 0.44 and 0.45. Drizzle 1.0 has another `relations`: `chatRelationsPart` is for that. */
import { getTableColumns, relations } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import type { ChatModels } from "./drizzle-models.ts";

type Tables = Pick<ChatModels, "conversation" | "message" | "run" | "runChunk" | "attachment">;

/**
 * What `db.query.conversation.findMany({ with: { messages: true } })` needs, for the schema that `drizzle(…, { schema })` gets:
 * `messages`, `runs` and `user` of a conversation; `conversation` of a message; `conversation`, `message` and `chunks` of a run;
 * `run` of a chunk. What a user has is the host's to say: `relations(users, ({ many }) => ({ conversations: many(conversation) }))`.
 *
 * @param users the table whose id `chatModels` got
 * @throws TypeError when it is another table
 */
export function chatRelations<Users extends PgTable>(models: Tables, users: Users) {
  const { conversation, message, run, runChunk } = models;
  const userId = userIdOf(models, users);
  return {
    conversationRelations: relations(conversation, ({ one, many }) => ({
      user: one(users, { fields: [conversation.userId], references: [userId] }),
      messages: many(message),
      runs: many(run),
    })),
    messageRelations: relations(message, ({ one }) => ({
      conversation: one(conversation, { fields: [message.conversationId], references: [conversation.id] }),
    })),
    runRelations: relations(run, ({ one, many }) => ({
      conversation: one(conversation, { fields: [run.conversationId], references: [conversation.id] }),
      message: one(message, { fields: [run.messageId], references: [message.id] }),
      chunks: many(runChunk),
    })),
    runChunkRelations: relations(runChunk, ({ one }) => ({
      run: one(run, { fields: [runChunk.runId], references: [run.id] }),
    })),
  };
}

function userIdOf<Users extends PgTable>({ attachment }: Tables, users: Users) {
  const { user } = attachment;
  const column = Object.values(getTableColumns(users)).find(({ name }) => user && name === user.column);
  if (!column) throw new TypeError("chatRelations needs the user table whose id chatModels got.");
  return column as Users["_"]["columns"][string];
}
