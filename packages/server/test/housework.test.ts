import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { isServer } from "../../store/test/helpers/database.ts";
import { openTestApp } from "./helpers/app.ts";
import { until } from "./helpers/until.ts";

it.skipIf(isServer)("the embedded database, which has no autovacuum, is tended while it is used", async () => {
  const app = await openTestApp();
  const known = async () => {
    const { rows } = (await app.db.execute(sql`
      select relname from pg_class where relname in ('conversation', 'message', 'run', 'run_chunk') and reltuples >= 0`)) as unknown as {
      rows: object[];
    };
    return rows.length;
  };
  expect(await known()).toBe(0);
  const ann = await app.signUp("ann");
  await ann.call("POST", "/api/conversations", { messages: [{ role: "user", content: "Hello" }] });
  await until(known, (count) => count === 4);
  await app.close();
});
