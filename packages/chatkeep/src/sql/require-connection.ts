/** What a store refuses to be made on: it says what to pass instead. */
import { InvalidInputError } from "../errors.ts";
import type { Connection } from "./connection.ts";

/** @throws invalid_input when it is no connection, or one without transactions */
export function requireConnection(given: unknown): Connection {
  const { query, transaction } = (given ?? {}) as Partial<Connection>;
  if (typeof query !== "function" || "$client" in (given as object) || "totalCount" in (given as object)) {
    throw new InvalidInputError(
      "chatkeep wants a connection: pass what openPg(…) or another of its drivers gives, or wrap what you have with fromPg, fromDrizzle, fromKysely or fromPrisma.",
    );
  }
  if (typeof transaction !== "function") {
    throw new InvalidInputError(
      "This connection has no transactions, and chatkeep needs them: give it a transaction(work) beside its query, or use one of chatkeep's drivers.",
    );
  }
  return given as Connection;
}
