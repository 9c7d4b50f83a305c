/**
 * Transactions on whatever Drizzle is on. On a pool each gets a connection of its own. On one connection the host may have opened
 * a transaction, by Drizzle or past it: that is the host's to end, so that what is ours in it is a savepoint.
 */
import { type SQL, sql } from "drizzle-orm";
import type { PgTransactionConfig } from "drizzle-orm/pg-core";
import type { Database } from "./database.ts";
import { UnavailableError } from "./errors.ts";

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
  if (!hasOneConnection(db)) return db.transaction(work, config);
  return inLine(transactions, db, () => transactOnOne(db, (tx) => work(insideOf(tx)), config));
}

type Lines = WeakMap<object, Promise<unknown>>;

const transactions: Lines = new WeakMap();
const savepoints: Lines = new WeakMap();
const maxWaitMs = 10_000;
const outer = Symbol("chatkeep.outer");

/** The same database for what runs inside: it waits for its own, and not for the transaction that it is in. */
function insideOf(db: Database): Database {
  return Object.create(db, { [outer]: { value: db } }) as Database;
}

/**
 * Transactions of one connection go one after another, and so do savepoints, since each of them ends what was begun after it.
 * @throws unavailable after ten seconds, as where a transaction waits for the one that it is in
 */
function inLine<Result>(lines: Lines, db: Database, work: () => Promise<Result>): Promise<Result> {
  const key = outer in db ? db : (clientOf(db) ?? db);
  const late = Promise.withResolvers<never>();
  const sentence = "Another transaction has this connection: inside a transaction use the store that it gives.";
  const timer = setTimeout(() => late.reject(new UnavailableError(sentence)), maxWaitMs);
  let isLate = false;
  late.promise.catch(() => {
    isLate = true;
  });
  const before = lines.get(key) ?? Promise.resolve();
  const turn = before.then(async () => {
    clearTimeout(timer);
    if (isLate) throw new UnavailableError(sentence);
    return await work();
  });
  lines.set(
    key,
    turn.catch(() => {}),
  );
  return Promise.race([turn, late.promise]);
}

let count = 0;

function nextName(): SQL {
  count += 1;
  return sql.raw(`chatkeep_${count}`);
}

async function transactOnOne<Result>(
  db: Database,
  work: (tx: Database) => Promise<Result>,
  config: PgTransactionConfig | undefined,
): Promise<Result> {
  const name = nextName();
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

/** Runs one statement so that its failure does not end a transaction that is open. */
export function savepointed<Result>(db: Database, statement: (tx: Database) => Promise<Result>): Promise<Result> {
  if (!hasOneConnection(db)) return db.transaction(statement);
  return inLine(savepoints, db, async () => {
    const name = nextName();
    return (await setSavepoint(db, name)) ? await endSavepoint(db, name, () => statement(db)) : await statement(db);
  });
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
