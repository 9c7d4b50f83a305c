/** `await using database = await openTestDatabase()`: a database of its own, on the engine of the project that runs. */
import { randomUUID } from "node:crypto";
import { openAsBlob } from "node:fs";
import { join } from "node:path";
import type { ClosableConnection } from "chatkeep";
import { sql } from "drizzle-orm";
import { inject } from "vitest";
import { makeCitusDatabase } from "./citus.ts";
import type { EngineName, Template } from "./engines.ts";
import { useNeonProxy } from "./neon-proxy.ts";
import { asLimitedRole } from "./walled.ts";
import { type Drizzle, openNeon, openPg, openPglite } from "./with-drizzle.ts";

/** A connection, and Drizzle on it for what tests do themselves. */
export interface TestDatabase extends Opened, AsyncDisposable {
  engine: EngineName;
  /** Where a second process finds it; on PGlite there is none. */
  url: string | undefined;
  /** What stores are made on: where row-level security is tried, as a role that it holds for. */
  limited: Opened;
}

type Opened = ClosableConnection & { db: Drizzle };

export const engine = inject("engine");
export const isWalled = inject("isWalled");

/** The tables are spread over a Citus cluster, where an id is one user's: another may have it too. */
export const distributed = engine === "citus";

/** A time of a row, so long before; a cluster takes nothing in an update that depends on a session's time zone. */
export function earlier(column: string, interval: string) {
  return sql.raw(`(${column} at time zone 'UTC' - interval '${interval}') at time zone 'UTC'`);
}

/** Several sessions at once, and a server that can be killed: what PGlite, which has one session, cannot show. */
export const isServer = engine !== "pglite";

export async function openTestDatabase(template: Template = "store"): Promise<TestDatabase> {
  const source = inject("source");
  const open = engine === "citus" ? openOnCluster : isServer ? openCopy : openDump;
  const connection = await open(source, template);
  const limited = isWalled ? openUrl(asLimitedRole(connection.url ?? "")) : connection;
  const close = async () => {
    if (isWalled) await limited.close();
    await connection.close();
  };
  return { ...connection, engine, limited, close, [Symbol.asyncDispose]: close };
}

/** Further connections to the same database, as another server would have them; on PGlite it is the same session. */
export function openAgain(database: TestDatabase): Opened {
  return database.url ? openUrl(database.url) : { ...database, close: async () => {} };
}

async function openOnCluster(source: string, template: Template) {
  const url = await makeCitusDatabase(source, `test_${randomUUID().replaceAll("-", "")}`, template);
  return { ...openUrl(url), url };
}

async function openDump(folder: string, template: Template) {
  const dump = await openAsBlob(join(folder, `${template}.tar`));
  return { ...(await openPglite({ loadDataDir: dump })), url: undefined };
}

async function openCopy(source: string, template: Template) {
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const url = new URL(source);
  url.pathname = name;
  const copied = template === "empty" ? "template1" : `template_${template}`;
  await using admin = openPg({ url: source, maxConnections: 1 });
  await admin.db.execute(sql.raw(`create database ${name} template ${copied}`));
  return { ...openUrl(url.href), url: url.href };
}

function openUrl(url: string): Opened {
  if (engine === "neon") useNeonProxy(inject("neonProxyPort"));
  return engine === "neon" ? openNeon({ url }) : openPg({ url });
}
