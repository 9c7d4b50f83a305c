import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStore } from "chatkeep";
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { isServer, openAgain, openTestDatabase } from "./helpers/database.ts";
import { ids, models, ownMigrations, resetPeople } from "./helpers/people.ts";
import { openPg, openPglite } from "./helpers/with-drizzle.ts";

const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe.runIf(isServer)("a server", () => {
  it("may drop every connection: whoever waits is told, and the next ones are served", async () => {
    await using database = await openTestDatabase();
    const { ann } = await resetPeople(database);
    const { id } = await ann.conversations.create();
    const other = openAgain(database);
    const drop = () =>
      other.db.execute(sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`);
    await drop();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await ann.conversations.get(id)).toMatchObject({ id });
    const waiting = database.transaction(async (tx) => {
      const mine = createStore(tx, models).forUser(ids.ann);
      await mine.conversations.get(id);
      await drop();
      await mine.messages.append(id, [{ role: "user", content: "lost" }]);
    });
    await expect(waiting).rejects.toThrow();
    expect(await ann.conversations.get(id)).toMatchObject({ messageCount: 0 });
    await other.close();
  });

  it("that holds a lock for too long does not let anybody wait for ever", async () => {
    await using database = await openTestDatabase();
    const { ann } = await resetPeople(database);
    const { id } = await ann.conversations.create();
    const hurried = openPg({ url: database.url ?? "", statementTimeoutMs: 300 });
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`select from conversation where id = ${id} for update`);
      const mine = createStore(hurried, models).forUser(ids.ann);
      await expect(mine.messages.append(id, [{ role: "user", content: "x" }])).rejects.toThrow(code("unavailable"));
    });
    await hurried.close();
  });
});

it("a server that is not there is unavailable", async () => {
  await using nowhere = openPg({ url: "postgres://postgres@127.0.0.1:1/none" });
  const mine = createStore(nowhere, models).forUser(ids.ann);
  await expect(mine.conversations.list()).rejects.toThrow(code("unavailable"));
});

it("a database without the tables says that they have to be made", async () => {
  await using database = await openTestDatabase("empty");
  const mine = createStore(database, models).forUser(ids.ann);
  await expect(mine.conversations.list()).rejects.toThrow(code("schema_mismatch"));
  expect(ownMigrations.length).toBeGreaterThan(1);
});

describe.runIf(!isServer)("the embedded database", () => {
  it("keeps statements prepared, through errors, transactions that fail, new columns and a deallocate of the host's", async () => {
    await using database = await openTestDatabase();
    const { ann } = await resetPeople(database);
    const { id } = await ann.conversations.create();
    const say = (content: string) => ann.messages.append(id, [{ role: "user", content }]);
    const kept = async () => {
      const [row] = await database.query("select count(*)::int from pg_prepared_statements");
      return Number(row?.[0]);
    };
    await say("one");
    const before = await kept();
    await say("two");
    expect([before > 0, await kept()]).toEqual([true, before]);

    const divided = (by: number) =>
      database.query("select (1 / $1::int)::int, $2::text, true, null", [by, "a"], "divided");
    await expect(divided(0)).rejects.toThrow(code("22012"));
    expect(await divided(1)).toEqual([["1", "a", "t", null]]);
    const failing = database.transaction(async (inside) => {
      await inside.query("select $1::int", [1], "inside");
      await inside.query("select $1::int / 0", [1], "failing");
    });
    await expect(failing).rejects.toThrow(code("22012"));
    expect(await database.query("select $1::int", [2], "inside")).toEqual([["2"]]);

    await database.query("alter table message add column mood text");
    await say("three");
    await database.query("deallocate all");
    await say("four");
    const said = (await ann.messages.list(id)).items.map(({ content }) => content);
    expect(said).toEqual(["one", "two", "three", "four"]);
  });

  it("is open once at a time, and keeps what it was given", async () => {
    const folder = mkdtempSync(join(tmpdir(), "chatkeep-driver-"));
    const dataDir = join(folder, "db");
    try {
      const first = await openPglite({ dataDir });
      await first.db.execute(sql`create table kept (n int)`);
      await expect(openPglite({ dataDir })).rejects.toThrow(/in use by another process: stop that one/);
      await first.db.execute(sql`insert into kept values (7)`);
      await first.close();
      await using second = await openPglite({ dataDir });
      expect(await second.db.$count(sql`kept`)).toBe(1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
