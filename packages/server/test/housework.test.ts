import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { isServer } from "../../store/test/helpers/database.ts";
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
      sql`insert into rate_limit (key, count, last_request) select g::text, 1, 1 from generate_series(1, 500) g`,
      sql`insert into verification (identifier, value, expires_at) select g::text, 'x', now() from generate_series(1, 500) g`,
      sql`insert into task (user_id, title) select ${ann.id}::uuid, g::text from generate_series(1, 500) g`,
      sql`insert into session (user_id, token, expires_at) select ${ann.id}::uuid, g::text, now() from generate_series(1, 500) g`,
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
