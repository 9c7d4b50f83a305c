/** The database that the configuration names, opened; and the secret that belongs to it. */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import {
  type ClosableConnection,
  type Connection,
  createStore,
  type FileStorage,
  hasRowLevelSecurity,
  InvalidInputError,
  isDistributed,
  type Store,
  type StoreOptions,
} from "chatkeep";
import { folderStorage } from "chatkeep/folder";
import { driverError } from "chatkeep/internal";
import { isNeonUrl, openNeon } from "chatkeep/neon";
import { openPg } from "chatkeep/pg";
import { openPglite } from "chatkeep/pglite";
import { drizzle as drizzleOnNeon } from "drizzle-orm/neon-serverless";
import { drizzle as drizzleOnPg } from "drizzle-orm/node-postgres";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { drizzle as drizzleOnPglite } from "drizzle-orm/pglite";
import type { Config, DatabaseConfig } from "./config.ts";
import type { FilesConfig } from "./config-files.ts";
import { models } from "./models/index.ts";

/** Drizzle, or a transaction of it, for the tables that are this server's own. */
export type Database = PgDatabase<PgQueryResultHKT, Record<string, unknown>>;

/** A connection for the library, and Drizzle on the same one. */
export interface OpenDatabase extends ClosableConnection, AsyncDisposable {
  engine: DatabaseConfig["engine"];
  db: Database;
  /** Where the bytes of files are, if not in it. */
  fileStorage?: FileStorage | undefined;
  /** A standby, of which conversations are read. */
  replica?: Connection | undefined;
  /** Of the connections that are open to it; missing where there is one. */
  countConnections?: (() => { busy: number; idle: number; waiting: number }) | undefined;
}

interface Counted {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
}

function counting({ pool }: { pool: Counted }) {
  const count = () => {
    const { totalCount, idleCount: idle, waitingCount: waiting } = pool;
    return { busy: totalCount - idle, idle, waiting };
  };
  return { countConnections: count };
}

/** @throws unavailable when the embedded database is in use by another process; invalid_input when it is none */
export async function openDatabase(config: DatabaseConfig): Promise<OpenDatabase> {
  const fileStorage = config.files && (await openFiles(config.files));
  const connection = await connect(config);
  const url = config.engine === "pglite" ? undefined : config.replicaUrl;
  if (!url) return { ...connection, fileStorage };
  const replica = isNeonUrl(url) ? openNeon({ url }) : openPg({ url });
  const close = async () => void (await Promise.all([connection.close(), replica.close()]));
  return { ...connection, fileStorage, replica, close, [Symbol.asyncDispose]: close };
}

/** @throws invalid_input for a folder that cannot be made */
async function openFiles(files: FilesConfig): Promise<FileStorage> {
  if ("s3" in files) return (await import("chatkeep/s3")).s3Storage(files.s3);
  try {
    mkdirSync(files.folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as { code?: string };
    throw new InvalidInputError(`The folder of CHATKEEP_FILES, ${files.folder}, cannot be made (${code}).`, {
      cause: error,
    });
  }
  return folderStorage(files.folder);
}

async function connect(config: DatabaseConfig): Promise<OpenDatabase> {
  switch (config.engine) {
    case "pglite": {
      closeToOthers(dirname(config.dataDir));
      const connection = await openPglite({ dataDir: config.dataDir });
      return { ...connection, db: drizzleOnPglite(connection.client) };
    }
    case "neon": {
      const connection = openNeon({ url: config.url });
      return { ...connection, db: drizzleOnNeon(connection.pool), ...counting(connection) };
    }
    case "pg": {
      const connection = openPg({ url: config.url });
      return { ...connection, db: drizzleOnPg(connection.pool), ...counting(connection) };
    }
  }
}

/** What this program puts into its folder. */
const ours = /^(db(\.lock(-journal)?|\.making-\d+)?|secret(\.partial)?)$/;

/** A folder that is only ours is for this user alone; one that is used for other things too stays as it is. */
function closeToOthers(folder: string): void {
  if (process.platform === "win32") return;
  try {
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { mode } = lstatSync(folder);
    if ((mode & 0o077) !== 0 && readdirSync(folder).every((name) => ours.test(name))) chmodSync(folder, mode & 0o700);
  } catch {
    // What is wrong with the folder is said by whoever opens it.
  }
}

/**
 * The same, for commands that have nothing to do in a database that has just been made.
 * @throws invalid_input when there is none
 */
export async function openExistingDatabase(config: DatabaseConfig): Promise<OpenDatabase> {
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
  connection: Connection & Pick<OpenDatabase, "fileStorage" | "replica">,
  options: Pick<StoreOptions, "runLeaseMs" | "partsOf" | "trashDays" | "userFileBytes" | "observer"> = {},
): Promise<Store> {
  return createStore(connection, models, {
    ...options,
    fileStorage: connection.fileStorage,
    replica: connection.replica,
    requiresFiles: true,
    rowLevelSecurity: await hasRowLevelSecurity(connection, models),
    distributed: await isDistributed(connection, models),
  });
}

/** Why nothing is read from there, if that is so; never the address, which has a password in it. */
export async function faultOfReplica(replica: Connection): Promise<string | undefined> {
  try {
    const [row] = await replica.query("select pg_is_in_recovery()::text");
    return row?.[0] === "true" ? undefined : "leads to no standby";
  } catch (error) {
    const { code } = driverError(error) as { code?: unknown };
    return `cannot be asked (${code ?? "no answer"})`;
  }
}

const secretRule = /^[\x21-\x7e]{32,}$/;

/**
 * What sessions are signed with: as configured, or made once and kept beside the embedded database.
 * @throws invalid_input when what was kept is none, or cannot be read or written
 */
export function secretOf({ secret, database }: Config): string {
  if (secret) return secret;
  if (database.engine !== "pglite") throw new TypeError("a shared database needs a configured secret");
  const file = join(dirname(database.dataDir), "secret");
  try {
    const kept = readSecret(file);
    if (kept === "") return makeSecret(file);
    if (secretRule.test(kept)) return kept;
  } catch (error) {
    const { code } = error as { code?: string };
    const sentence = `The file ${file}, which signs sessions, cannot be read and written (${code}): mend that, or set CHATKEEP_SECRET.`;
    throw new InvalidInputError(sentence, { cause: error });
  }
  throw new InvalidInputError(
    `The file ${file}, which signs sessions, is damaged: restore a backup of it, or remove it, and everybody has to sign in again.`,
  );
}

/** Nothing where there is no file, or an empty one, which a full disk leaves. */
function readSecret(file: string): string {
  if (!existsSync(file)) return "";
  chmodSync(file, 0o600);
  return readFileSync(file, "utf8").trim();
}

/** It has its name when the disk has all of it. */
function makeSecret(file: string): string {
  const made = randomBytes(32).toString("base64url");
  const partial = `${file}.partial`;
  writeFileSync(partial, made, { mode: 0o600, flush: true });
  renameSync(partial, file);
  return made;
}
