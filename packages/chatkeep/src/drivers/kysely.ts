/** chatkeep on a Kysely that the host has, or in a transaction of one, of any of its dialects for PostgreSQL. */
import { CompiledQuery } from "kysely";
import { InvalidInputError } from "../errors.ts";
import type { Connection, Query, TransactionOptions } from "../sql/connection.ts";
import { insideBegun, insideTransaction } from "../sql/transaction.ts";
import { rowsOf } from "./rows.ts";

interface TransactionBuilderLike {
  setIsolationLevel(level: NonNullable<TransactionOptions["isolationLevel"]>): TransactionBuilderLike;
  setAccessMode(mode: NonNullable<TransactionOptions["accessMode"]>): TransactionBuilderLike;
  // biome-ignore lint/suspicious/noExplicitAny: the tables of the host are its own
  execute<Result>(work: (trx: any) => Promise<Result>): Promise<Result>;
}

/** A `Kysely`, a `Transaction` or a `ControlledTransaction`, of version 0.27 and later. */
export interface KyselyLike {
  readonly isTransaction: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: the tables of the host are its own
  withoutPlugins(): any;
  // biome-ignore lint/suspicious/noExplicitAny: what a compiled query is differs from version to version
  executeQuery(query: any): Promise<{ rows: unknown[] }>;
  transaction(): TransactionBuilderLike;
}

/**
 * chatkeep on a Kysely, or in a transaction that the host has begun, where it makes savepoints only. Plugins of the host do not
 * touch its statements. Kysely has no listening: other processes are then asked from time to time.
 * @throws invalid_input when it is neither
 */
export function fromKysely(dbOrTrx: KyselyLike): Connection {
  if (typeof dbOrTrx?.executeQuery !== "function" || typeof dbOrTrx.withoutPlugins !== "function") {
    throw new InvalidInputError(
      "fromKysely wants a database of Kysely: pass what new Kysely(…) gives, or the trx of its transaction().",
    );
  }
  if (dbOrTrx.isTransaction) return insideTransaction({ query: queryOf(dbOrTrx) });
  return {
    query: queryOf(dbOrTrx),
    isTransaction: false,
    transaction: (work, { isolationLevel, accessMode } = {}) => {
      let builder = dbOrTrx.transaction();
      if (isolationLevel) builder = builder.setIsolationLevel(isolationLevel);
      if (accessMode) builder = builder.setAccessMode(accessMode);
      return builder.execute((trx: KyselyLike) => insideBegun({ query: queryOf(trx) }, work));
    },
  };
}

function queryOf(db: KyselyLike): Query {
  const plain: KyselyLike = db.withoutPlugins();
  return async (text, values = []) => rowsOf(await plain.executeQuery(CompiledQuery.raw(text, [...values])));
}
