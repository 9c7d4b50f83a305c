/**
 * Transactions on whatever Drizzle is on. On a pool each gets a connection of its own. On one connection the host may have opened
 * a transaction, by Drizzle or past it: that is the host's to end, so that what is ours in it is a savepoint.
 */
import { type SQL, sql } from "drizzle-orm";
import type { PgTransactionConfig } from "drizzle-orm/pg-core";
import type { Database } from "./database.ts";

const noTransaction = "25P01";

/** What tells a client of `pg`, or of Neon's fork of it, from a pool, and from the clients of others, which hand out their own transactions. */
interface Client {
  totalCount?: unknown;
  processID?: unknown;
  getTransactionStatus?: () => string | null;
}

function clientOf(db: Database): Client | undefined {
  return (db as { $client?: Client }).$client;
}

/** Whether all statements of this database go over one connection, so that a transaction may be open on it. */
export function hasOneConnection(db: Database): boolean {
  const client = clientOf(db);
  return client !== undefined && "processID" in client && client.totalCount === undefined;
}

/** Runs `work` in a transaction, which inside another one is a savepoint. */
export function transact<Result>(
  db: Database,
  work: (tx: Database) => Promise<Result>,
  config?: PgTransactionConfig,
): Promise<Result> {
  return hasOneConnection(db) ? transactOnOne(db, work, config) : db.transaction(work, config);
}

let savepoints = 0;

async function transactOnOne<Result>(
  db: Database,
  work: (tx: Database) => Promise<Result>,
  config: PgTransactionConfig | undefined,
): Promise<Result> {
  savepoints += 1;
  const name = sql.raw(`chatkeep_${savepoints}`);
  if (await setSavepoint(db, name)) return await endSavepoint(db, name, () => work(db));
  await db.execute(beginning(config));
  try {
    const result = await work(db);
    await db.execute(sql`commit`);
    return result;
  } catch (error) {
    await db.execute(sql`rollback`);
    throw error;
  }
}

const lines = new WeakMap<object, Promise<unknown>>();

/** Runs one statement so that its failure does not end a transaction that is open. Those of one connection go one after another. */
export function savepointed<Result>(db: Database, statement: (tx: Database) => Promise<Result>): Promise<Result> {
  const client = clientOf(db);
  if (!client || !hasOneConnection(db)) return db.transaction(statement);
  const before = lines.get(client) ?? Promise.resolve();
  const run = async () => {
    savepoints += 1;
    const name = sql.raw(`chatkeep_${savepoints}`);
    return (await setSavepoint(db, name)) ? await endSavepoint(db, name, () => statement(db)) : await statement(db);
  };
  const turn = before.then(run, run);
  lines.set(
    client,
    turn.catch(() => {}),
  );
  return turn;
}

async function endSavepoint<Result>(db: Database, name: SQL, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work();
    await db.execute(sql`release savepoint ${name}`);
    return result;
  } catch (error) {
    await db.execute(sql`rollback to savepoint ${name}`);
    throw error;
  }
}

/** `false` when no transaction is open. */
async function setSavepoint(db: Database, name: SQL): Promise<boolean> {
  if (clientOf(db)?.getTransactionStatus?.() === "I") return false;
  try {
    await db.execute(sql`savepoint ${name}`);
    return true;
  } catch (error) {
    const { cause = error } = error as { cause?: unknown };
    if ((cause as { code?: unknown }).code === noTransaction) return false;
    throw error;
  }
}

function beginning({ isolationLevel, accessMode, deferrable }: PgTransactionConfig = {}): SQL {
  const words = [
    "begin",
    isolationLevel && `isolation level ${isolationLevel}`,
    accessMode,
    deferrable !== undefined && (deferrable ? "deferrable" : "not deferrable"),
  ];
  return sql.raw(words.filter(Boolean).join(" "));
}
