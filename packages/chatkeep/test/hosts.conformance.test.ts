/** The conformance suite through what hosts have: each hands values over in its own way. */
import type { ClosableConnection, Connection } from "chatkeep";
import { fromDrizzle } from "chatkeep/drizzle";
import { fromKysely } from "chatkeep/kysely";
import { fromPg } from "chatkeep/pg";
import { openPostgresJs } from "chatkeep/postgres-js";
import { type Capability, runConformance, type Subject } from "chatkeep/testing";
import { drizzle as drizzleOnPg } from "drizzle-orm/node-postgres";
import { drizzle as drizzleOnPostgresJs } from "drizzle-orm/postgres-js";
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";
import postgres from "postgres";
import { describe } from "vitest";
import { conformanceStore } from "./helpers/conformance-store.ts";
import { engine, openTestDatabase } from "./helpers/database.ts";
import { isLong } from "./helpers/long.ts";

const without: Capability[] = ["processes", "faults", "clock", "counters", "archive", "changes"];

const closable = (connection: Connection, close: () => Promise<void>): ClosableConnection => ({ ...connection, close });

const hosts: Record<string, (url: string) => ClosableConnection> = {
  "postgres.js": (url) => openPostgresJs({ url }),
  "a pool of pg": (url) => {
    const pool = new Pool({ connectionString: url });
    return closable(fromPg(pool), () => pool.end());
  },
  "Drizzle on pg": (url) => {
    const pool = new Pool({ connectionString: url });
    return closable(fromDrizzle(drizzleOnPg(pool)), () => pool.end());
  },
  "Drizzle on postgres.js": (url) => {
    const client = postgres(url, { onnotice: () => {} });
    return closable(fromDrizzle(drizzleOnPostgresJs(client)), () => client.end());
  },
  Kysely: (url) => {
    const kysely = new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ connectionString: url }) }) });
    return closable(fromKysely(kysely), () => kysely.destroy());
  },
};

/** The library's own connection is a pool of `pg` too; Drizzle and postgres.js are here each with another partner. */
const ofTwoPartsThatAreProvedApart = ["a pool of pg", "Drizzle on postgres.js"];

describe.runIf(engine === "pg18")("through", () => {
  for (const [name, connect] of Object.entries(hosts)) {
    if (!isLong && ofTwoPartsThatAreProvedApart.includes(name)) continue;
    runConformance(`chatkeep on ${name}`, () => open(connect), { rounds: 1, timeoutMs: 120_000, without });
  }
});

async function open(connect: (url: string) => ClosableConnection): Promise<Subject> {
  const database = await openTestDatabase();
  const again = () => conformanceStore(connect(database.url ?? ""));
  const store = again();
  const close = async () => {
    await store.close();
    await database.close();
  };
  return { store, connect: async () => again(), whole: true, close };
}
