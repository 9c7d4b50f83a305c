/** chatkeep on a Drizzle database that the host has, or in a transaction of one, of any of its drivers for PostgreSQL. */
import { type SQL, sql } from "drizzle-orm";
import { InvalidInputError } from "../errors.ts";
import type { Connection, Query, Value } from "../sql/connection.ts";
import { insideBegun, insideTransaction, modesOf, type Opened } from "../sql/transaction.ts";
import { isClient, isPool, overPoolOrClient } from "./node-postgres.ts";
import { isPglite, overPglite } from "./over-pglite.ts";
import { isPostgresJs, overPostgresJs } from "./over-postgres-js.ts";
import { rowsOf } from "./rows.ts";

/** A Drizzle database or transaction, of version 0.44 and later, on PostgreSQL. */
export interface DrizzleLike {
  // biome-ignore lint/suspicious/noExplicitAny: an SQL object of one version is not one of another to the compiler
  execute(query: any): PromiseLike<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: so is a transaction
  transaction(work: (tx: any) => Promise<any>, ...config: any[]): Promise<unknown>;
}

/**
 * chatkeep on a Drizzle database, or in a transaction that `db.transaction` gives, where it makes savepoints only. Drizzle's own
 * client does the work where it is one of `pg`, postgres.js, Neon or PGlite; only then is there listening too.
 * @throws invalid_input when it is neither, or goes over HTTP, which has no transactions
 */
export function fromDrizzle(dbOrTx: DrizzleLike): Connection {
  if (typeof dbOrTx?.execute !== "function" || typeof dbOrTx.transaction !== "function") {
    throw new InvalidInputError(
      "fromDrizzle wants a database of drizzle-orm/pg-core: pass what drizzle(…) gives, or the tx of its transaction(…).",
    );
  }
  if ("rollback" in dbOrTx) return insideTransaction(openedOf(dbOrTx));
  const { $client } = dbOrTx as { $client?: unknown };
  if (isPglite($client)) return overPglite($client);
  if (isPostgresJs($client)) return overPostgresJs($client);
  if (isPool($client) || isClient($client)) return overPoolOrClient($client);
  if (typeof $client === "function") {
    throw new InvalidInputError(
      "fromDrizzle wants a database that has transactions, and drizzle-orm/neon-http has none: use drizzle-orm/neon-serverless.",
    );
  }
  return overDatabase(dbOrTx);
}

/** By the documented ways only, for drivers that are not known here. */
function overDatabase(db: DrizzleLike): Connection {
  return {
    query: queryOf(db),
    isTransaction: false,
    transaction: async (work, options) => {
      type Result = Awaited<ReturnType<typeof work>>;
      const result = await db.transaction(async (tx: DrizzleLike) => {
        const opened = openedOf(tx);
        const modes = modesOf(options);
        if (modes) await opened.query(`set transaction ${modes}`);
        return await insideBegun(opened, work);
      });
      return result as Result;
    },
  };
}

/** Its own savepoints: postgres.js below takes a failure inside one that it does not know of for one of the whole transaction. */
function openedOf(tx: DrizzleLike): Opened {
  return {
    query: queryOf(tx),
    savepoint: async <Result>(work: (inner: Opened) => Promise<Result>) =>
      (await tx.transaction((inner: DrizzleLike) => work(openedOf(inner)))) as Result,
  };
}

function queryOf(db: DrizzleLike): Query {
  return async (text, values = []) => rowsOf(await db.execute(statementOf(text, values)));
}

/**
 * Drizzle numbers parameters by their order in its own pieces, so that one that stands twice would be sent twice, and its second
 * place would have a type to be guessed: the text goes as it is where Drizzle makes it of the pieces.
 */
function statementOf(text: string, values: readonly Value[]): SQL {
  if (values.length === 0) return sql.raw(text);
  const pieces = text.split(/\$(\d+)/).map((piece, place) => {
    return place % 2 === 0 ? sql.raw(piece) : sql`${values[Number(piece) - 1] ?? null}`;
  });
  const whole = { sql: text, params: [...values] };
  return Object.assign(sql.join(pieces), { toQuery: () => whole });
}

export { type ChatModels, type ChatModelsOptions, chatModels } from "./drizzle-models.ts";
export { chatRelationsPart, type RelationHelpers } from "./drizzle-relations-part.ts";
