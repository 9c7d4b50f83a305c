/** The database as the verbs see it: any Drizzle database or transaction on PostgreSQL, with statements prepared once. */
import { createHash } from "node:crypto";
import { is, type SQL, sql } from "drizzle-orm";
import {
  type PgDatabase,
  PgDialect,
  type PgQueryResultHKT,
  PgTransaction,
  type PgTransactionConfig,
  type PreparedQueryConfig,
} from "drizzle-orm/pg-core";
import { ConflictError } from "./errors.ts";
import type { Lanes } from "./lanes.ts";
import type { AppendQueue } from "./messages/append-queue.ts";
import type { ChatModels, Part, UserId } from "./models/chat.ts";
import { isRetryable, isUniqueViolation, translate } from "./sqlstate.ts";
import { hasOneConnection, savepointed, transact } from "./transaction.ts";

/** A Drizzle database, or a transaction of one, of any driver for PostgreSQL. */
export type Database = PgDatabase<PgQueryResultHKT, Record<string, unknown>>;

/** The parts of a reply from the chunks that its server stored before it died, in their order. */
export type PartsOf = (chunks: readonly string[]) => Part[] | Promise<Part[]>;

/** What a store has committed: a conversation is new, another than before, or gone; a run has begun or ended, or was asked to stop. */
export type Change = { userId: UserId; conversationId: string } | { runId: string; isStop?: true | undefined };

/** What every verb needs: where the tables are, which they are, the statements that are prepared already, and how runs end. */
export interface Chat {
  readonly db: Database;
  readonly models: ChatModels;
  readonly statements: Map<string, unknown>;
  readonly runLeaseMs: number;
  readonly partsOf: PartsOf;
  /** Where appends meet; missing in a transaction, which has one connection and one end. */
  readonly appends: AppendQueue | undefined;
  /** To be called with what a verb has changed; in a transaction it waits for the commit. */
  changed(change: Change): void;
  /** Where those wait who need the row lock of a conversation; missing in a transaction, which holds its connection anyway. */
  readonly lanes: Lanes | undefined;
}

/** The same in a transaction, which may be of another connection than the one that statements were prepared on. */
export function within(chat: Chat, tx: Database): Chat {
  return { ...chat, db: tx, statements: new Map(), appends: undefined, lanes: undefined };
}

/** Whether a failed statement may end a transaction that is open already. By its kind, not its class: a host may have a Drizzle of its own. */
export function isTransaction(db: Database): boolean {
  return is(db, PgTransaction) || hasOneConnection(db);
}

/** Waits where no connection is held until nothing else of this owner is under way in the conversation. @throws unavailable */
export function inLane<Result>(
  { lanes }: Chat,
  ownerId: UserId,
  conversationId: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return lanes ? lanes.run(ownerId, conversationId, work) : work();
}

interface Preparable<Statement> {
  toSQL(): { sql: string };
  prepare(name: string): Statement;
}

/** The statement of this name, built the first time. */
export function prepared<Statement>(chat: Chat, name: string, build: () => Preparable<Statement>): Statement {
  return once(chat, name, () => {
    const query = build();
    return query.prepare(nameOnTheWire(name, query.toSQL().sql));
  });
}

export interface RowStatement<Row> {
  /** The values of the placeholders, by name; or in a list, where their names are its places. */
  execute(values: Record<string, unknown> | readonly unknown[]): Promise<Row[]>;
}

/** The same for what runs most often: `read` makes a row of its columns at once, which Drizzle does column by column. */
export function preparedRows<Row>(
  chat: Chat,
  name: string,
  build: () => { getSQL(): SQL },
  read: (columns: unknown[]) => Row,
): RowStatement<Row> {
  return once(chat, name, () => {
    const query = dialect.sqlToQuery(build().getSQL());
    const statement = chat.db._.session.prepareQuery<PreparedQueryConfig & { execute: Row[] }>(
      query,
      undefined,
      nameOnTheWire(name, query.sql),
      true,
      (rows) => rows.map(read),
    );
    return statement as RowStatement<Row>;
  });
}

const dialect = new PgDialect();

function once<Statement>(chat: Chat, name: string, prepare: () => Statement): Statement {
  const known = chat.statements.get(name);
  if (known) return known as Statement;
  const statement = prepare();
  chat.statements.set(name, statement);
  return statement;
}

/** It ends with a hash of the text: a connection refuses a second text under one name, and two stores may share a pool. */
function nameOnTheWire(name: string, text: string): string {
  return `chatkeep_${name}_${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
}

/** The placeholder `userIds`, a list of whatever type the host's user ids have. */
export function userIdsIn({ models }: Chat): SQL {
  return sql`${sql.placeholder("userIds")}::${sql.raw(models.conversation.userId.getSQLType())}[]`;
}

const attempts = 4;
/** After which nothing is tried again, however few times it was. */
const retryForMs = 10_000;

/** Runs a verb: what drivers throw gets a code, and a deadlock is tried again unless a transaction of the caller's is open. */
export async function guarded<Result>(db: Database, verb: () => Promise<Result>): Promise<Result> {
  const until = performance.now() + retryForMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await verb();
    } catch (error) {
      const isLast = attempt === attempts || performance.now() > until;
      if (isLast || !isRetryable(error) || isTransaction(db)) throw translate(error);
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
  return guarded(db, () => transact(db, work, config));
}

/** The same for a verb: what it changes is told after the commit, and nothing of what was rolled back. */
export async function changing<Result>(chat: Chat, work: (chat: Chat) => Promise<Result>): Promise<Result> {
  let changes: Change[] = [];
  const result = await inTransaction(chat.db, (tx) => {
    changes = [];
    return work({ ...within(chat, tx), changed: (change) => void changes.push(change) });
  });
  for (const change of changes) chat.changed(change);
  return result;
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
  if (!isTransaction(chat.db)) return statement(chat);
  return savepointed(chat.db, (tx) => statement(within(chat, tx)));
}

function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 5 * (0.5 + Math.random())));
}
