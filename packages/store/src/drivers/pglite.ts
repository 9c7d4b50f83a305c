/**
 * chatkeep on PGlite, which is PostgreSQL in this process. A folder belongs to one process at a time: two would both
 * acknowledge writes, and lose some of them, so a lock is held for as long as it is open.
 */
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PGlite, type PGliteOptions, type QueryOptions, type Transaction } from "@electric-sql/pglite";
import { drizzle, type PgliteDatabase } from "drizzle-orm/pglite";
import { UnavailableError } from "../errors.ts";

export interface PgliteConnectOptions {
  /** The folder of the database, made when it is missing; in memory when left out. Its lock is the file `<folder>.lock`. */
  dataDir?: string | undefined;
  /** A dump of `client.dumpDataDir()` to begin with. */
  loadDataDir?: Blob | undefined;
}

export interface PgliteConnection extends AsyncDisposable {
  engine: "pglite";
  db: PgliteDatabase;
  /** It gives times as text, which is how Drizzle reads them. */
  client: PGlite;
  close(): Promise<void>;
}

/**
 * Opens the embedded database. What is committed survives `kill -9`; it is not synced to disk, so a power cut may take
 * the last moments.
 * It has no autovacuum: a program that writes for long should run `vacuum (analyze)` now and then, as the server does.
 * @throws unavailable when another process has the folder open
 */
export async function openPglite({ dataDir, loadDataDir }: PgliteConnectOptions = {}): Promise<PgliteConnection> {
  const release = dataDir === undefined ? () => {} : lockFolder(resolve(dataDir));
  try {
    const options: PGliteOptions = { startParams: [...PGlite.defaultStartParams, "-c", "jit=off"], parsers };
    if (dataDir !== undefined) options.dataDir = resolve(dataDir);
    if (loadDataDir) options.loadDataDir = loadDataDir;
    const client = await PGlite.create(options);
    keepParsers(client);
    const close = async () => {
      if (!client.closed) await client.close();
      release();
    };
    return { engine: "pglite", db: drizzle(client), client, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    release();
    throw error;
  }
}

/** Dates, times, intervals and lists of them, and of numbers: Drizzle wants them as text. */
const textTypes = [1082, 1114, 1115, 1182, 1184, 1185, 1186, 1187, 1231];
const parsers = Object.fromEntries(textTypes.map((type) => [type, (text: string) => text]));

/** Drizzle names its parsers with every query, and PGlite copies its whole table of them each time, which costs as much as a read. */
function keepParsers(client: PGlite): void {
  const query = client.query.bind(client);
  const transaction = client.transaction.bind(client);
  client.query = (text, values, options) => query(text, values, withoutParsers(options));
  client.transaction = (work) =>
    transaction((tx) => {
      const queryInside: Transaction["query"] = (text, values, options) =>
        tx.query(text, values, withoutParsers(options));
      return work(Object.create(tx, { query: { value: queryInside } }) as Transaction);
    });
}

function withoutParsers({ parsers: _, ...others }: QueryOptions = {}): QueryOptions {
  return others;
}

/** An exclusive transaction in a file beside the folder: the system drops it with the process, however that ends. */
function lockFolder(folder: string): () => void {
  mkdirSync(dirname(folder), { recursive: true });
  const lock = new DatabaseSync(`${folder}.lock`);
  try {
    lock.exec("begin exclusive");
  } catch (cause) {
    lock.close();
    throw new UnavailableError(
      `The embedded database in ${folder} is in use by another process: stop that one, or set DATABASE_URL to a PostgreSQL that several can share.`,
      { cause },
    );
  }
  return () => lock.isOpen && lock.close();
}
