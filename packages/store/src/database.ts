/** The database as the verbs see it: any Drizzle database or transaction on PostgreSQL, with statements prepared once. */
import { createHash } from "node:crypto";
import { type SQL, sql } from "drizzle-orm";
import { type PgDatabase, type PgQueryResultHKT, PgTransaction, type PgTransactionConfig } from "drizzle-orm/pg-core";
import { ConflictError } from "./errors.ts";
import type { ChatModels, Part } from "./models/chat.ts";
import { isRetryable, isUniqueViolation, translate } from "./sqlstate.ts";

/** A Drizzle database, or a transaction of one, of any driver for PostgreSQL. */
export type Database = PgDatabase<PgQueryResultHKT, Record<string, unknown>>;

/** The parts of a reply from the chunks that its server stored before it died, in their order. */
export type PartsOf = (chunks: readonly string[]) => Part[] | Promise<Part[]>;

/** What every verb needs: where the tables are, which they are, the statements that are prepared already, and how runs end. */
export interface Chat {
  readonly db: Database;
  readonly models: ChatModels;
  readonly statements: Map<string, unknown>;
  readonly runLeaseMs: number;
  readonly partsOf: PartsOf;
}

/** The same in a transaction, which may be of another connection than the one that statements were prepared on. */
export function within(chat: Chat, tx: Database): Chat {
  return { ...chat, db: tx, statements: new Map() };
}

interface Preparable<Statement> {
  toSQL(): { sql: string };
  prepare(name: string): Statement;
}

/**
 * The statement of this name, built the first time. On the wire its name ends with a hash of its text, because a
 * connection refuses a second text under one name, and two stores may share a pool.
 */
export function prepared<Statement>(chat: Chat, name: string, build: () => Preparable<Statement>): Statement {
  const known = chat.statements.get(name);
  if (known) return known as Statement;
  const query = build();
  const hash = createHash("sha256").update(query.toSQL().sql).digest("hex").slice(0, 8);
  const statement = query.prepare(`chatkeep_${name}_${hash}`);
  chat.statements.set(name, statement);
  return statement;
}

/** The placeholder `userIds`, a list of whatever type the host's user ids have. */
export function userIdsIn({ models }: Chat): SQL {
  return sql`${sql.placeholder("userIds")}::${sql.raw(models.conversation.userId.getSQLType())}[]`;
}

const attempts = 4;

/** Runs a verb: what drivers throw gets a code, and a deadlock is tried again unless a transaction of the caller's is open. */
export async function guarded<Result>(db: Database, verb: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await verb();
    } catch (error) {
      if (!isRetryable(error) || attempt === attempts || db instanceof PgTransaction) throw translate(error);
      await pause(attempt);
    }
  }
}

/** Runs `work` in a transaction (a savepoint inside another one), again after a deadlock or a serialization failure. */
export function inTransaction<Result>(
  db: Database,
  work: (tx: Database) => Promise<Result>,
  config?: PgTransactionConfig,
): Promise<Result> {
  return guarded(db, () => db.transaction(work, config));
}

/**
 * Runs a statement that inserts under ids from outside. A unique violation the first time may mean that the same
 * append has just been committed by another connection, so it runs again and sees it; after that the id is taken elsewhere.
 * @throws conflict
 */
export async function withTakenIds<Result>(
  chat: Chat,
  statement: (chat: Chat) => Promise<Result>,
  sentence: string,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await savepoint(chat, statement);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      if (attempt === attempts) throw new ConflictError(sentence);
    }
  }
}

/** A failed statement ends a whole transaction; inside one of the caller's it gets a savepoint of its own. */
function savepoint<Result>(chat: Chat, statement: (chat: Chat) => Promise<Result>): Promise<Result> {
  if (!(chat.db instanceof PgTransaction)) return statement(chat);
  return chat.db.transaction((tx) => statement(within(chat, tx)));
}

function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 5 * (0.5 + Math.random())));
}
