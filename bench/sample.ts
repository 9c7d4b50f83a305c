/** What is in the database before it is measured: people, chats of every length, and a table as people usually make it. */
import { randomUUID } from "node:crypto";
import { type Connection, chatMigrations, migrate } from "chatkeep";
import { chatModels } from "chatkeep/drizzle";
import { sql } from "drizzle-orm";
import { pgTable, uuid } from "drizzle-orm/pg-core";
import type { Drizzle } from "../packages/chatkeep/test/helpers/with-drizzle.ts";

export interface Chat {
  userId: string;
  id: string;
  /** The last message that the floor knows of. */
  lastId: string | null;
}

export interface Sample {
  question: string;
  answer: string;
}

const user = pgTable("user", { id: uuid("id").primaryKey().defaultRandom() });
export const models = chatModels(user.id);

/** 400 and 1,200 characters. */
export const sample: Sample = {
  question: "How do I keep a conversation so that nothing of it is lost? ".repeat(7).slice(0, 400),
  answer: "In a table with a row for each message, an order that nothing can change, and one statement. "
    .repeat(13)
    .slice(0, 1_200),
};

export async function prepareTables(connection: Connection): Promise<void> {
  await connection.query(`create table "user" (id uuid primary key default gen_random_uuid())`);
  await migrate(connection, chatMigrations(models));
}

export async function addUsers(db: Drizzle, count: number): Promise<string[]> {
  return (
    await db
      .insert(user)
      .values(Array.from({ length: count }, () => ({ id: randomUUID() })))
      .returning()
  ).map(({ id }) => id);
}

/** Conversations of one user, each with so many messages. */
export async function addChats(db: Drizzle, userId: string, chats: number, messages: number): Promise<Chat[]> {
  const { conversation } = models;
  const ids = Array.from({ length: chats }, () => randomUUID());
  for (let from = 0; from < chats; from += 1_000) {
    await db.insert(conversation).values(
      ids.slice(from, from + 1_000).map((id, index) => ({
        id,
        userId,
        title: `Chat ${from + index}`,
        messageCount: messages,
        updatedAt: new Date(Date.now() - (chats - from - index) * 1_000),
      })),
    );
  }
  if (messages > 0) {
    for (const id of ids) {
      await db.execute(sql`
        insert into message (conversation_id, user_id, seq, role, content)
        select ${id}, ${userId}, number, case when number % 2 = 1 then 'user' else 'assistant' end,
          case when number % 2 = 1 then ${sample.question}::text else ${sample.answer}::text end
        from generate_series(1, ${messages}::int) as number`);
    }
  }
  return ids.map((id) => ({ userId, id, lastId: null }));
}
