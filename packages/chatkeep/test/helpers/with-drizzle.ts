/** Connections as a host with Drizzle has them: chatkeep's own, and a Drizzle database on the same pool. */
import { type NeonOptions, openNeon as openPlainNeon } from "chatkeep/neon";
import { openPg as openPlainPg, type PgOptions } from "chatkeep/pg";
import { openPglite as openPlainPglite, type PgliteConnectOptions } from "chatkeep/pglite";
import { drizzle as drizzleOnNeon } from "drizzle-orm/neon-serverless";
import { drizzle as drizzleOnPg } from "drizzle-orm/node-postgres";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { drizzle as drizzleOnPglite } from "drizzle-orm/pglite";

export type Drizzle = PgDatabase<PgQueryResultHKT, Record<string, unknown>>;

export function openPg(options: PgOptions) {
  const connection = openPlainPg(options);
  return { ...connection, db: drizzleOnPg(connection.pool) as Drizzle };
}

export function openNeon(options: NeonOptions) {
  const connection = openPlainNeon(options);
  return { ...connection, db: drizzleOnNeon(connection.pool) as Drizzle };
}

export async function openPglite(options?: PgliteConnectOptions) {
  const connection = await openPlainPglite(options);
  return { ...connection, db: drizzleOnPglite(connection.client) as Drizzle };
}
