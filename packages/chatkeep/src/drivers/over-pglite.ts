/** What runs over PGlite, of whatever version: one session, which its transactions have for themselves. */
import { InvalidInputError } from "../errors.ts";
import type { Connection, Listen, Query } from "../sql/connection.ts";
import { hostConnection, insideBegun, insideTransaction, modesOf } from "../sql/transaction.ts";

/** What a transaction of PGlite gives, of whatever version. */
export interface PgliteTransactionLike {
  query(text: string, values?: unknown[], options?: { rowMode?: "array" | "object" }): Promise<{ rows: unknown[] }>;
  rollback(): Promise<void>;
}

/** What `PGlite.create(…)` gives, of whatever version. */
export interface PgliteLike extends Omit<PgliteTransactionLike, "rollback"> {
  readonly waitReady: Promise<void>;
  transaction<Result>(work: (tx: PgliteTransactionLike) => Promise<Result>): Promise<Result>;
  listen(channel: string, hear: (payload: string) => void): Promise<() => Promise<void>>;
}

/** PostgreSQL itself, which is in this process, and how PGlite waits for others' transactions. */
interface Inside {
  Module?: { _IsTransactionBlock?(): number };
  _runExclusiveTransaction?<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function isPglite(given: unknown): given is PgliteLike {
  return typeof given === "object" && given !== null && "waitReady" in given && "transaction" in given;
}

/** @throws invalid_input when it is no PGlite and no transaction of one */
export function overPglite(given: PgliteLike | PgliteTransactionLike): Connection {
  if (isPglite(given)) return overWhole(given);
  if (typeof given === "object" && given !== null && "query" in given && "rollback" in given && "exec" in given) {
    return insideTransaction({ query: queryOf(given) });
  }
  throw new InvalidInputError(
    "fromPglite wants a PGlite: pass what PGlite.create(…) gives, or what its transaction(…) gives.",
  );
}

function overWhole(client: PgliteLike): Connection {
  const query = queryOf(client);
  const ofHost = hostConnection(query, () => false);
  const ours: Connection["transaction"] = (work, options) =>
    client.transaction(async (tx) => {
      const query = queryOf(tx);
      const modes = modesOf(options);
      if (modes) await query(`set transaction ${modes}`);
      return await insideBegun({ query }, work);
    });
  return {
    query,
    isTransaction: false,
    transaction: async (work, options) =>
      (await isBegunByHost(client)) ? await ofHost.transaction(work, options) : await ours(work, options),
    listen: listenOn(client),
  };
}

/** PGlite's own transactions have it for themselves, so one that is open when none of those is under way was begun by a statement. */
async function isBegunByHost(client: PgliteLike & Inside): Promise<boolean> {
  const isOpen = () => client.Module?._IsTransactionBlock?.() === 1;
  return isOpen() && ((await client._runExclusiveTransaction?.(async () => isOpen())) ?? false);
}

function queryOf(client: Pick<PgliteTransactionLike, "query">): Query {
  return async (text, values, name) => {
    // What `openPglite` opens keeps statements prepared by their names, of which PGlite itself knows nothing.
    const options = { rowMode: "array" as const, name };
    const { rows } = await client.query(text, values && [...values], options);
    return rows as unknown[][];
  };
}

/** In this process nothing is lost. */
function listenOn(client: PgliteLike): Listen {
  return async (channel, { onNotify }) => {
    const close = await client.listen(channel, (payload) => {
      try {
        onNotify(payload);
      } catch {
        // Nobody is above an event handler: what it throws would end the process.
      }
    });
    return { close };
  };
}
