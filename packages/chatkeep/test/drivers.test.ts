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
