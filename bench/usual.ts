/** What people write instead: two tables without an order but the clock, and Drizzle with two statements in a transaction. */
import { randomUUID } from "node:crypto";

import { asc, desc, eq, sql } from "drizzle-orm";
import { index, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import type { Drizzle } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import type { Chat, Sample } from "./sample.ts";

const chat = pgTable("usual_chat", {
  id: uuid("id").primaryKey().defaultRandom(),
  userId: uuid("user_id").notNull(),
  title: text("title"),
  createdAt: timestamp("created_at").notNull().defaultNow(),
  updatedAt: timestamp("updated_at").notNull().defaultNow(),
});

const message = pgTable(
  "usual_message",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    chatId: uuid("chat_id")
      .notNull()
      .references(() => chat.id, { onDelete: "cascade" }),
    role: text("role").notNull(),
    content: text("content").notNull(),
    createdAt: timestamp("created_at").notNull().defaultNow(),
  },
  (table) => [index("usual_message_chat_id_idx").on(table.chatId)],
);

export async function prepareUsual(db: Drizzle): Promise<void> {
  for (const statement of [
    sql`create table usual_chat (
      id uuid primary key default gen_random_uuid(), user_id uuid not null references "user" on delete cascade,
      title text, created_at timestamp not null default now(), updated_at timestamp not null default now())`,
    sql`create index on usual_chat (user_id)`,
    sql`create table usual_message (
      id uuid primary key default gen_random_uuid(), chat_id uuid not null references usual_chat on delete cascade,
      role text not null, content text not null, created_at timestamp not null default now())`,
    sql`create index usual_message_chat_id_idx on usual_message (chat_id)`,
  ]) {
    await db.execute(statement);
  }
}

/** The same chats, with the same words. */
export async function copyToUsual(db: Drizzle): Promise<void> {
  await db.execute(sql`
    insert into usual_chat select id, user_id, title, created_at, updated_at from conversation on conflict do nothing`);
  await db.execute(sql`
    insert into usual_message
    select id, conversation_id, role, content, created_at + seq * interval '1 millisecond' from message
    on conflict do nothing`);
}

export function usualOn(db: Drizzle, { question, answer }: Sample) {
  return {
    saveTurn: ({ id }: Chat) =>
      db.transaction(async (tx) => {
        await tx.insert(message).values([
          { id: randomUUID(), chatId: id, role: "user", content: question },
          { id: randomUUID(), chatId: id, role: "assistant", content: answer },
        ]);
        await tx.update(chat).set({ updatedAt: new Date() }).where(eq(chat.id, id));
      }),
    readLast: ({ id }: Chat, limit: number) =>
      db.select().from(message).where(eq(message.chatId, id)).orderBy(desc(message.createdAt)).limit(limit),
    readFrom: ({ id }: Chat, offset: number, limit: number) =>
      db
        .select()
        .from(message)
        .where(eq(message.chatId, id))
        .orderBy(asc(message.createdAt))
        .limit(limit)
        .offset(offset),
    list: (userId: string, limit: number) =>
      db.select().from(chat).where(eq(chat.userId, userId)).orderBy(desc(chat.updatedAt)).limit(limit),
    create: (userId: string) =>
      db.transaction(async (tx) => {
        const [made] = await tx.insert(chat).values({ userId, title: "A title" }).returning();
        await tx.insert(message).values({ chatId: made?.id ?? "", role: "user", content: question });
      }),
  };
}
