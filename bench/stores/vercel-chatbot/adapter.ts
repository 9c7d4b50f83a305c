/** The tables and queries of the template `vercel/chatbot` (commit c2f8235), written again: `Chat`, `Message_v2`, Drizzle on postgres.js. */
import { randomUUID } from "node:crypto";
import { and, asc, desc, eq, inArray, lt } from "drizzle-orm";
import { json, pgTable, text, timestamp, uuid, varchar } from "drizzle-orm/pg-core";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import type { AdaptedStore, Query } from "../adapter.ts";
import { answerOf, cases, codeOf, ownLimits, pageOf, partsOf, Refused, wordsOf } from "../adapter.ts";

const user = pgTable("User", { id: uuid().primaryKey().defaultRandom(), email: varchar({ length: 64 }).notNull() });
const chat = pgTable("Chat", {
  id: uuid().primaryKey().defaultRandom(),
  createdAt: timestamp().notNull(),
  title: text().notNull(),
  userId: uuid().notNull(),
});
const message = pgTable("Message_v2", {
  id: uuid().primaryKey().defaultRandom(),
  chatId: uuid().notNull(),
  role: varchar().notNull(),
  parts: json().notNull(),
  attachments: json().notNull(),
  createdAt: timestamp().notNull(),
});

export const title = "the template vercel/chatbot (commit c2f8235)";
export const messagesTable = `"Message_v2"`;
export const without = ["archive", "whole", "changes"] as const;
export const notClaimed = {
  ...ownLimits,
  ...cases("it has no pages of messages: a chat is read whole", "P5.2", "P5.3", "P5.4"),
};
export const stored = { to: /insert into "Message_v2"/, nth: 2 };
export const why = {
  ...cases(
    "order goes by time alone, in milliseconds, and messages of one insert have the same time or nearly: appends at once fall between each other",
    "P1.2",
    "P1.6",
    "P1.7",
    "P2.1",
    "P2.2",
    "P2.3",
    "P2.4",
  ),
  ...cases(
    "an append that was stored, and is sent again because its answer was lost, is refused as a duplicate key",
    "P1.3",
    "P1.4",
    "P1.5",
  ),
  ...cases(
    "what is sent again is refused as a duplicate key, which its callers are told like any other failure",
    "P3.1",
    "P3.5",
    "P3.6",
    "P3.7",
  ),
  ...cases("order goes by the stored time", "P2.7", "P2.8"),
  ...cases(
    "the next page of chats begins below the time of the last one, so that others of that time are in no page",
    "P2.9",
  ),
  ...cases("there is no index on the owner of a chat: every page reads all chats, and sorts those of the user", "P5.5"),
  ...cases(
    "messages and chat are deleted one after the other, without a transaction: a message that comes in between is referred to, so the chat's deletion is refused, and the messages before are gone",
    "D.1",
    "D.2",
  ),
};
export const notes = [
  "What is run is its queries and the checks of its routes, written again with its tables: a chat is looked up and its owner compared before it is written or read. Another's chat, which its routes answer with 403, is answered like one that is not there.",
  "Its two further tables that belong to a chat (votes, streams) are left out, and so are its two deletes from them.",
  "It deletes all chats of a user, not users: deleting a user is that verb, and then the user's row.",
];

/** Its queries catch every error, and throw one that says `bad_request:database`. */
function hidden(cause: unknown): never {
  throw new Error("bad_request:database", { cause });
}

export async function setUp(url: string): Promise<void> {
  const sql = postgres(url, { max: 1 });
  await sql.unsafe(`
    create table "User" ("id" uuid primary key default gen_random_uuid() not null, "email" varchar(64) not null);
    create table "Chat" ("id" uuid primary key default gen_random_uuid() not null, "createdAt" timestamp not null, "title" text not null,
      "userId" uuid not null references "User"("id"), "visibility" varchar not null default 'private');
    create table "Message_v2" ("id" uuid primary key default gen_random_uuid() not null, "chatId" uuid not null references "Chat"("id"),
      "role" varchar not null, "parts" json not null, "attachments" json not null, "createdAt" timestamp not null);`);
  await sql.end();
}

export async function openStore(url: string): Promise<AdaptedStore> {
  const client = postgres(url);
  const db = drizzle(client);
  const chatById = async (id: string) => (await db.select().from(chat).where(eq(chat.id, id)))[0];
  const own = async (userId: string, id: string) => {
    if ((await chatById(id))?.userId !== userId) throw new Refused("not_found");
  };
  const saveMessages = (id: string, messages: Parameters<AdaptedStore["append"]>[2]) =>
    db.insert(message).values(
      messages.map((each) => ({
        id: each.id,
        chatId: id,
        role: each.role,
        parts: partsOf(each),
        attachments: [],
        createdAt: new Date(),
      })),
    );
  const read = async (id: string) => {
    const rows = await db.select().from(message).where(eq(message.chatId, id)).orderBy(asc(message.createdAt));
    return rows.map(({ id: each, role, parts }) => {
      return { id: each, role, content: wordsOf(parts as unknown[]), parts: parts as unknown[] };
    });
  };
  const store: AdaptedStore = {
    isCounted: false,
    createUser: async () => {
      const rows = await db
        .insert(user)
        .values({ email: `guest-${Date.now()}` })
        .returning({ id: user.id });
      return String(rows[0]?.id);
    },
    createConversation: async (userId, { id = randomUUID(), messages = [] } = {}) => {
      const known = await chatById(id);
      if (known && known.userId !== userId) throw new Refused("conflict");
      if (!known) await db.insert(chat).values({ id, createdAt: new Date(), userId, title: "New chat" });
      if (messages.length > 0) await saveMessages(id, messages).catch(hidden);
      return { id };
    },
    append: async (userId, id, messages) => {
      await own(userId, id);
      await saveMessages(id, messages).catch(hidden);
      return store.isCounted ? [] : answerOf(await read(id), messages);
    },
    page: async (userId, id, options) => {
      await own(userId, id);
      return pageOf(await read(id), options);
    },
    list: async (userId, { limit, cursor }) => {
      const last = cursor ? await chatById(cursor) : undefined;
      if (cursor && !last) throw new Refused("not_found");
      const rows = await db
        .select()
        .from(chat)
        .where(last ? and(lt(chat.createdAt, last.createdAt), eq(chat.userId, userId)) : eq(chat.userId, userId))
        .orderBy(desc(chat.createdAt))
        .limit(limit + 1);
      const ids = rows.slice(0, limit).map((each) => each.id);
      return { ids, cursor: rows.length > limit ? (ids.at(-1) ?? null) : null };
    },
    deleteConversation: async (userId, id) => {
      await own(userId, id);
      await db.delete(message).where(eq(message.chatId, id));
      await db.delete(chat).where(eq(chat.id, id));
    },
    deleteUser: async (userId) => {
      const chats = await db.select({ id: chat.id }).from(chat).where(eq(chat.userId, userId));
      const ids = chats.map((each) => each.id);
      if (ids.length > 0) {
        await db.delete(message).where(inArray(message.chatId, ids));
        await db.delete(chat).where(eq(chat.userId, userId));
      }
      await db.delete(user).where(eq(user.id, userId));
    },
    codeOf,
    close: () => client.end({ timeout: 5 }),
  };
  return store;
}

export async function setTimes(query: Query, id: string, moment: Date): Promise<void> {
  await query(`update "Message_v2" set "createdAt" = $2 where "chatId" = $1::uuid`, [id, moment.toISOString()]);
  await query(`update "Chat" set "createdAt" = $2 where "id" = $1::uuid`, [id, moment.toISOString()]);
}

export async function fillUser(query: Query, userId: string, total: number): Promise<void> {
  await query(
    `insert into "Chat" ("createdAt", "title", "userId")
     select now() - make_interval(secs => n), 'filled', $1::uuid from generate_series(1, $2::int) n`,
    [userId, total],
  );
}
