/** A host's own queries with `with`, by relations that it gets for its Drizzle. */
import { chatMigrations, createStore, migrate } from "chatkeep";
import { chatModels, chatRelationsPart } from "chatkeep/drizzle";
import { chatRelations } from "chatkeep/drizzle-relations";
import { relations, sql } from "drizzle-orm";
import { drizzle as drizzleOnPg } from "drizzle-orm/node-postgres";
import { pgTable, uuid } from "drizzle-orm/pg-core";
import { drizzle as drizzleOnPglite } from "drizzle-orm/pglite";
import { describe, expect, it } from "vitest";
import { engine, openTestDatabase } from "./helpers/database.ts";
import { openPg, openPglite } from "./helpers/with-drizzle.ts";

const users = pgTable("users", { id: uuid("id").primaryKey().defaultRandom() });
const models = chatModels(users.id);
const { conversation, message, run, runChunk } = models;
const usersRelations = relations(users, ({ many }) => ({ conversations: many(conversation) }));
const schema = { users, conversation, message, run, runChunk, usersRelations, ...chatRelations(models, users) };

async function open() {
  if (engine === "pglite") {
    const connection = await openPglite();
    return { connection, db: drizzleOnPglite(connection.client, { schema }), close: connection.close };
  }
  const database = await openTestDatabase("empty");
  const connection = openPg({ url: database.url ?? "" });
  const close = async () => {
    await connection.close();
    await database.close();
  };
  return { connection, db: drizzleOnPg(connection.pool, { schema }) as never, close };
}

describe("relations of Drizzle", () => {
  it("read users with their conversations, messages and replies, and back", async () => {
    const { connection, db: opened, close } = await open();
    const db = opened as ReturnType<typeof drizzleOnPglite<typeof schema>>;
    try {
      await db.execute(sql`create table users (id uuid primary key default gen_random_uuid())`);
      await migrate(connection, chatMigrations(models));
      const [{ id: userId } = { id: "" }] = await db.insert(users).values({}).returning();
      const chats = createStore(connection, models).forUser(userId);
      const messages = [
        { role: "user", content: "Hello" },
        { role: "assistant", content: "Hi" },
      ] as const;
      const { id } = await chats.conversations.create({ title: "Bread", messages: [...messages] });
      const [, reply] = (await chats.messages.branch(id)).items;
      const [{ id: runId } = { id: "" }] = await db
        .insert(run)
        .values({ conversationId: id, userId, messageId: reply?.id ?? "", server: "here" })
        .returning();
      await db.insert(runChunk).values({ runId, seq: 1, userId, chunk: "Hi" });

      const found = await db.query.conversation.findMany({
        with: { user: true, messages: { orderBy: message.seq }, runs: { with: { message: true, chunks: true } } },
      });
      const contents: string[] | undefined = found[0]?.messages.map(({ content }) => content);
      expect(contents).toEqual(["Hello", "Hi"]);
      expect(found).toMatchObject([
        { id, user: { id: userId }, runs: [{ id: runId, message: { content: "Hi" }, chunks: [{ chunk: "Hi" }] }] },
      ]);
      expect(await db.query.message.findFirst({ with: { conversation: true } })).toMatchObject({
        conversation: { title: "Bread" },
      });
      expect(await db.query.users.findMany({ with: { conversations: true } })).toMatchObject([
        { id: userId, conversations: [{ id }] },
      ]);
      expect(await db.query.runChunk.findMany({ with: { run: { with: { conversation: true } } } })).toMatchObject([
        { run: { conversation: { id } } },
      ]);
    } finally {
      await close();
    }
  });

  it("are refused for a table that has no such id", () => {
    const other = pgTable("other", { key: uuid("key") });
    expect(() => chatRelations(models, other)).toThrow(/needs the user table whose id chatModels got/);
  });

  it("are told to the defineRelations of 1.0 by the same columns", () => {
    const one = (config: object) => ({ one: config });
    const many = (config: object) => ({ many: config });
    const helpers = {
      one: { conversation: one, message: one, run: one },
      many: { message: many, run: many, runChunk: many },
      conversation,
      message,
      run,
      runChunk,
    };
    const toConversation = (from: unknown) => ({ one: { from, to: conversation.id } });
    expect(chatRelationsPart(helpers)).toEqual({
      conversation: {
        messages: { many: { from: conversation.id, to: message.conversationId } },
        runs: { many: { from: conversation.id, to: run.conversationId } },
      },
      message: { conversation: toConversation(message.conversationId) },
      run: {
        conversation: toConversation(run.conversationId),
        message: { one: { from: run.messageId, to: message.id } },
        chunks: { many: { from: run.id, to: runChunk.runId } },
      },
      runChunk: { run: { one: { from: runChunk.runId, to: run.id } } },
    });
  });
});
