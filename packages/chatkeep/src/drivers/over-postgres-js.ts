/** What runs over postgres.js, of whatever version: raw bytes back, so that no parser and no transformation of the host's bites. */
import { InvalidInputError } from "../errors.ts";
import type { Connection, Listen, Query } from "../sql/connection.ts";
import { hostConnection, insideBegun, insideTransaction, modesOf, type Opened } from "../sql/transaction.ts";

/** What `postgres(…)` gives, what its `begin` and `savepoint` give, or what its `reserve` gives, of whatever version. */
export interface PostgresJsLike {
  // biome-ignore lint/suspicious/noExplicitAny: what it gives differs from version to version
  unsafe(text: string, values?: any[], options?: { prepare?: boolean }): any;
}

interface Whole extends PostgresJsLike {
  begin<Result>(modes: string, work: (sql: PostgresJsLike) => Promise<Result>): Promise<Result>;
  listen(
    channel: string,
    hear: (payload: string) => void,
    onListen: () => void,
  ): Promise<{ unlisten(): Promise<unknown> }>;
  options?: { prepare?: boolean };
}

interface Inside extends PostgresJsLike {
  savepoint<Result>(work: (sql: PostgresJsLike) => Promise<Result>): Promise<Result>;
}

/** What postgres.js of a host cannot say itself. */
export interface FromPostgresJsOptions {
  /**
   * Set it where a pooler such as PgBouncer gives each transaction another connection: no statement is kept prepared, and
   * nothing listens. Left out, the `prepare: false` of the host's own options says so.
   */
  pgbouncer?: boolean | undefined;
}

export function isPostgresJs(given: unknown): given is PostgresJsLike {
  return typeof given === "function" && ["begin", "savepoint", "release"].some((name) => name in given);
}

/** @throws invalid_input when it is none */
export function overPostgresJs(given: PostgresJsLike, { pgbouncer }: FromPostgresJsOptions = {}): Connection {
  if (!isPostgresJs(given)) {
    throw new InvalidInputError(
      "fromPostgresJs wants a connection of postgres.js: pass what postgres(…) gives, or what its begin(…) gives.",
    );
  }
  const prepare = !(pgbouncer ?? (given as Whole).options?.prepare === false);
  if ("savepoint" in given) return insideTransaction(openedOf(given as Inside, prepare));
  if ("release" in given) return hostConnection(queryOf(given, prepare), () => false);
  const sql = given as Whole;
  return {
    query: queryOf(sql, prepare),
    isTransaction: false,
    transaction: (work, options) => begin(sql, prepare, modesOf(options), work),
    listen: prepare ? listenOn(sql) : undefined,
  };
}

/** Of a connection in a transaction. */
interface Life {
  /** Whether it is gone, or a statement on it has failed so that it will be. */
  isOver?: boolean;
  /** Rejects when it is gone. */
  readonly lost: Promise<never>;
}

const never = new Promise<never>(() => {});

/** postgres.js says ROLLBACK on a connection that is gone as well, and that ends the process: what fails for that reason never returns to it. */
function begin<Result>(
  sql: Whole,
  prepare: boolean,
  modes: string,
  work: (inside: Connection) => Promise<Result>,
): Promise<Result> {
  const { promise: lost, reject } = Promise.withResolvers<never>();
  lost.catch(() => {});
  const life: Life = { lost };
  const begun = sql.begin(modes, (tx) =>
    unlessOver(life, () => insideBegun(openedOf(tx as Inside, prepare, life), work)),
  );
  begun.catch((error) => {
    life.isOver = true;
    reject(error);
  });
  return begun;
}

async function unlessOver<Result>(life: Life, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work();
    return life.isOver ? await never : result;
  } catch (error) {
    if (life.isOver) return await never;
    throw error;
  }
}

/** Its own savepoints: it takes a failure inside one that it does not know of for one of the whole transaction. */
function openedOf(sql: Inside, prepare: boolean, life?: Life): Opened {
  const query = queryOf(sql, prepare);
  if (!life) return { query, savepoint: (work) => sql.savepoint((inner) => work(openedOf(inner as Inside, prepare))) };
  return {
    query: async (text, values) => {
      if (life.isOver) return await life.lost;
      try {
        return await query(text, values);
      } catch (error) {
        if (endsConnection(error)) life.isOver = true;
        throw error;
      }
    },
    savepoint: async (work) => {
      if (life.isOver) return await life.lost;
      const done = sql.savepoint((inner) => unlessOver(life, () => work(openedOf(inner as Inside, prepare, life))));
      return await Promise.race([done, life.lost]);
    },
  };
}

function endsConnection(error: unknown): boolean {
  const { severity, code } = error as { severity?: unknown; code?: unknown };
  return severity === "FATAL" || severity === "PANIC" || String(code).startsWith("CONNECTION_");
}

interface Result extends Array<(Uint8Array | null)[] | Result> {
  command?: string;
}

function queryOf(sql: PostgresJsLike, prepare: boolean): Query {
  return async (text, values) => {
    const result: Result = await sql.unsafe(text, values ? [...values] : [], { prepare }).raw();
    // A text of several statements has several results.
    const rows = ("command" in result ? result : (result.at(-1) ?? [])) as (Uint8Array | null)[][];
    return rows.map((row) => row.map(textOf));
  };
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : bytes.toString();
}

/** On a connection of its own, which postgres.js opens again by itself: that it listens once more says that it was gone. */
function listenOn(sql: Whole): Listen {
  return async (channel, { onNotify, onLost }) => {
    let state: "new" | "open" | "over" = "new";
    const hear = (payload: string) => {
      try {
        if (state !== "over") onNotify(payload);
      } catch {
        // Nobody is above an event handler: what it throws would end the process.
      }
    };
    const onListen = () => {
      if (state === "open") onLost();
      state = state === "new" ? "open" : "over";
    };
    const { unlisten } = await sql.listen(channel, hear, onListen);
    const close = async () => {
      state = "over";
      await unlisten().catch(() => {});
    };
    return { close };
  };
}
