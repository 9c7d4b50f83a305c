/** What stands outside of a migration's transaction: indexes that are built while others write, and backfills in batches. */
import {
  type Connection,
  chatMigrations,
  chatTables,
  createStore,
  migrate,
  migrationScript,
  migrationStatus,
  planMigrations,
} from "chatkeep";
import { fromPg } from "chatkeep/pg";
import { openPglite } from "chatkeep/pglite";
import { openPostgresJs } from "chatkeep/postgres-js";
import { expect, it } from "vitest";
import { openAgain, openTestDatabase, type TestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { openPg } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { until } from "./helpers/until.ts";

const breakpoint = "--> statement-breakpoint\n";
const first = {
  name: "0000_first",
  sql:
    'create table "entry" (id int primary key, word text);\n' +
    `${breakpoint}insert into entry select n, 'word ' || n from generate_series(1, 2500) n`,
};
/** Each run of it leaves a line, so that one sees which were done twice. */
const backfill = `-- in batches
with batch as (select id from entry where id > coalesce($1::text, '0')::int order by id limit 1000),
  done as (update entry set size = length(word) from batch where entry.id = batch.id returning entry.id),
  line as (insert into batch_log select coalesce($1::text, 'start'), count(*) from done)
select max(id)::text from batch`;
const second = {
  name: "0001_second",
  sql: [
    "alter table entry add column size int",
    "create table batch_log (position text, count int)",
    "create table fault (divisor int)",
    "drop table fault",
    backfill,
    '-- its words are long\nCREATE INDEX CONCURRENTLY IF NOT EXISTS "entry_Word_idx" ON "entry" USING btree ("word");',
    "alter table entry alter column size set not null",
    "create unique index concurrently entry_size_id_key on only entry (size, id)",
  ].join(breakpoint),
};
const third = { name: "0002_third", sql: "create table more (id int)" };
const all = [first, second, third];

async function rows(database: Connection, text: string) {
  return (await database.query(text)).map((row) => row.map(String));
}

const indexes = "select indexrelid::regclass, indisvalid from pg_index where indrelid = 'entry'::regclass order by 1";
const whole = [
  ["entry_pkey", "true"],
  ['"entry_Word_idx"', "true"],
  ["entry_size_id_key", "true"],
].map(([name, isValid]) => [name, expect.stringMatching(isValid === "true" ? /^t/ : /^f/)]);
const log = "select position, count from batch_log";
const oneOfEach = [
  ["start", "1000"],
  ["1000", "1000"],
  ["2000", "500"],
  ["2500", "0"],
];

/** A transaction that has read, for which each concurrent build waits; ends it when it is called. */
async function openReader(database: TestDatabase) {
  const pool = openPg({ url: database.url ?? "", maxConnections: 1 });
  const end = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const reading = pool.transaction(
    async (inside) => {
      await inside.query("select count(*) from pg_class");
      begun.resolve();
      await end.promise;
    },
    { isolationLevel: "repeatable read" },
  );
  await begun.promise;
  return async () => {
    end.resolve();
    await reading;
    await pool.close();
  };
}

const building =
  "select pid::text, index_relid::text from pg_stat_progress_create_index where datname = current_database()";

it("twenty at once build indexes and fill columns in batches, each once", async () => {
  await using database = await openTestDatabase("empty");
  const others = Array.from({ length: 20 }, () => openAgain(database));
  const ended = await Promise.all(others.map((other) => migrate(other, all)));
  expect(ended.flat().sort()).toEqual(all.map(({ name }) => name));
  expect(await rows(database, indexes)).toEqual(whole);
  expect(await rows(database, log)).toEqual(oneOfEach);
  expect(await migrate(database, all)).toEqual([]);
  await Promise.all(others.map((other) => other.close()));
});

it("a build that is killed is built again, writers go on meanwhile, and what was done is not done again", async () => {
  await using database = await openTestDatabase("empty");
  await migrate(database, [first]);
  const endReader = await openReader(database);
  const broken = migrate(database, all);
  broken.catch(() => {});
  const [[pid = "", index = ""] = []] = await until(
    () => rows(database, building),
    (found) => found[0]?.[1] !== "0" && found.length > 0,
  );
  await database.query("insert into entry values (9999, 'meanwhile', 9)");
  expect(await migrationStatus(database, all)).toMatchObject({ applied: ["0000_first"], begun: ["0001_second"] });
  await expect(migrate(openAgain(database), all, { waitMs: 1 })).rejects.toThrow(/Another process still migrates/);
  await database.query("select pg_terminate_backend($1::int)", [Number(pid)]);
  await expect(broken).rejects.toMatchObject({ code: "unavailable" });
  expect((await rows(database, indexes))[1]?.[1]).toMatch(/^f/);
  await endReader();
  expect(await migrate(database, all)).toEqual(["0001_second", "0002_third"]);
  expect(await rows(database, indexes)).toEqual(whole);
  expect(await rows(database, `select count(*) from pg_class where oid = ${index}`)).toEqual([["0"]]);
  expect(await rows(database, log)).toEqual(oneOfEach);
});

it("a build whose client has died, and that goes on, is waited for and not begun anew", async () => {
  await using database = await openTestDatabase("empty");
  await migrate(database, [first]);
  const endReader = await openReader(database);
  const other = openAgain(database);
  const abandoned = other.query('create index concurrently "entry_Word_idx" on entry (word)');
  const [[, index = ""] = []] = await until(
    () => rows(database, building),
    (found) => found[0]?.[1] !== "0" && found.length > 0,
  );
  const onlyIndex = { name: "0001_index", sql: 'create index concurrently "entry_Word_idx" on entry (word)' };
  const migrated = migrate(database, [first, onlyIndex]);
  const isLooking =
    "select count(*) from pg_stat_activity where query like '%pg_stat_progress_create_index p%' and state = 'idle' and datname = current_database()";
  await until(
    () => rows(database, isLooking),
    ([[count = ""] = []]) => count === "1",
  );
  await endReader();
  expect(await migrated).toEqual(["0001_index"]);
  expect(await rows(database, `select '"entry_Word_idx"'::regclass::oid::text`)).toEqual([[index]]);
  await abandoned;
  await other.close();
});

it("a backfill that fails is gone on with at the batch that failed; one that would never end is refused", async () => {
  await using database = await openTestDatabase("empty");
  await migrate(database, [first]);
  await database.query(
    "create function fail() returns trigger language plpgsql as $$ begin if new.position = '2000' then raise exception 'no'; end if; return new; end $$",
  );
  const statements = second.sql.split(breakpoint);
  const trigger = "create trigger fails before insert on batch_log for each row execute function fail()";
  const faulty = { ...second, sql: statements.with(3, trigger).join(breakpoint) };
  await expect(migrate(database, [first, faulty, third])).rejects.toThrow();
  expect(await rows(database, log)).toEqual(oneOfEach.slice(0, 2));
  expect(
    await rows(database, "select statements_done, batch_position from chatkeep_migration where name = '0001_second'"),
  ).toEqual([["4", "2000"]]);
  await expect(migrate(database, [first, second, third])).rejects.toThrow(/0001_second was changed/);
  await database.query("drop function fail cascade");
  expect(await migrate(database, [first, faulty, third])).toEqual(["0001_second", "0002_third"]);
  expect(await rows(database, log)).toEqual(oneOfEach);
  const endless = { name: "0003_endless", sql: "-- in batches\nselect coalesce($1::text, 'here')" };
  await expect(migrate(database, [first, faulty, third, endless])).rejects.toThrow(/0003_endless|never end/);
});

it("where there is one session, or a transaction of the host, all of it is one transaction", async () => {
  await using pglite = await openPglite();
  expect(await migrate(pglite, all)).toHaveLength(3);
  expect(await rows(pglite, indexes)).toEqual(whole);
  expect(await rows(pglite, log)).toEqual(oneOfEach);

  await using database = await openTestDatabase("empty");
  const pool = openPg({ url: database.url ?? "", maxConnections: 1 });
  await pool
    .transaction(async (inside) => {
      await migrate(inside, all);
      throw new Error("the host changes its mind");
    })
    .catch(() => {});
  expect(await migrationStatus(database, all)).toMatchObject({ applied: [], begun: [] });
  expect(await migrate(fromPg(pool.pool), all)).toHaveLength(3);
  expect(await rows(database, indexes)).toEqual(whole);
  await pool.close();
});

it("postgres.js builds concurrently too", async () => {
  await using database = await openTestDatabase("empty");
  await using connection = openPostgresJs({ url: database.url ?? "", maxConnections: 1 });
  expect(await migrate(connection, all)).toHaveLength(3);
  expect(await rows(database, indexes)).toEqual(whole);
});

/** Each statement by itself, as psql sends them: in a text of several, PostgreSQL makes a transaction of them. */
const statementsOf = (script: string) => script.split(/;\n\n/).filter((text) => text.trim() !== "");

it("the plan says what is pending and changes nothing; its script does the same as migrate, and leaves it nothing to do", async () => {
  await using database = await openTestDatabase("empty");
  await using session = openPg({ url: database.url ?? "", maxConnections: 1 });
  const [planned, other] = await planMigrations(database, all).then((plan) => plan.slice(1));
  expect(planned).toEqual({ name: "0001_second", statements: 8, done: 0, indexes: 2, backfills: 1, breaking: false });
  expect(other).toMatchObject({ name: "0002_third", statements: 1 });
  expect(await rows(database, "select to_regclass('entry')")).toEqual([["null"]]);
  await migrate(database, [first]);
  expect(await planMigrations(database, all)).toHaveLength(2);
  const script = await migrationScript(all, { connection: database });
  expect(script).not.toMatch(/0000_first/);
  for (const statement of statementsOf(script)) await session.pool.query(statement);
  expect(await migrationScript(all, { connection: database })).toBe("-- Nothing is pending.\n");
  expect(await migrate(database, all)).toEqual([]);
  expect(await rows(database, indexes)).toEqual(whole);
  expect(await rows(database, log)).toEqual(oneOfEach);
  expect(await migrationStatus(database, all)).toMatchObject({ pending: [], changed: [] });
});

it("the script of all migrations, without a database, makes the chat tables of a host in a schema of its own", async () => {
  await using database = await openTestDatabase("empty");
  await using session = openPg({ url: database.url ?? "", maxConnections: 1 });
  const tables = chatTables({ user: { table: "member", column: "id", type: "bigint" }, schema: "Chats" });
  await session.pool.query('create table member (id bigint primary key); create schema "Chats"');
  const script = await migrationScript(chatMigrations(tables), { schema: "Chats" });
  for (const statement of statementsOf(script)) await session.pool.query(statement);
  expect(await migrate(database, chatMigrations(tables), { schema: "Chats" })).toEqual([]);
  await session.pool.query("insert into member values (7)");
  expect(await createStore(database, tables).forUser(7).conversations.create()).toMatchObject({ messageCount: 0 });
});
