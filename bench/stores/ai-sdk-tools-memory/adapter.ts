/** `DrizzleProvider` of @ai-sdk-tools/memory, on node-postgres, with the tables that its documentation has. */
import { randomUUID } from "node:crypto";
import { DrizzleProvider, SQL_SCHEMAS } from "@ai-sdk-tools/memory/drizzle";
import type { SentMessage } from "chatkeep/testing";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, serial, text, timestamp } from "drizzle-orm/pg-core";
import pg from "pg";
import type { AdaptedStore, Query } from "../adapter.ts";
import { answerOf, cases, codeOf, createClock, ownLimits, pageOf, partsOf, Refused, wordsOf } from "../adapter.ts";

const workingMemoryTable = pgTable("working_memory", {
  id: text().primaryKey(),
  scope: text().notNull(),
  chatId: text("chat_id"),
  userId: text("user_id"),
  content: text().notNull(),
  updatedAt: timestamp("updated_at").notNull(),
});
const messagesInTable = pgTable("conversation_messages", {
  id: serial().primaryKey(),
  chatId: text("chat_id").notNull(),
  userId: text("user_id"),
  role: text().notNull(),
  content: text().notNull(),
  timestamp: timestamp().notNull(),
});
const chatsTable = pgTable("chat_sessions", {
  chatId: text("chat_id").primaryKey(),
  userId: text("user_id"),
  title: text(),
  createdAt: timestamp("created_at").notNull(),
  updatedAt: timestamp("updated_at").notNull(),
  messageCount: integer("message_count").notNull().default(0),
});
const clock = createClock();
const tables = { workingMemoryTable, messagesTable: messagesInTable, chatsTable };

export const title = "`DrizzleProvider` of @ai-sdk-tools/memory";
export const messagesTable = "conversation_messages";
export const without = ["archive", "whole", "changes"] as const;
const noKey = "a message has no id of its own: sending again stores again";
export const notClaimed = {
  ...ownLimits,
  ...cases(
    noKey,
    "P1.3",
    "P1.4",
    "P1.5",
    "P1.6",
    "P3.1",
    "P3.2",
    "P3.3",
    "P3.4",
    "P3.5",
    "P3.6",
    "P3.7",
    "P3.9",
    "P3.10",
  ),
  ...cases("it has no pages of messages but the last ones", "P5.3", "P5.4"),
  ...cases("its list of chats has a limit and no next page", "P2.9", "P4.7", "P5.5"),
  ...cases("it has no users to delete", "D.2", "D.3"),
};
export const why = {
  ...cases(
    "order goes by the times that the writers give: pairs of several processes fall between each other",
    "P1.2",
    "P2.3",
  ),
  ...cases(
    "order goes by the stored time; among equal times answers come after questions, and the rest as it falls",
    "P2.7",
    "P2.8",
  ),
  ...cases(
    "an append that is under way when the chat is deleted writes it again: the package's only way to write a chat's count and time, `saveChat`, also creates",
    "D.1",
  ),
};
export const notes = [
  "Its peer dependency asks for drizzle-orm ^0.36 and ai ^5; it was run with the drizzle-orm named above.",
  "One call stores one message. The adapter puts those of an append, and the chat's new count, into one transaction of Drizzle's, and gives each a later millisecond than the one before; the message as the AI SDK has it, with its id, is the content.",
  "The owner of a chat is a field that saving messages and deleting it do not compare: the adapter looks the chat up and compares it before each call.",
];

export async function setUp(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const sql of Object.values(SQL_SCHEMAS.postgresql)) await client.query(sql);
  await client.end();
}

export async function openStore(url: string): Promise<AdaptedStore> {
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => {});
  const db = drizzle(pool);
  const provider = new DrizzleProvider(db, tables);
  const own = async (userId: string, id: string, through = provider) => {
    const chat = await through.getChat(id);
    if (chat?.userId !== userId) throw new Refused("not_found");
    return chat;
  };
  const save = async (through: typeof provider, userId: string, id: string, messages: SentMessage[]) => {
    // All times at once: while one is awaited, other appends take theirs.
    for (const { each, timestamp } of messages.map((one) => ({ each: one, timestamp: clock() }))) {
      const content = JSON.stringify({ id: each.id, role: each.role, parts: partsOf(each) });
      const role = each.role as "user";
      await through.saveMessage({ chatId: id, userId, role, content, timestamp });
    }
  };
  const read = async (id: string, limit = 1_000_000_000) => {
    const messages = await provider.getMessages<{ id: string; role: string; parts: unknown[] }>({ chatId: id, limit });
    return messages.map((each) => ({ ...each, content: wordsOf(each.parts) }));
  };
  const store: AdaptedStore = {
    isCounted: false,
    createUser: async () => randomUUID(),
    createConversation: async (userId, { id = randomUUID(), messages = [] } = {}) => {
      const known = await provider.getChat(id);
      if (known && known.userId !== userId) throw new Refused("conflict");
      const now = new Date();
      if (!known) await provider.saveChat({ chatId: id, userId, createdAt: now, updatedAt: now, messageCount: 0 });
      if (messages.length > 0) await store.append(userId, id, messages);
      return { id };
    },
    append: async (userId, id, messages) => {
      await db.transaction(async (tx) => {
        const through = new DrizzleProvider(tx, tables);
        const chat = await own(userId, id, through);
        await save(through, userId, id, messages);
        await through.saveChat({ ...chat, updatedAt: new Date(), messageCount: chat.messageCount + messages.length });
      });
      return store.isCounted ? [] : answerOf(await read(id), messages);
    },
    page: async (userId, id, options) => {
      await own(userId, id);
      return pageOf(await read(id, store.isCounted ? options.limit : undefined), options);
    },
    list: async (userId, { limit }) => {
      const chats = await provider.getChats({ userId, limit });
      return { ids: chats.map(({ chatId }) => chatId), cursor: null };
    },
    deleteConversation: async (userId, id) => {
      await own(userId, id);
      await provider.deleteChat(id);
    },
    deleteUser: async () => {
      throw new Error("no case that is run needs this");
    },
    codeOf,
    close: () => pool.end(),
  };
  return store;
}

export async function setTimes(query: Query, id: string, moment: Date): Promise<void> {
  const time = moment.toISOString();
  await query("update conversation_messages set timestamp = $2 where chat_id = $1", [id, time]);
  await query("update chat_sessions set created_at = $2, updated_at = $2 where chat_id = $1", [id, time]);
}
