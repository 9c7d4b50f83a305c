/** The database that the configuration names, opened; and the secret that belongs to it. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  createStore,
  type Database,
  hasRowLevelSecurity,
  InvalidInputError,
  type Store,
  type StoreOptions,
} from "chatkeep";
import { openNeon } from "chatkeep/neon";
import { openPg } from "chatkeep/pg";
import { openPglite } from "chatkeep/pglite";
import type { Config, DatabaseConfig } from "./config.ts";
import type { DoorbellOptions } from "./live/doorbell.ts";
import { models } from "./models/index.ts";

export interface Connection extends AsyncDisposable {
  engine: DatabaseConfig["engine"];
  db: Database;
  /** Missing where no other process can have the database, and behind a pooler that passes nothing on. */
  listen?: DoorbellOptions["listen"];
  close(): Promise<void>;
}

/** @throws unavailable when the embedded database is in use by another process */
export async function openDatabase(config: DatabaseConfig): Promise<Connection> {
  switch (config.engine) {
    case "pglite":
      return openPglite({ dataDir: config.dataDir });
    case "neon":
      return openNeon({ url: config.url });
    case "pg":
      return openPg({ url: config.url });
  }
}

/**
 * The same, for commands that have nothing to do in a database that has just been made.
 * @throws invalid_input when there is none
 */
export async function openExistingDatabase(config: DatabaseConfig): Promise<Connection> {
  if (config.engine === "pglite" && !existsSync(config.dataDir)) {
    const folder = dirname(config.dataDir);
    throw new InvalidInputError(
      `There is no database in ${folder}: set CHATKEEP_DATA to its folder, or start chatkeep once.`,
    );
  }
  return await openDatabase(config);
}

/** The store of this database, which says whose each statement is if the policies are on. */
export async function openStore(
  db: Database,
  options: Pick<StoreOptions, "runLeaseMs" | "partsOf"> = {},
): Promise<Store> {
  return createStore(db, models, { ...options, rowLevelSecurity: await hasRowLevelSecurity(db, models) });
}

/** What sessions are signed with: as configured, or made once and kept beside the embedded database. */
export function secretOf({ secret, database }: Config): string {
  if (secret) return secret;
  if (database.engine !== "pglite") throw new TypeError("a shared database needs a configured secret");
  const file = join(dirname(database.dataDir), "secret");
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, randomBytes(32).toString("base64url"), { mode: 0o600 });
  }
  return readFileSync(file, "utf8").trim();
}
