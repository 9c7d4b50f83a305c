/** What runs over pools and clients of node-postgres, and of Neon's driver, its fork: in rows as lists, of text that nothing has parsed. */
import { InvalidInputError } from "../errors.ts";
import type { Connection, Listen, Query } from "../sql/connection.ts";
import { isFromServer } from "../sql/sqlstate.ts";
import { hostConnection, transact } from "../sql/transaction.ts";
import { isSpoiling } from "./pool.ts";

interface QueryResult {
  rows: unknown[];
  command: string | null;
}

type Listener = (...given: never[]) => void;

/** A client, of whatever version: `pg`'s `Client` and `PoolClient`, and Neon's. */
export interface PgClientLike {
  // biome-ignore lint/suspicious/noExplicitAny: their overloads differ from version to version
  query(config: any, values?: any): any;
  getTransactionStatus?(): string | null;
  readyForQuery?: boolean;
}

/** A pool, of whatever version: `pg`'s and Neon's. */
export interface PgPoolLike {
  readonly totalCount: number;
  // biome-ignore lint/suspicious/noExplicitAny: their overloads differ from version to version
  connect(): Promise<any>;
  readonly options?: { max?: number | undefined; connectionString?: string | undefined } | undefined;
}

interface PooledClient extends PgClientLike {
  query(config: object | string): Promise<QueryResult>;
  on(event: "error" | "end" | "notification", listener: Listener): unknown;
  removeListener(event: "error" | "end" | "notification", listener: Listener): unknown;
  release(error?: unknown): void;
}

/** What a pool or client of a host cannot say itself. */
export interface FromPgOptions {
  /**
   * Set it where a pooler such as PgBouncer gives each transaction another connection: no statement is kept prepared, and
   * nothing listens. Left out, the `?pgbouncer=true` of the pool's own address says so.
   */
  pgbouncer?: boolean | undefined;
}

const asText = (text: string) => text;
const types = { getTypeParser: () => asText };

/** Each statement, and each transaction, on a client of the pool. One that may be no good is not given back. */
export function overPool(pool: PgPoolLike, { pgbouncer = false }: FromPgOptions = {}): Connection {
  const withClient = async <Result>(work: (client: PooledClient, run: Run) => Promise<Result>): Promise<Result> => {
    const client: PooledClient = await pool.connect();
    client.on("error", ignore);
    let spoilt: unknown;
    let worn: unknown;
    const run: Run = async (text, values, name) => {
      if (spoilt) throw spoilt;
      try {
        return lastOf(await client.query(configOf(text, values, pgbouncer ? undefined : name)));
      } catch (error) {
        // It may still be under way, as after a time limit of the driver's: only the end of the connection ends it.
        if (!isFromServer(error)) spoilt = error ?? new Error("the driver failed without an error");
        else if (isSpoiling(error)) worn = error;
        throw error;
      }
    };
    try {
      return await work(client, run);
    } finally {
      client.removeListener("error", ignore);
      client.release(
        spoilt ?? worn ?? (isIdle(client) === false ? new Error("a transaction is left open") : undefined),
      );
    }
  };
  return {
    query: (text, values, name) =>
      withClient(async (_client, run) => (await run(text, values, name)).rows as unknown[][]),
    isTransaction: false,
    transaction: (work, options) =>
      withClient((_client, run) => {
        const query: Query = async (text, values, name) => (await run(text, values, name)).rows as unknown[][];
        return transact(query, work, options, async () => (await run("commit")).command ?? undefined);
      }),
  };
}

type Run = (text: string, values?: readonly unknown[], name?: string) => Promise<QueryResult>;

/** All statements on one client of the host's; in a transaction that is open on it only savepoints. */
export function overClient(client: PgClientLike, { pgbouncer = false }: FromPgOptions = {}): Connection {
  const query: Query = async (text, values, name) =>
    lastOf(await client.query(configOf(text, values, pgbouncer ? undefined : name))).rows as unknown[][];
  const commit = async () => lastOf(await client.query("commit")).command ?? undefined;
  return hostConnection(
    query,
    () => isIdle(client) === true && client.readyForQuery !== false,
    (through, work, options) => transact(through, work, options, commit),
  );
}

/**
 * A connection over a pool or a client that the host has, by its shape and not its class, since there are several versions.
 * @throws invalid_input when it is neither
 */
export function overPoolOrClient(
  given: PgPoolLike | PgClientLike,
  { pgbouncer }: FromPgOptions = {},
  how = "fromPg",
): Connection {
  if (isPool(given)) {
    const { max, connectionString = "" } = given.options ?? {};
    const isPooled = pgbouncer ?? isPgbouncer(connectionString);
    const listen = isPooled || max === 1 ? undefined : listenWithin(given);
    return { ...overPool(given, { pgbouncer: isPooled }), listen };
  }
  if (isClient(given)) return overClient(given, { pgbouncer });
  if (typeof given === "function") {
    throw new InvalidInputError(
      `${how} wants a connection that has transactions, and this is a function, such as neon(url) of Neon's HTTP gives: pass a Pool.`,
    );
  }
  throw new InvalidInputError(`${how} wants a Pool or a Client: pass what new Pool(…) or pool.connect() gives.`);
}

/** Whether an address says that there is such a pooler. */
export function isPgbouncer(url: string): boolean {
  return URL.parse(url)?.searchParams.get("pgbouncer") === "true";
}

export function isPool(given: unknown): given is PgPoolLike {
  return hasMethods(given, "connect", "query") && typeof (given as PgPoolLike).totalCount === "number";
}

export function isClient(given: unknown): given is PgClientLike {
  return hasMethods(given, "query", "connect", "on") && !isPool(given) && !("waitReady" in (given as object));
}

function hasMethods(given: unknown, ...names: string[]): boolean {
  return (
    typeof given === "object" &&
    given !== null &&
    names.every((name) => typeof (given as Record<string, unknown>)[name] === "function")
  );
}

/** On a client of the pool, which it keeps until it is closed. */
function listenWithin(pool: PgPoolLike): Listen {
  return async (channel, { onNotify, onLost }) => {
    const client: PooledClient = await pool.connect();
    let isOpen = true;
    const end = (error: Error) => {
      if (!isOpen) return;
      isOpen = false;
      client.release(error);
    };
    const lost = () => {
      if (!isOpen) return;
      end(new Error("the connection is gone"));
      onLost();
    };
    client.on("notification", ((message: { payload?: string; channel?: string }) => {
      if (!isOpen || message.channel !== channel) return;
      try {
        onNotify(message.payload ?? "");
      } catch {
        // Nobody is above an event handler: what it throws would end the process.
      }
    }) as Listener);
    client.on("error", lost);
    client.on("end", lost);
    try {
      await client.query(`listen ${channel}`);
    } catch (error) {
      end(error as Error);
      throw error;
    }
    // The pool ends it: it would hear for whoever gets it next.
    return { close: async () => end(new Error("it has listened")) };
  };
}

function configOf(text: string, values: readonly unknown[] | undefined, name: string | undefined): object {
  return { text, values, name, rowMode: "array", types };
}

/** A text of several statements has several results. */
function lastOf(result: QueryResult | QueryResult[]): QueryResult {
  return Array.isArray(result) ? (result.at(-1) ?? { rows: [], command: null }) : result;
}

/** By what the server said last; `undefined` in versions that do not tell. */
function isIdle(client: PgClientLike): boolean | undefined {
  const status = client.getTransactionStatus?.();
  return status ? status === "I" : undefined;
}

function ignore(): void {}
