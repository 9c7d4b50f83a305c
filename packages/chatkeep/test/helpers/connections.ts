/** Every way to a database that the engine of this project has, as chatkeep's connection: what drivers open, and what hosts have. */
import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import { Client as NeonClient, Pool as NeonPool } from "@neondatabase/serverless";
import { fromDrizzle } from "chatkeep/drizzle";
import { fromKysely, type KyselyLike } from "chatkeep/kysely";
import { fromNeon, openNeon } from "chatkeep/neon";
import { fromPg, openPg } from "chatkeep/pg";
import { fromPglite, openPglite } from "chatkeep/pglite";
import { fromPostgresJs, openPostgresJs } from "chatkeep/postgres-js";
import { fromPrisma, type PrismaLike } from "chatkeep/prisma";
import { sql } from "drizzle-orm";
import { drizzle as drizzleNeon } from "drizzle-orm/neon-serverless";
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { drizzle as drizzlePostgresJs } from "drizzle-orm/postgres-js";
import { sql as sql1 } from "drizzle-orm-1rc";
import { drizzle as drizzlePg1 } from "drizzle-orm-1rc/node-postgres";
import { drizzle as drizzlePglite1 } from "drizzle-orm-1rc/pglite";
import { drizzle as drizzlePostgresJs1 } from "drizzle-orm-1rc/postgres-js";
import { sql as sql044 } from "drizzle-orm-044";
import { drizzle as drizzlePg044 } from "drizzle-orm-044/node-postgres";
import { drizzle as drizzlePostgresJs044 } from "drizzle-orm-044/postgres-js";
import { CamelCasePlugin, CompiledQuery, Kysely, PostgresDialect } from "kysely";
import { Client, Pool } from "pg";
import postgres from "postgres";
import { inject } from "vitest";
import type { Connection } from "../../src/sql/connection.ts";
import type { EngineName } from "./engines.ts";
import { useNeonProxy } from "./neon-proxy.ts";
import { generatePrisma } from "./prisma.ts";

export interface Opened extends AsyncDisposable {
  connection: Connection;
  /** A second way into the same database. */
  other: Connection;
  /** Runs `work` in a transaction of the host's, by its own library, which is rolled back when `work` throws. */
  inTransaction?: ((work: (connection: Connection, run: Run) => Promise<void>) => Promise<unknown>) | undefined;
}

/** A statement of the host's own, past chatkeep. */
type Run = (text: string) => Promise<unknown>;

type Way = (url: string) => Promise<Omit<Opened, "other" | typeof Symbol.asyncDispose> & { close(): Promise<unknown> }>;

const ofPg = { max: 4 };

/** As hosts should have it: no dropped client ends the process. */
function poolOf(url: string): Pool {
  const pool = new Pool({ connectionString: url, ...ofPg }).on("error", () => {});
  return pool.on("connect", (client) => void client.on("error", () => {}));
}

interface HostClient {
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
}

async function onClient(client: HostClient, from: () => Connection) {
  const inTransaction: Opened["inTransaction"] = async (work) => {
    await client.query("begin");
    try {
      await work(from(), (text) => client.query(text));
      await client.query("commit");
    } catch (error) {
      await client.query("rollback");
      throw error;
    }
  };
  return { connection: from(), inTransaction, close: () => client.end() };
}

const pgWays: Record<string, Way> = {
  openPg: async (url) => {
    const connection = openPg({ url });
    return { connection, close: connection.close };
  },
  "a Pool of pg": async (url) => {
    const pool = poolOf(url);
    return { connection: fromPg(pool), close: () => pool.end() };
  },
  "a Client of pg": async (url) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    return await onClient(client, () => fromPg(client));
  },
  "a client of a Pool of pg": async (url) => {
    const pool = poolOf(url);
    const client = await pool.connect();
    const end = async () => {
      client.release();
      await pool.end();
    };
    return await onClient({ query: (text) => client.query(text), end }, () => fromPg(client));
  },
};

interface DrizzleDb {
  execute(query: never): PromiseLike<unknown>;
  transaction(work: (tx: DrizzleDb) => Promise<void>): Promise<void>;
}

function onDrizzle(db: unknown, raw: (text: string) => unknown, close: () => Promise<unknown>): ReturnType<Way> {
  const host = db as DrizzleDb;
  const inTransaction: Opened["inTransaction"] = (work) =>
    host.transaction((tx) => work(fromDrizzle(tx), async (text) => await tx.execute(raw(text) as never)));
  return Promise.resolve({ connection: fromDrizzle(host), inTransaction, close });
}

/** Drizzle over a driver that chatkeep does not know: over nothing but what Drizzle documents. */
function withoutClient<Db extends object>(db: Db): Db {
  Object.assign(db, { $client: undefined });
  return db;
}

const hosts: Record<string, Way> = {
  openPostgresJs: async (url) => {
    const connection = openPostgresJs({ url });
    return { connection, close: connection.close };
  },
  "postgres.js": async (url) => {
    const host = postgres(url, { ...ofPg, onnotice: () => {}, transform: { undefined: null, ...postgres.camel } });
    return {
      connection: fromPostgresJs(host),
      inTransaction: (work) => host.begin((tx) => work(fromPostgresJs(tx), async (text) => await tx.unsafe(text))),
      close: () => host.end({ timeout: 1 }),
    };
  },
  "postgres.js behind a pooler": async (url) => {
    const host = postgres(url, { ...ofPg, prepare: false, onnotice: () => {} });
    return { connection: fromPostgresJs(host), close: () => host.end({ timeout: 1 }) };
  },
  "a reserved connection of postgres.js": async (url) => {
    const host = postgres(url, { ...ofPg, onnotice: () => {} });
    const reserved = await host.reserve();
    const close = async () => {
      reserved.release();
      await host.end({ timeout: 1 });
    };
    return { connection: fromPostgresJs(reserved), close };
  },
  "Drizzle 0.45 on pg": (url) => {
    const pool = poolOf(url);
    return onDrizzle(drizzlePg(pool), sql.raw, () => pool.end());
  },
  "Drizzle 0.45 by its documents": (url) => {
    const pool = poolOf(url);
    return onDrizzle(withoutClient(drizzlePg(pool)), sql.raw, () => pool.end());
  },
  "Drizzle 0.45 on a Client of pg": async (url) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    return await onClient(client, () => fromDrizzle(drizzlePg(client)));
  },
  "Drizzle 0.45 on postgres.js": (url) => {
    const host = postgres(url, { ...ofPg, onnotice: () => {} });
    return onDrizzle(drizzlePostgresJs(host), sql.raw, () => host.end({ timeout: 1 }));
  },
  "Drizzle 0.44 on pg": (url) => {
    const pool = poolOf(url);
    return onDrizzle(drizzlePg044(pool), sql044.raw, () => pool.end());
  },
  "Drizzle 0.44 on postgres.js by its documents": (url) => {
    const host = postgres(url, { ...ofPg, onnotice: () => {} });
    return onDrizzle(withoutClient(drizzlePostgresJs044(host)), sql044.raw, () => host.end({ timeout: 1 }));
  },
  "Drizzle 1.0 on pg": (url) => {
    const pool = poolOf(url);
    return onDrizzle(drizzlePg1({ client: pool }), sql1.raw, () => pool.end());
  },
  "Drizzle 1.0 on postgres.js by its documents": (url) => {
    const host = postgres(url, { ...ofPg, onnotice: () => {} });
    return onDrizzle(withoutClient(drizzlePostgresJs1({ client: host })), sql1.raw, () => host.end({ timeout: 1 }));
  },
  Kysely: async (url) => {
    const pool = poolOf(url);
    const host = new Kysely<object>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] });
    const inside = (trx: KyselyLike): [Connection, Run] => [
      fromKysely(trx),
      (text) => trx.executeQuery(CompiledQuery.raw(text)),
    ];
    return {
      connection: fromKysely(host),
      inTransaction: (work) => host.transaction().execute((trx) => work(...inside(trx))),
      close: () => host.destroy(),
    };
  },
  "Kysely with a controlled transaction": async (url) => {
    const pool = poolOf(url);
    const host = new Kysely<object>({ dialect: new PostgresDialect({ pool }) });
    const inTransaction: Opened["inTransaction"] = async (work) => {
      const trx = await host.startTransaction().execute();
      try {
        await work(fromKysely(trx), (text) => trx.executeQuery(CompiledQuery.raw(text)));
        await trx.commit().execute();
      } catch (error) {
        await trx.rollback().execute();
        throw error;
      }
    };
    return { connection: fromKysely(host), inTransaction, close: () => host.destroy() };
  },
  Prisma: async (url) => {
    const host = (await generatePrisma(url)) as PrismaLike & { $disconnect(): Promise<void> };
    return {
      connection: fromPrisma(host),
      inTransaction: (work) =>
        host.$transaction((tx: PrismaLike) => work(fromPrisma(tx), async (text) => await tx.$executeRawUnsafe(text))),
      close: () => host.$disconnect(),
    };
  },
};

const neonWays: Record<string, Way> = {
  openNeon: async (url) => {
    const connection = openNeon({ url });
    return { connection, close: connection.close };
  },
  "a Pool of Neon": async (url) => {
    const pool = new NeonPool({ connectionString: url, ...ofPg });
    pool.on("error", () => {});
    return { connection: fromNeon(pool), close: () => pool.end() };
  },
  "a Client of Neon": async (url) => {
    const client = new NeonClient({ connectionString: url });
    await client.connect();
    return await onClient(client, () => fromNeon(client));
  },
  "Drizzle 0.45 on Neon": (url) => {
    const pool = new NeonPool({ connectionString: url, ...ofPg });
    pool.on("error", () => {});
    return onDrizzle(drizzleNeon(pool), sql.raw, () => pool.end());
  },
};

const pgliteWays: Record<string, Way> = {
  openPglite: async () => {
    const connection = await openPglite();
    return { connection, close: connection.close };
  },
  "a PGlite": async () => {
    const client = await PGlite.create();
    const inTransaction: Opened["inTransaction"] = (work) =>
      client.transaction((tx) => work(fromPglite(tx), (text) => tx.exec(text)));
    return { connection: fromPglite(client), inTransaction, close: () => client.close() };
  },
  "a PGlite whose host says BEGIN": async () => {
    const client = await PGlite.create();
    const connection = fromPglite(client);
    const inTransaction: Opened["inTransaction"] = async (work) => {
      await client.exec("begin");
      try {
        await work(connection, (text) => client.exec(text));
        await client.exec("commit");
      } catch (error) {
        await client.exec("rollback");
        throw error;
      }
    };
    return { connection, inTransaction, close: () => client.close() };
  },
  "Drizzle 0.45 on PGlite": async () => {
    const client = await PGlite.create();
    return await onDrizzle(drizzlePglite(client), sql.raw, () => client.close());
  },
  "Drizzle 1.0 on PGlite": async () => {
    const client = await PGlite.create();
    return await onDrizzle(drizzlePglite1({ client }), sql1.raw, () => client.close());
  },
};

export const waysOf: Record<EngineName, Record<string, Way>> = {
  pg18: { ...pgWays, ...hosts },
  pg15: pgWays,
  citus: {},
  neon: neonWays,
  pglite: pgliteWays,
};

/** Opens it on an empty database of its own. */
export async function openWay(way: Way): Promise<Opened> {
  const source = inject("source");
  if (inject("engine") === "pglite") {
    const { close, ...opened } = await way("");
    return { ...opened, other: opened.connection, [Symbol.asyncDispose]: async () => void (await close()) };
  }
  if (inject("engine") === "neon") useNeonProxy(inject("neonProxyPort"));
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await using admin = openPg({ url: source, maxConnections: 1 });
  await admin.query(`create database ${name}`);
  const url = new URL(source);
  url.pathname = name;
  const other = openPg({ url: url.href });
  const { close, ...opened } = await way(url.href);
  const closeAll = async () => {
    await close();
    await other.close();
  };
  return { ...opened, other, [Symbol.asyncDispose]: closeAll };
}
