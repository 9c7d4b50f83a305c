/** What a store is made of, and what is given to its transactions, looked at before it is used. */
import type { Database } from "./database.ts";
import { InvalidInputError } from "./errors.ts";
import type { ChatModels } from "./models/chat.ts";
import type { StoreOptions } from "./store.ts";

/** @throws TypeError */
export function requireParts(db: Database, models: ChatModels): void {
  if (typeof (db as Partial<Database> | null)?.execute !== "function") {
    throw new TypeError("createStore needs a Drizzle database, or a transaction of one.");
  }
  if (!(models as Partial<ChatModels> | null)?.conversation) {
    throw new TypeError("createStore needs the tables that chatModels makes.");
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
