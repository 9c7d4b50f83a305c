import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { isServer } from "../../chatkeep/test/helpers/database.ts";
import { createOutageLog } from "../src/log.ts";
import { openTestApp } from "./helpers/app.ts";
import { until } from "./helpers/until.ts";

it.skipIf(isServer)(
  "the embedded database, which has no autovacuum, is tended while it is used, every table of it",
  async () => {
    const app = await openTestApp();
    const { db } = app;
    const read = async <Row>(query: ReturnType<typeof sql>) =>
      ((await db.execute(query)) as unknown as { rows: Row[] }).rows;
    const ann = await app.signUp("ann");
    await ann.call("POST", "/api/conversations", { messages: [{ role: "user", content: "Hello" }] });
    for (const statement of [
      sql`insert into rate_limit (key, count, last_request) select g::text, 1, ${Date.now()}::bigint from generate_series(1, 500) g`,
      sql`insert into verification (identifier, value, expires_at) select g::text, 'x', now() + interval '1 day' from generate_series(1, 500) g`,
      sql`insert into task (user_id, title) select ${ann.id}::uuid, g::text from generate_series(1, 500) g`,
      sql`insert into session (user_id, token, expires_at) select ${ann.id}::uuid, g::text, now() + interval '1 day' from generate_series(1, 500) g`,
      sql`insert into "user" (name, email) select g::text, g::text from generate_series(1, 500) g`,
      sql`update rate_limit set count = 2`,
    ])
      await db.execute(statement);
    const known = () =>
      read<{ relname: string }>(sql`
      select relname from pg_class where relkind = 'r' and reltuples >= 500
        and relname in ('rate_limit', 'verification', 'task', 'session', 'user')`);
    await until(known, (tables) => tables.length === 5);
    const vacuumed = () =>
      read<{ relname: string }>(
        sql`select relname from pg_stat_user_tables where relname = 'rate_limit' and vacuum_count > 0`,
      );
    await until(vacuumed, (tables) => tables.length === 1);
    await app.close();
  },
);

it("what has ended of signing in is removed, and nothing else", async () => {
  const app = await openTestApp();
  const ann = await app.signUp("ann");
  await app.db.execute(sql`
    insert into session (user_id, token, expires_at)
    select ${ann.id}::uuid, n::text, now() + n * interval '1 minute' from generate_series(-3, 3) n where n <> 0`);
  await app.db.execute(
    sql`insert into rate_limit (key, count, last_request) values ('old', 1, 1), ('new', 1, ${Date.now()})`,
  );
  await app.db.execute(sql`
    insert into verification (identifier, value, expires_at) values ('old', 'x', now()), ('new', 'x', now() + interval '1 minute')`);
  const left = async () => {
    const { rows } = (await app.db.execute(sql`
      select (select count(*) from session where user_id = ${ann.id}) || ' ' ||
        (select string_agg(key, ' ') from rate_limit) || ' ' || (select string_agg(identifier, ' ') from verification)
        as left`)) as unknown as { rows: { left: string }[] };
    return rows[0]?.left;
  };
  await until(left, (rows) => rows === "4 new new");
  expect((await ann.request("GET", "/api/conversations")).status).toBe(200);
  await app.close();
});

it("an outage is one line when it begins, one now and then, and one when it ends", async () => {
  const lines: [string, object][] = [];
  const log = {
    warn: (what: object) => lines.push(["warn", what]),
    info: (what: object) => lines.push(["info", what]),
  };
  const outage = createOutageLog(log as unknown as Parameters<typeof createOutageLog>[0], "nothing works");
  outage.worked();
  for (let failure = 0; failure < 100; failure += 1) outage.failed(new Error("away"));
  expect(lines).toEqual([["warn", { error: expect.any(Error) }]]);
  await outage.watch(async () => {})();
  expect(lines.slice(1)).toEqual([["info", { failures: 100, ms: expect.any(Number) }]]);
  outage.failed(new Error("away again"));
  expect(lines).toHaveLength(3);
});
