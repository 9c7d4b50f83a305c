/**
 * chatkeep on PGlite, which is PostgreSQL in this process. A folder belongs to one process at a time: two would both
 * acknowledge writes, and lose some of them, so a lock is held for as long as it is open.
 */
import { PGlite, type PGliteOptions, type QueryOptions, type Transaction } from "@electric-sql/pglite";
import type { ClosableConnection, Connection } from "../sql/connection.ts";
import { overPglite, type PgliteLike, type PgliteTransactionLike } from "./over-pglite.ts";
import { PrivateFiles } from "./pglite-files.ts";
import { damaged, folderOf, lockFolder, prepareFolder } from "./pglite-folder.ts";
import { keepPrepared } from "./pglite-prepared.ts";
import { keepRoom } from "./pglite-room.ts";
import { tendWhileUsed } from "./pglite-tending.ts";
import { sessionSettings } from "./session-settings.ts";

export type { PgliteLike, PgliteTransactionLike };

/** Where the embedded database is, and what it begins with. */
export interface PgliteConnectOptions {
  /** The folder of the database, made when it is missing; in memory when left out. Its lock is the file `<folder>.lock`. */
  dataDir?: string | undefined;
  /** A dump of `client.dumpDataDir()` to begin with. */
  loadDataDir?: Blob | undefined;
}

/** The embedded database that `openPglite` has opened. */
export interface PgliteConnection extends ClosableConnection, AsyncDisposable {
  readonly engine: "pglite";
  /** It gives times as text, which is how Drizzle reads them. */
  readonly client: PGlite;
}

/**
 * Opens the embedded database. What is committed survives `kill -9`; it is not synced to disk, so a power cut may take
 * the last moments. Its files are for the user of this process alone. It takes no writes while less than 64 MiB of its disk
 * are free. While it is used, statistics are taken and old rows removed, as autovacuum does elsewhere.
 * @throws unavailable when another process has the folder open, or the disk is full
 * @throws invalid_input when the folder has no database that this version can open
 */
export async function openPglite({ dataDir, loadDataDir }: PgliteConnectOptions = {}): Promise<PgliteConnection> {
  const folder = dataDir === undefined ? undefined : folderOf(dataDir);
  const release = folder === undefined ? () => {} : lockFolder(folder);
  try {
    if (folder !== undefined) await prepareFolder(folder, (place) => makeDatabase(place, loadDataDir));
    const client = folder === undefined ? await create(loadDataDir ? { loadDataDir } : {}) : await openFolder(folder);
    await client.exec(sessionSettings);
    keepPrepared(client);
    if (folder !== undefined) keepRoom(client, folder);
    keepParsers(client);
    const tending = tendWhileUsed(client);
    const close = async () => {
      await tending.close();
      if (!client.closed) await client.close();
      release();
    };
    return {
      engine: "pglite",
      client,
      ...fromPglite(client),
      // Nobody else has the folder, so nobody has to be heard.
      listen: undefined,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * chatkeep on a PGlite that the host has, or in a transaction that `client.transaction` gives. While the host has begun one by a
 * BEGIN of its own, chatkeep makes savepoints only in that one.
 * @throws invalid_input when it is neither
 */
export function fromPglite(client: PgliteLike | PgliteTransactionLike): Connection {
  return overPglite(client);
}

function create(options: PGliteOptions): Promise<PGlite> {
  return PGlite.create({ startParams: [...PGlite.defaultStartParams, "-c", "jit=off"], parsers, ...options });
}

async function makeDatabase(place: string, loadDataDir: Blob | undefined): Promise<void> {
  const client = await create({ fs: new PrivateFiles(place), ...(loadDataDir && { loadDataDir }) });
  await client.close();
}

async function openFolder(folder: string): Promise<PGlite> {
  try {
    return await create({ fs: new PrivateFiles(folder) });
  } catch (cause) {
    throw damaged(folder, "PostgreSQL does not start on it", cause);
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
