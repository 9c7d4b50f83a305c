import { asOperator, migrate, migrationStatus, requireMigrated } from "chatkeep";
import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { engine, isServer, openAgain, openTestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { type Drizzle, openPg } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { diagnose } from "../src/commands/doctor.ts";
import { migrateDatabase, planDatabase, planInWords } from "../src/commands/migrate.ts";
import { openStore } from "../src/database.ts";
import { migrations } from "../src/migrations.generated.ts";
import * as schema from "../src/models/index.ts";

/** As the table was then, which has got columns since. */
async function addAnn(db: Drizzle): Promise<string> {
  const added = await db.execute(sql`insert into "user" (name, email) values ('Ann', 'ann@example.com') returning id`);
  return String((rowsOf(added) as { id: string }[])[0]?.id);
}

const [before, after] = [migrations.slice(0, 1), migrations];

it("an application with users, sessions and tasks gets the chats, and loses nothing", async () => {
  await using database = await openTestDatabase("empty");
  const { db } = database;
  expect(await migrate(database, before)).toEqual(["0000_users_and_tasks"]);
  const userId = await addAnn(db);
  await db.insert(schema.session).values({ userId, token: "t", expiresAt: new Date("2030-01-01") });
  await db.insert(schema.account).values({ userId, accountId: userId, providerId: "credential", password: "hash" });
  await db.insert(schema.task).values([
    { userId, title: "buy milk" },
    { userId, title: "done", completed: true, description: "long ago" },
  ]);
  const tables = [schema.session, schema.account, schema.task];
  const users = sql`select id, name, email, email_verified, image, created_at, updated_at from "user"`;
  const rows = async () => [
    rowsOf(await db.execute(users)),
    ...(await Promise.all(tables.map((table) => db.select().from(table)))),
  ];
  const kept = await rows();
  expect(await migrate(database, after)).toEqual(migrations.slice(1).map(({ name }) => name));
  expect(await rows()).toEqual(kept);
  await db.insert(schema.conversation).values({ userId, title: "Hello" });
  expect(await migrate(database, after)).toEqual([]);
  await db.delete(schema.user);
  expect(await db.$count(schema.task)).toBe(0);
  expect(await db.$count(schema.conversation)).toBe(0);
});

it("what was used before it was counted is counted, and walled where chats are", async () => {
  await using database = await openTestDatabase("empty");
  const { db } = database;
  await migrate(database, migrations.slice(0, 2));
  const userId = await addAnn(db);
  const [chat] = await db.execute(sql`insert into conversation (user_id) values (${userId}) returning id`).then(rowsOf);
  await db.execute(sql`
    insert into run (conversation_id, user_id, message_id, status, server, model, finished_at, input_tokens, output_tokens)
    select ${chat?.["id"]}::uuid, ${userId}::uuid, gen_random_uuid(), status, 'one', 'big', moment::timestamptz, 2, null
    from (values ('completed', '2026-11-25T23:59:59Z'), ('failed', '2026-11-26T00:00:00Z'),
      ('stopped', '2026-11-26T23:00:00Z')) as r (status, moment)`);
  // More users than one batch takes, and a role that passes no policy.
  await db.execute(sql`
    with people as (
      insert into "user" (name, email) select 'n', n || '@example.com' from generate_series(1, 1200) n returning id),
    chats as (insert into conversation (user_id) select id from people returning id, user_id)
    insert into run (conversation_id, user_id, message_id, status, server, finished_at)
    select id, user_id, gen_random_uuid(), 'completed', 'one', '2026-01-01T00:00:00Z' from chats`);
  const tables = ["conversation", "message", "run", "run_chunk", "search_block", "search_pending", "search_words"];
  const policed = (table: string) => [
    `alter table ${table} enable row level security`,
    `alter table ${table} force row level security`,
    `create policy chatkeep_owner on ${table} using ((select current_setting('chatkeep.owners', true)) = '*')`,
  ];
  for (const statement of tables.flatMap(policed)) await database.query(statement);
  const role = `role_${Math.random().toString(36).slice(2)}`;
  if (isServer) {
    for (const statement of [
      `create role ${role} login`,
      `grant create on schema public to ${role}`,
      `grant all on all tables in schema public to ${role}`,
    ])
      await database.query(statement);
    await database.query(`grant ${role} to current_user`);
    const owned = await database.query(
      "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
    );
    for (const [name] of owned) await database.query(`alter table "${String(name)}" owner to ${role}`);
    const url = new URL(database.url ?? "");
    url.username = role;
    await using limited = openPg({ url: url.href, maxConnections: 2 });
    await migrate(limited, after);
  } else await migrate(database, after);
  const [early] = await database.query("select count(*)::int from usage where day = '2026-01-01' and replies = 1");
  expect(early?.map(Number)).toEqual([1200]);
  const found = await db.execute(sql`
    select day::text, model, replies::int, input_tokens::int, output_tokens::int from usage where model = 'big' order by day`);
  expect(rowsOf(found)).toEqual([
    { day: "2026-11-25", model: "big", replies: 1, input_tokens: 2, output_tokens: 0 },
    { day: "2026-11-26", model: "big", replies: 2, input_tokens: 4, output_tokens: 0 },
  ]);
  const bare = await database.query(`
    select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'
    where c.relkind = 'r' and c.relname not in ('task', 'session', 'account', 'api_key', 'preference', 'claim', 'refresh_token', 'share', 'feedback', 'project', 'setting', 'passkey')
      and not (c.relrowsecurity and c.relforcerowsecurity
        and exists (select from pg_policy where polrelid = c.oid and polname = 'chatkeep_owner'))`);
  expect(bare).toEqual([]);
  if (!isServer) return;
  await database.query(`reassign owned by ${role} to current_user`);
  await database.query(`drop owned by ${role}`);
  await database.query(`drop role ${role}`);
});

const rowsOf = (result: unknown) => (result as { rows: Record<string, unknown>[] }).rows;

it("twenty that start at once migrate once", async () => {
  await using database = await openTestDatabase("empty");
  const others = Array.from({ length: isServer ? 20 : 1 }, () => openAgain(database));
  const applied = await Promise.all(
    Array.from({ length: 20 }, (_, index) => migrate(others[index % others.length] ?? database, migrations)),
  );
  // Where one waits outside of a transaction another may go on.
  expect(applied.flat().toSorted()).toEqual(migrations.map(({ name }) => name));
  await Promise.all(others.map((other) => other.close()));
  expect((await diagnose(database, "test")).checks.filter(({ ok }) => !ok)).toEqual([]);
});

const refused = (sentence: RegExp) =>
  expect.objectContaining({ code: "schema_mismatch", message: expect.stringMatching(sentence) });

it("a database that is older, or was made by other files, is refused", async () => {
  await using database = await openTestDatabase("empty");
  await expect(requireMigrated(database, after)).rejects.toThrow(refused(/older than this version.*chatkeep migrate/));
  await migrate(database, after);
  await requireMigrated(database, after);
  const changed = after.map((each) => ({ ...each, sql: `${each.sql}\n-- changed` }));
  await expect(migrate(database, changed)).rejects.toThrow(refused(/was changed after it was applied/));
  expect((await migrationStatus(database, after)).applied).toHaveLength(after.length);
});

it("a database that a newer version has migrated is refused only if that breaks older code", async () => {
  await using database = await openTestDatabase("empty");
  const more = { name: "0100_more", sql: "create table more (id int)" };
  const breaking = { name: "0101_breaking", sql: "-- breaking: nobody reads it any more\ndrop table more" };
  await migrate(database, [...after, more]);
  await requireMigrated(database, after);
  expect(await migrate(database, after)).toEqual([]);
  expect(await migrationStatus(database, after)).toMatchObject({ unknown: ["0100_more"], breaking: [], pending: [] });
  expect((await diagnose(database, "test")).checks.filter(({ ok }) => !ok)).toEqual([]);
  await migrate(database, [...after, more, breaking]);
  await expect(requireMigrated(database, after)).rejects.toThrow(
    refused(/newer than this version.*0101_breaking.*update/),
  );
  await expect(migrate(database, after)).rejects.toThrow(refused(/newer/));
});

it("a record of migrations that an older version made is read as it is, and completed by the next migration", async () => {
  await using database = await openTestDatabase("empty");
  const { db } = database;
  await migrate(database, before);
  await db.execute(sql`alter table chatkeep_migration drop column breaking`);
  expect((await migrationStatus(database, before)).applied).toEqual(["0000_users_and_tasks"]);
  await requireMigrated(database, before);
  expect(await migrate(database, after)).toHaveLength(after.length - 1);
  expect(await db.$count(sql`chatkeep_migration where not breaking`)).toBe(after.length);
});

it("another application's tables are left alone, and named", async () => {
  const cases: [string, RegExp][] = [
    [
      `create table "message" (id int, body text, room text)`,
      /table message that is not chatkeep's.*body, room.*rename it, or give/,
    ],
    [`create table "user" (id int, handle text)`, /table user that is not chatkeep's.*handle/],
    [`create view "run" as select 1 as distance`, /table run that is not chatkeep's.*distance/],
    [
      `create table "task" (id uuid, user_id uuid, title text)`,
      /table task that is not chatkeep's \(it has no description, completed, created_at, updated_at\)/,
    ],
    [
      `create table "task" (id int, user_id int, title int, description int, completed int, created_at int, updated_at int)`,
      /tables like chatkeep's \(task\) that migrate did not make.*schema of its own/,
    ],
    [
      `create table other (a int); create index conversation_pinned_idx on other (a)`,
      /0001_chat was not applied, because .*conversation_pinned_idx/,
    ],
  ];
  for (const [statements, sentence] of cases) {
    await using database = await openTestDatabase("empty");
    for (const statement of statements.split(";")) await database.db.execute(sql.raw(statement));
    await expect(migrate(database, after)).rejects.toThrow(refused(sentence));
    expect((await migrationStatus(database, after)).applied).toEqual([]);
  }
});

it("beside another application's tables, a schema of its own holds chatkeep's", async () => {
  await using database = await openTestDatabase("empty");
  const { db } = database;
  await db.execute(sql`create table message (id int, body text)`);
  await db.execute(sql`create schema chatkeep`);
  await db.execute(
    sql.raw(
      `do $$ begin execute format('alter database %I set search_path = chatkeep, public', current_database()); end $$`,
    ),
  );
  const again = isServer ? openAgain(database) : database;
  if (!isServer) await db.execute(sql`set search_path = chatkeep, public`);
  expect(await migrate(again, after)).toHaveLength(after.length);
  expect((await diagnose(again, "test")).checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(await db.$count(sql`public.message`)).toBe(0);
  if (isServer) await again.close();
});

it.runIf(isServer)(
  "waits for another process that migrates, tells of it, and gives up when it is told to",
  async () => {
    await using database = await openTestDatabase("empty");
    const other = openAgain(database);
    const waits: number[] = [];
    const waiting = Promise.withResolvers<string[]>();
    await other.db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('chatkeep:migrate', 0))`);
      const impatient = migrate(database, after, { waitMs: 1 });
      await expect(impatient).rejects.toThrow(/Another process still migrates this database/);
      await new Promise<void>((told) => {
        const onWait = (ms: number) => {
          waits.push(ms);
          told();
        };
        waiting.resolve(migrate(database, after, { onWait }));
      });
    });
    expect(await waiting.promise).toHaveLength(after.length);
    expect(waits.length).toBeGreaterThan(0);
    await other.close();
  },
);

it.runIf(isServer)("limits of time for other statements are none for a migration", async () => {
  await using database = await openTestDatabase("empty");
  const hurried = openPg({ url: database.url ?? "", statementTimeoutMs: 100 });
  const limit = (name: string) =>
    hurried.pool.query(`do $$ begin execute format('alter database %I set ${name} = 200', current_database()); end $$`);
  for (const name of ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]) await limit(name);
  const slow = [
    { name: "0000_slow", sql: "select pg_sleep(1.5);--> statement-breakpoint\ncreate table slow (id int)" },
  ];
  expect(await migrate(hurried, slow)).toEqual(["0000_slow"]);
  await expect(hurried.pool.query("select pg_sleep(1)")).rejects.toThrow();
  await hurried.close();
});

it("a migration that fails leaves nothing behind", async () => {
  await using database = await openTestDatabase("empty");
  const { db } = database;
  const broken = [
    ...before,
    { name: "0009_broken", sql: "create table half (id int);--> statement-breakpoint\nselect no_such_column" },
  ];
  await expect(migrate(database, broken)).rejects.toThrow();
  expect((await migrationStatus(database, broken)).applied).toEqual([]);
  expect(await db.$count(sql`information_schema.tables where table_name in ('half', 'user')`)).toBe(0);
});

it.runIf(engine === "pg18")(
  "a new database has the wall where its role is one that it holds for, and doctor says so",
  async () => {
    await using database = await openTestDatabase("empty");
    const config = { engine: "pg", url: database.url ?? "" } as const;
    const role = `role_${Math.random().toString(36).slice(2)}`;
    await database.query(`create role ${role} login`);
    await database.query(`create schema authorization ${role}`);
    const url = new URL(config.url);
    url.username = role;
    const own = { engine: "pg", url: url.href } as const;
    expect(planInWords(await planDatabase(own))).toMatch(/row-level security is switched on/);
    expect(await migrateDatabase(own)).toMatchObject({ rowLevelSecurity: "on" });
    expect(await migrateDatabase(own)).toEqual({ applied: [] });
    await using limited = openPg({ url: own.url, maxConnections: 2 });
    const wall = async (connection: Parameters<typeof diagnose>[0]) =>
      (await diagnose(connection, "pg")).checks.find(({ name }) => name === "row-level security")?.found;
    expect(await wall(limited)).toBe("on");

    const store = await openStore(limited);
    const [ann] = await limited.db.insert(schema.user).values({ name: "Ann", email: "ann@example.com" }).returning();
    const mine = store.forUser(ann?.id ?? "");
    await mine.conversations.create({ id: "c", messages: [{ role: "user", content: "Hello" }] });
    // By hand nothing is seen or changed, though the role owns the tables.
    expect(await limited.db.$count(schema.conversation)).toBe(0);
    await limited.query("delete from message");
    await expect(
      limited.query("insert into conversation (user_id) values ($1::uuid)", [ann?.id ?? ""]),
    ).rejects.toMatchObject({ code: "42501" });
    expect((await mine.messages.list("c")).items).toHaveLength(1);
    // Deleting a user passes it, as foreign keys do; and an operator sees all.
    expect(await asOperator(limited, (inside) => inside.query("select id from message"))).toHaveLength(1);
    await limited.db.delete(schema.user);
    expect(await asOperator(limited, (inside) => inside.query("select id from message"))).toEqual([]);

    // A superuser passes every policy: then it is off, and says what to do.
    expect(await migrateDatabase(config)).toEqual({ applied: migrations.map(({ name }) => name) });
    expect(await wall(database)).toMatch(/^off: let servers connect as a role that is no superuser/);
    await expect(migrateDatabase(config, { distributed: true })).rejects.toThrow(/This database has no Citus/);
    await expect(migrateDatabase(config, { distributed: true, rowLevelSecurity: "on" })).rejects.toThrow(
      /leave out one/,
    );
    expect(await migrateDatabase(config, { rowLevelSecurity: "on" })).toEqual({ applied: [], rowLevelSecurity: "on" });
    expect(await wall(database)).toMatch(/^on, and passed by this role/);
    await limited.close();
    await database.query(`drop owned by ${role} cascade`);
    await database.query(`drop role ${role}`);
  },
);
