/** `await using database = await openTestDatabase()`: a database of its own, on the engine of the project that runs. */
import { randomUUID } from "node:crypto";
import { openAsBlob } from "node:fs";
import { join } from "node:path";
import type { Database } from "chatkeep";
import { openNeon } from "chatkeep/neon";
import { openPg, type PgConnection } from "chatkeep/pg";
import { openPglite } from "chatkeep/pglite";
import { sql } from "drizzle-orm";
import { inject } from "vitest";
import type { EngineName, Template } from "./engines.ts";
import { useNeonProxy } from "./neon-proxy.ts";

export interface TestDatabase extends AsyncDisposable {
  engine: EngineName;
  db: Database;
  /** Where a second process finds it; on PGlite there is none. */
  url: string | undefined;
  /** How its driver hears notifications; on PGlite there is nobody to hear. */
  listen: PgConnection["listen"];
  close(): Promise<void>;
}

type Opened = Pick<TestDatabase, "db" | "listen" | "close">;

export const engine = inject("engine");

/** Several sessions at once, and a server that can be killed: what PGlite, which has one session, cannot show. */
export const isServer = engine !== "pglite";

export async function openTestDatabase(template: Template = "store"): Promise<TestDatabase> {
  const source = inject("source");
  const connection = isServer ? await openCopy(source, template) : await openDump(source, template);
  return { ...connection, engine, [Symbol.asyncDispose]: connection.close };
}

/** Further connections to the same database, as another server would have them; on PGlite it is the same session. */
export function openAgain(database: TestDatabase): Opened {
  return database.url ? openUrl(database.url) : { db: database.db, listen: undefined, close: async () => {} };
}

async function openDump(folder: string, template: Template) {
  const dump = await openAsBlob(join(folder, `${template}.tar`));
  const { db, close } = await openPglite({ loadDataDir: dump });
  return { db, close, url: undefined, listen: undefined };
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
