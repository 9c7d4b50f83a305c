/** What doctor finds, and that what it says mends it. */
import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { openTestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { diagnose } from "../src/commands/doctor.ts";
import { user } from "../src/models/index.ts";
import { until } from "./helpers/until.ts";

it("finds what is wrong and what is slow, and each statement that it names mends it", async () => {
  await using database = await openTestDatabase("server");
  const { db } = database;
  const look = async () => {
    await db.execute(sql`select pg_stat_force_next_flush()`);
    return await diagnose(database, "pg");
  };
  expect((await look()).findings).toEqual([]);

  const id = randomUUID();
  await db.insert(user).values({ id, name: "Ann", email: "ann@example.com" });
  const chat = randomUUID();
  await db.execute(sql`
    insert into conversation (id, user_id, message_count, head_id) values (${chat}, ${id}, 7, gen_random_uuid())`);
  await db.execute(sql`
    insert into message (conversation_id, user_id, seq, parent_id, role, status, content) values
      (${chat}, ${id}, 1, gen_random_uuid(), 'user', 'complete', 'Hello'),
      (${chat}, ${id}, 2, null, 'assistant', 'streaming', '')`);
  await db.execute(sql`alter table task set (autovacuum_enabled = false)`);
  await db.execute(sql`
    insert into task (user_id, title, description)
    select ${id}, 'Task ' || n, repeat('x', 100) from generate_series(1, 30000) n`);
  await db.execute(sql`delete from task where title like '%1%'`);
  await db.execute(sql`create index "by description" on task (description, title)`);
  await db.execute(sql`create unique index concurrently twice on task (description)`).catch(() => {});
  await db.execute(sql`alter table conversation enable row level security`);
  const found = await look();
  const kinds = (findings: typeof found.findings) =>
    findings.map(({ kind, level, about }) => [kind, level, about].join(" "));
  const walled = ["attachment", "attachment_content", "attachment_object", "attachment_piece", "attachment_use"];
  walled.push("message", "run", "run_chunk", "search_block", "search_pending", "search_words", "usage");
  expect(kinds(found.findings)).toEqual([
    "orphans wrong message",
    "orphans wrong conversation",
    "orphans wrong conversation",
    "orphans wrong message",
    "invalid-index wrong twice",
    ...walled.map((name) => `wall-with-a-gap wrong ${name}`),
    "bloat advice task",
    "statistics advice task",
    "autovacuum advice task",
    "unused-index advice by description",
  ]);
  expect(found.findings.every(({ why, mend }) => why.length > 20 && mend.length > 5)).toBe(true);

  // What stands in the way of the unique index.
  await db.execute(sql`delete from task where title not like 'Task 2%'`);
  await db.execute(sql`update task set description = title`);
  await db.execute(sql`alter table conversation disable row level security`);
  for (const { kind, mend } of found.findings) if (kind !== "wall-with-a-gap") await db.execute(sql.raw(mend));
  // What other connections of the pool have changed is counted up to a second later, and mended by the same statements.
  const left = await until(
    async () => {
      const seen = await look();
      for (const { mend } of seen.findings) await db.execute(sql.raw(mend));
      return seen;
    },
    ({ findings }) => findings.length === 0,
  );
  expect(kinds(left.findings)).toEqual([]);
  expect(left.checks.filter(({ ok }) => !ok)).toEqual([]);
  const { rows } = (await db.execute(
    sql`select head_id is not null as head, message_count from conversation`,
  )) as unknown as {
    rows: object[];
  };
  expect(rows).toEqual([{ head: true, message_count: 2 }]);

  await db.execute(sql`
    insert into run (conversation_id, user_id, message_id, server, heartbeat_at)
    values (${chat}, ${id}, gen_random_uuid(), 'gone', now() - interval '6 minutes')`);
  expect((await look()).findings).toMatchObject([{ kind: "dead-runs", level: "wrong", mend: "chatkeep serve" }]);
});

it("finds bytes of files that are gone, which their place was not asked to remove", async () => {
  await using database = await openTestDatabase("server");
  const { db } = database;
  const count = async () =>
    (await diagnose(database, "pg")).findings.filter(({ about }) => about === "attachment_object").length;
  const put = (id: string, since: string) =>
    db.execute(sql`
      insert into attachment_object (content_id, user_id, count, check_at)
      values (${id}, ${randomUUID()}, 1, now() - ${since}::interval)`);
  await put(randomUUID(), "1 hour");
  expect(await count()).toBe(0);
  await put(randomUUID(), "4 hours");
  expect(await count()).toBe(1);
});
