import { chatMigrations, chatModels, createStore, type Database, migrate } from "chatkeep";
import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  boolean,
  integer,
  pgSchema,
  pgTable,
  serial,
  text,
  uuid,
  varchar,
} from "drizzle-orm/pg-core";
import { describe, expect, it } from "vitest";
import { openTestDatabase } from "./helpers/database.ts";

const app = pgSchema("app");
const tables: [string, AnyPgColumn, string, [string | number, string | number]][] = [
  [
    "uuid",
    pgTable("user", { id: uuid("id") }).id,
    `create table "user" (id uuid primary key)`,
    ["a0000000-0000-4000-8000-00000000000a", "b0000000-0000-4000-8000-00000000000b"],
  ],
  ["text", pgTable("people", { id: text("id") }).id, "create table people (id text primary key)", ["ann'; --", "bob"]],
  [
    "varchar(40)",
    pgTable("user", { id: varchar("id", { length: 40 }) }).id,
    `create table "user" (id varchar(40) primary key)`,
    ["ann", "bob"],
  ],
  ["integer", pgTable("user", { no: integer("no") }).no, `create table "user" (no integer primary key)`, [1, 2]],
  ["serial", pgTable("user", { id: serial("id") }).id, `create table "user" (id serial primary key)`, [7, 8]],
  [
    "text in another schema",
    app.table("account", { id: text("id") }).id,
    "create schema app; create table app.account (id text primary key)",
    ["x", "y"],
  ],
];

describe("a host's own user table", () => {
  it.each(tables)(
    "with ids of type %s gets its chats, with a real foreign key",
    async (_name, userId, create, [ann, bob]) => {
      await using database = await openTestDatabase("empty");
      const { db } = database;
      for (const statement of create.split(";")) await db.execute(sql.raw(statement));
      await migrate(db, chatMigrations(userId));
      const store = createStore(db, chatModels(userId));
      const create1 = store.forUser(ann).conversations.create();
      await expect(create1, "a user who is not there").rejects.toThrow();
      await insertUsers(db, userId, [ann, bob]);
      const { id } = await store.forUser(ann).conversations.create({ messages: [{ role: "user", content: "Hello" }] });
      await store.forUser(ann).messages.append(id, [{ role: "assistant", content: "Hi" }]);
      expect((await store.forUser(ann).messages.branch(id)).items.map(({ content }) => content)).toEqual([
        "Hello",
        "Hi",
      ]);
      const page = await store.forUser(ann).conversations.list({ limit: 1 });
      expect(page.items.map((item) => item.id)).toEqual([id]);
      await expect(store.forUser(bob).messages.list(id)).rejects.toThrow(
        expect.objectContaining({ code: "not_found" }),
      );
      const { conversations, messages } = store.forUser(ann);
      const more = await Promise.all([1, 2, 3].map(() => conversations.create()));
      const together = more.map((each) => messages.append(each.id, [{ role: "user", content: "at once" }]));
      expect((await Promise.all(together)).map(([message]) => message?.seq)).toEqual([1, 1, 1]);
      await db.execute(sql`delete from ${userId.table} where ${userId} = ${ann}`);
      expect(await store.forUser(ann).conversations.find(id)).toBeUndefined();
      expect(await db.$count(sql`message`)).toBe(0);
    },
  );

  it("with ids of a type that no user has is a mistake that is told at once", () => {
    const odd = pgTable("user", { id: boolean("id") });
    expect(() => chatModels(odd.id)).toThrow(
      /needs a user id column of type uuid, text, varchar, integer or bigint, not boolean/,
    );
  });
});

async function insertUsers(db: Database, userId: AnyPgColumn, ids: readonly (string | number)[]): Promise<void> {
  for (const id of ids) await db.execute(sql`insert into ${userId.table} values (${id})`);
}
