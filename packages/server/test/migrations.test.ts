import { migrate, migrationStatus, requireMigrated } from "chatkeep";
import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { isServer, openAgain, openTestDatabase } from "../../store/test/helpers/database.ts";
import { diagnose } from "../src/commands/doctor.ts";
import { migrations } from "../src/migrations.generated.ts";
import * as schema from "../src/models/index.ts";

const [before, after] = [migrations.slice(0, 1), migrations];

it("an application with users, sessions and tasks gets the chats, and loses nothing", async () => {
  await using database = await openTestDatabase("empty");
  const { db } = database;
  expect(await migrate(db, before)).toEqual(["0000_users_and_tasks"]);
  const [ann] = await db.insert(schema.user).values({ name: "Ann", email: "ann@example.com" }).returning();
  const userId = ann?.id ?? "";
  await db.insert(schema.session).values({ userId, token: "t", expiresAt: new Date("2030-01-01") });
  await db.insert(schema.account).values({ userId, accountId: userId, providerId: "credential", password: "hash" });
  await db.insert(schema.task).values([
    { userId, title: "buy milk" },
    { userId, title: "done", completed: true, description: "long ago" },
  ]);
  const tables = [schema.user, schema.session, schema.account, schema.task];
  const rows = () => Promise.all(tables.map((table) => db.select().from(table)));
  const kept = await rows();
  expect(await migrate(db, after)).toEqual([
    "0001_chat",
    "0002_chat_pins_and_branches",
    "0003_chat_followers",
    "0004_chat_finish_reason",
  ]);
  expect(await rows()).toEqual(kept);
  await db.insert(schema.conversation).values({ userId, title: "Hello" });
  expect(await migrate(db, after)).toEqual([]);
  await db.delete(schema.user);
  expect(await db.$count(schema.task)).toBe(0);
  expect(await db.$count(schema.conversation)).toBe(0);
});

it("twenty that start at once migrate once", async () => {
  await using database = await openTestDatabase("empty");
  const others = Array.from({ length: isServer ? 20 : 1 }, () => openAgain(database));
  const applied = await Promise.all(
    Array.from({ length: 20 }, (_, index) => migrate(others[index % others.length]?.db ?? database.db, migrations)),
  );
  expect(applied.filter((names) => names.length > 0)).toEqual([migrations.map(({ name }) => name)]);
  await Promise.all(others.map((other) => other.close()));
  expect((await diagnose(database.db, "test")).checks.filter(({ ok }) => !ok)).toEqual([]);
});

it("a database that is older, newer, or was made by other files is refused", async () => {
  await using database = await openTestDatabase("empty");
  const { db } = database;
  const refused = (sentence: RegExp) =>
    expect.objectContaining({ code: "schema_mismatch", message: expect.stringMatching(sentence) });
  await expect(requireMigrated(db, after)).rejects.toThrow(refused(/older than this version.*chatkeep migrate/));
  await migrate(db, after);
  await requireMigrated(db, after);
  await expect(requireMigrated(db, before)).rejects.toThrow(refused(/newer than this version.*0001_chat/));
  await expect(migrate(db, before)).rejects.toThrow(refused(/newer/));
  const changed = after.map((each) => ({ ...each, sql: `${each.sql}\n-- changed` }));
  await expect(migrate(db, changed)).rejects.toThrow(refused(/was changed after it was applied/));
  expect((await migrationStatus(db, after)).applied).toHaveLength(after.length);
});

it("a migration that fails leaves nothing behind", async () => {
  await using database = await openTestDatabase("empty");
  const { db } = database;
  const broken = [
    ...before,
    { name: "0009_broken", sql: "create table half (id int);--> statement-breakpoint\nselect no_such_column" },
  ];
  await expect(migrate(db, broken)).rejects.toThrow();
  expect((await migrationStatus(db, broken)).applied).toEqual([]);
  expect(await db.$count(sql`information_schema.tables where table_name in ('half', 'user')`)).toBe(0);
});
