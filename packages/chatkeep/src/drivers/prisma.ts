/** chatkeep on a Prisma client that the host has, or in an interactive transaction of one. */
import { InvalidInputError } from "../errors.ts";
import type { Connection, Query, TransactionOptions } from "../sql/connection.ts";
import { insideBegun, insideTransaction } from "../sql/transaction.ts";
import { timeouts } from "./timeouts.ts";

/** What an interactive transaction of Prisma gives. */
export interface PrismaTransactionLike {
  // biome-ignore lint/suspicious/noExplicitAny: the promises of generated clients differ from one to the other
  $queryRawUnsafe(text: string, ...values: any[]): PromiseLike<any>;
  $executeRawUnsafe(text: string, ...values: unknown[]): PromiseLike<number>;
}

/** A generated client for PostgreSQL, of Prisma 5 and later. */
export interface PrismaLike extends PrismaTransactionLike {
  $connect(): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: each generated client has models and options of its own
  $transaction(work: (tx: any) => Promise<any>, options?: any): Promise<any>;
}

const isolationLevels: Record<NonNullable<TransactionOptions["isolationLevel"]>, string> = {
  "read committed": "ReadCommitted",
  "repeatable read": "RepeatableRead",
  serializable: "Serializable",
};

/**
 * chatkeep on a Prisma client, or in the `tx` of `prisma.$transaction(async (tx) => …)`, where it makes savepoints only; the time
 * limit of that is the host's, 5 seconds when it is left out. Prisma has no listening: other processes are then asked from time
 * to time.
 * @throws invalid_input when it is neither
 */
export function fromPrisma(prismaOrTx: PrismaLike | PrismaTransactionLike): Connection {
  if (typeof prismaOrTx?.$queryRawUnsafe !== "function" || typeof prismaOrTx.$executeRawUnsafe !== "function") {
    throw new InvalidInputError(
      "fromPrisma wants a Prisma client: pass what new PrismaClient(…) gives, or the tx of its $transaction(async (tx) => …).",
    );
  }
  const query = queryOf(prismaOrTx);
  // By this, since from 7.10 on what a transaction gives has `$transaction` too.
  if (typeof (prismaOrTx as PrismaLike).$connect !== "function") return insideTransaction({ query });
  const prisma = prismaOrTx as PrismaLike;
  return {
    query,
    isTransaction: false,
    transaction: async (work, { isolationLevel, accessMode } = {}) => {
      const options = {
        timeout: timeouts.statement + timeouts.grace,
        maxWait: timeouts.connect,
        ...(isolationLevel && { isolationLevel: isolationLevels[isolationLevel] }),
      };
      return await prisma.$transaction(async (tx: PrismaTransactionLike) => {
        const inside = queryOf(tx);
        if (accessMode) await inside(`set transaction ${accessMode}`);
        return await insideBegun({ query: inside }, work);
      }, options);
    },
  };
}

/** Statements that give no rows, or rows that Prisma cannot read. */
const withoutRows =
  /^\s*(savepoint|release|rollback|set|lock|listen|unlisten|notify|create|alter|drop|grant|revoke|do|truncate|comment)\b/i;

function queryOf(prisma: PrismaTransactionLike): Query {
  return async (text, values = []) => {
    try {
      if (withoutRows.test(text)) {
        await prisma.$executeRawUnsafe(text, ...values);
        return [];
      }
      const rows: object[] = await prisma.$queryRawUnsafe(text, ...values);
      return rows.map((row) => Object.values(row).map(plainOf));
    } catch (error) {
      throw asDriverError(error);
    }
  };
}

/** Its numbers that are too large or too exact for JavaScript come as other things. */
function plainOf(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Date) return value.toISOString();
  const isDecimal = typeof value === "object" && value !== null && "toFixed" in value;
  return isDecimal ? String(value) : value;
}

interface PrismaError {
  code?: unknown;
  meta?: { code?: unknown; message?: unknown; driverAdapterError?: { cause?: Record<string, unknown> } };
}

/** An error whose code is the SQLSTATE: Prisma has codes of its own, and keeps PostgreSQL's below. */
function asDriverError(error: unknown): unknown {
  const { code, meta } = (error ?? {}) as PrismaError;
  if (typeof code !== "string" || !meta) return error;
  const cause = meta.driverAdapterError?.cause ?? {};
  const state = cause["originalCode"] ?? cause["code"] ?? meta.code;
  if (typeof state !== "string") return error;
  const message = String(cause["originalMessage"] ?? cause["message"] ?? meta.message ?? "the database refused this");
  const constraint = /constraint "([^"]+)"/.exec(message)?.[1];
  return Object.assign(new Error(message), { code: state, ...(constraint && { constraint }) });
}
