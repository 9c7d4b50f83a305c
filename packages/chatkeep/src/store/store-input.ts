/** What a store is made of, and what is given to its transactions, looked at before it is used. */

import { InvalidInputError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Observer } from "../observer.ts";
import type { Connection } from "../sql/connection.ts";
import { requireConnection } from "../sql/require-connection.ts";
import type { PartsOf } from "./context.ts";
import type { FileStorage } from "./files/storage.ts";
import type { ChatTables } from "./tables/tables.ts";

/** What of a store can be another way than usual. */
export interface StoreOptions {
  /** The tables have the policies of `enableRowLevelSecurity`: each statement says whose it is, before it looks at a row. */
  rowLevelSecurity?: boolean | undefined;
  /** The tables are spread over a Citus cluster by `distributeTables`: statements ask one node, and those of several users are not joined. */
  distributed?: boolean | undefined;
  /** A run without a heartbeat for this long is over; 15 seconds when left out. The same for every process on a database. */
  runLeaseMs?: number | undefined;
  /** What of a reply is kept when its server dies; nothing when left out, since only who wrote the chunks can read them. */
  partsOf?: PartsOf | undefined;
  /** Is told of each verb and each statement by its name, such as `openTelemetryObserver()` of `chatkeep/opentelemetry`. */
  observer?: Observer | undefined;
  /** For how many days a conversation that is deleted can be restored, at most 3,650; 30 when left out, and with 0 it is gone at once. */
  trashDays?: number | undefined;
  /**
   * Refuses messages that name a file by `/api/files/` and an id that is none of the user's; `false` when left out, since a host may
   * have addresses like that of its own, which are kept as they are.
   */
  requiresFiles?: boolean | undefined;
  /** Bytes of all files of one user; 1 GiB when left out. */
  userFileBytes?: number | undefined;
  /**
   * Where the bytes of new files go, such as `folderStorage` of `chatkeep/folder` or `s3Storage` of `chatkeep/s3`; the database when left
   * out, and for what is stored in a transaction of yours. Every store that reads, removes or sweeps such files needs the same one.
   */
  fileStorage?: FileStorage | undefined;
  /**
   * A standby of the database, such as `openPg({ url })` of it: conversations, messages, searches, files and usage are read there, as long
   * as it has all that was committed before; else, and while it is away, from the database itself. One server, not several behind one
   * address. Whoever has opened it closes it.
   */
  replica?: Connection | undefined;
}

/** @throws invalid_input for what is no connection; TypeError for what is no tables */
export function requireParts(connection: Connection, tables: ChatTables): void {
  requireConnection(connection);
  if (!(tables as Partial<ChatTables> | null | undefined)?.attachment) {
    throw new TypeError(
      "createStore needs its tables: chatTables({ user: { table, column, type } }), or with Drizzle chatModels(users.id).",
    );
  }
}

/** @throws invalid_input */
export function requireWork(work: unknown): void {
  if (typeof work !== "function") throw new InvalidInputError("A transaction needs a function that does its work.");
}

/** @throws TypeError */
export function requireOptions(options: StoreOptions): StoreOptions {
  const { runLeaseMs: leaseMs, partsOf, trashDays = 0, userFileBytes, fileStorage, replica } = options;
  if (replica !== undefined) requireConnection(replica);
  if (leaseMs !== undefined && !(Number.isFinite(leaseMs) && leaseMs > 0)) {
    throw new TypeError("createStore needs a runLeaseMs above 0.");
  }
  if (!(Number.isInteger(trashDays) && trashDays >= 0 && trashDays <= limits.trashDays)) {
    throw new TypeError(`createStore needs trashDays as a whole number from 0 to ${limits.trashDays}.`);
  }
  if (partsOf !== undefined && typeof partsOf !== "function")
    throw new TypeError("createStore needs a function partsOf.");
  if (userFileBytes !== undefined && !(Number.isFinite(userFileBytes) && userFileBytes >= 0)) {
    throw new TypeError("createStore needs a userFileBytes of at least 0.");
  }
  const verbs = fileStorage && [fileStorage.put, fileStorage.get, fileStorage.remove];
  if (verbs?.some((verb) => typeof verb !== "function")) {
    throw new TypeError("createStore needs a fileStorage with put, get and remove, such as folderStorage(path).");
  }
  return options;
}
