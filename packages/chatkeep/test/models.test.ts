import { chatMigrations, chatTables, createStore, migrate } from "chatkeep";
import { chatModels } from "chatkeep/drizzle";
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
import type { Drizzle } from "./helpers/with-drizzle.ts";

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
      const models = chatModels(userId);
      await migrate(database, chatMigrations(models));
      const store = createStore(database, models);
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
      /needs a user id of type uuid, text, varchar, integer or bigint, not boolean/,
    );
  });
});

describe("a host without an ORM", () => {
  it("names its user table, and a schema for the chats", async () => {
    await using database = await openTestDatabase("empty");
    await database.query(`create table "Odd ""people" ("The Id" int8 primary key)`);
    await database.query(`insert into "Odd ""people" values (7), (8)`);
    // Its own tables of these names stay as they are.
    for (const name of ["conversation", "message", "run"]) await database.query(`create table ${name} (mine int)`);
    const tables = chatTables({
      user: { schema: "public", table: 'Odd "people', column: "The Id", type: "int8" },
      schema: "Chat room",
    });
    const migrations = chatMigrations(tables);
    const { schema } = tables.attachment;
    await expect(migrate(database, migrations, { schema })).rejects.toThrow(/no schema Chat room: run create schema/);
    await database.query(`create schema "Chat room"`);
    expect(await migrate(database, migrations, { schema })).toHaveLength(migrations.length);
    expect(await migrate(database, migrations, { schema })).toEqual([]);
    const store = createStore(database, tables);
    const [seven, eight] = [store.forUser(7), store.forUser("8")];
    const { id } = await seven.conversations.create({ messages: [{ role: "user", content: "Hello" }] });
    await seven.messages.append(id, [{ role: "assistant", content: "Hi" }]);
    expect((await seven.messages.list(id)).items.map(({ content }) => content)).toEqual(["Hello", "Hi"]);
    await expect(eight.messages.list(id)).rejects.toThrow(expect.objectContaining({ code: "not_found" }));
    expect(await store.system.readRecent([7, 8])).toMatchObject([{ userId: 7, conversation: { id } }]);
    await database.query(`delete from "Odd ""people" where "The Id" = 7`);
    expect(await seven.conversations.find(id)).toBeUndefined();
    expect(await database.query("select count(*)::int as count from message")).toEqual([[expect.anything()]]);
  });

  it("may have its users elsewhere", async () => {
    await using database = await openTestDatabase("empty");
    const tables = chatTables({ user: false });
    await migrate(database, chatMigrations(tables));
    const somebody = createStore(database, tables).forUser("auth0|5f7c");
    const { id } = await somebody.conversations.create({ messages: [{ role: "user", content: "Hello" }] });
    expect(await somebody.conversations.get(id)).toMatchObject({ title: "Hello", messageCount: 1 });
  });

  it.each([
    [{ user: { table: "users", column: "id", type: "money" } }, /not money/],
    [{ user: { table: "", column: "id", type: "uuid" } }, /needs user.table/],
    [{ user: { table: "users", type: "uuid" } }, /needs user.column/],
    [{ user: { table: "users", column: "id", type: "uuid" }, schema: "" }, /needs schema/],
    [{}, /needs the user table/],
  ])("is told what %j lacks", (options, sentence) => {
    expect(() => chatTables(options as Parameters<typeof chatTables>[0])).toThrow(sentence);
  });
});

async function insertUsers(db: Drizzle, userId: AnyPgColumn, ids: readonly (string | number)[]): Promise<void> {
  for (const id of ids) await db.execute(sql`insert into ${userId.table} values (${id})`);
}
