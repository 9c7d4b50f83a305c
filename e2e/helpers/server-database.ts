import { randomUUID } from "node:crypto";
import { openPg } from "chatkeep/pg";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** The URL of PostgreSQL's first database: `packages/chatkeep/test/helpers/engines.ts` has started it. */
    source: string;
  }
}

/**
 * The settings of a server on a database of its own, with all tables, of the PostgreSQL of these tests. The embedded one, which takes
 * seconds of both cores to be made, is what people's first minutes, accounts and replies are tried on.
 */
export async function serverDatabase(): Promise<Record<string, string>> {
  const url = new URL(inject("source"));
  await using admin = openPg({ url: url.href, maxConnections: 1 });
  url.pathname = `e2e_${randomUUID().replaceAll("-", "")}`;
  await admin.pool.query(`create database ${url.pathname.slice(1)} template template_server`);
  return { DATABASE_URL: url.href, CHATKEEP_SECRET: "a secret of the tests, which is long enough" };
}
