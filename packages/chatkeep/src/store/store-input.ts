/** What a store is made of, and what is given to its transactions, looked at before it is used. */

import { InvalidInputError } from "../errors.ts";
import type { Connection } from "../sql/connection.ts";
import { requireConnection } from "../sql/require-connection.ts";
import type { StoreOptions } from "./store.ts";
import type { ChatTables } from "./tables/tables.ts";

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
  const { runLeaseMs: leaseMs, partsOf } = options;
  if (leaseMs !== undefined && !(Number.isFinite(leaseMs) && leaseMs > 0)) {
    throw new TypeError("createStore needs a runLeaseMs above 0.");
  }
  if (partsOf !== undefined && typeof partsOf !== "function")
    throw new TypeError("createStore needs a function partsOf.");
  return options;
}
