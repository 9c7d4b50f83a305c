/**
 * Transactions over one connection, for the drivers. What is open already is the host's to end: inside it everything is a
 * savepoint, and savepoints go one after another, since each of them ends what was begun after it.
 */
import { UnavailableError } from "../errors.ts";
import type { Connection, Query, TransactionOptions } from "./connection.ts";
import { DatabaseError } from "./driver-error.ts";
import { isFromServer, sqlState } from "./sqlstate.ts";

/** A transaction that is open, and how its driver makes savepoints in it where it has to know of them. */
export interface Opened {
  readonly query: Query;
  savepoint?<Result>(work: (inner: Opened) => Promise<Result>): Promise<Result>;
}

type Work<Result> = (inside: Connection) => Promise<Result>;

const noTransaction = "25P01";
const failedTransaction = "25P02";
const maxWaitMs = 10_000;

/**
 * Begins a transaction on a connection that has none, runs `work` in it and ends it.
 * @param commit for drivers that learn what PostgreSQL answers, which is `ROLLBACK` when a statement has failed
 * @throws what `work` throws; and the error of a statement that `work` has swallowed, since nothing is committed then
 */
export async function transact<Result>(
  query: Query,
  work: Work<Result>,
  options: TransactionOptions = {},
  commit: () => Promise<string | undefined> = async () => void (await query("commit")),
): Promise<Result> {
  await query(beginning(options));
  let result: Result;
  try {
    result = await insideBegun({ query }, work);
  } catch (error) {
    // On a connection that is gone this fails too, and says less.
    await query("rollback").catch(() => {});
    throw error;
  }
  if ((await commit()) === "ROLLBACK") {
    throw new DatabaseError("a statement of this transaction had failed, so it was rolled back", {
      code: failedTransaction,
    });
  }
  return result;
}

/**
 * Runs `work` in a transaction that the caller has begun, and commits when this returns.
 * @throws the error of a statement that `work` has swallowed: PostgreSQL would answer COMMIT with a rollback
 */
export async function insideBegun<Result>(opened: Opened, work: Work<Result>): Promise<Result> {
  const health: Health = {};
  const result = await work(watched(opened, health));
  if (health.failure) throw health.failure.error;
  return result;
}

/** A connection on which a transaction is open. */
export function insideTransaction(opened: Opened): Connection {
  return watched(opened, {});
}

/**
 * The one connection of a host, who may open a transaction on it at any time, past us. Statements wait for a transaction of
 * ours that is under way, which might undo them. `isIdle` says that the driver knows of no transaction.
 */
export function hostConnection(
  query: Query,
  isIdle: () => boolean,
  begin: typeof transact = transact,
): Connection & { readonly isTransaction: true } {
  const turns = createTurns();
  return {
    query: (text, values, name) =>
      turns.isFree() ? query(text, values, name) : turns.take(() => query(text, values, name)),
    isTransaction: true,
    transaction: (work, options) =>
      turns.take(async () => {
        const name = nextName();
        if (isIdle() || !(await isSet(query, name))) return await begin(query, work, options);
        return await endSavepoint(query, name, {}, (health) => work(watched({ query }, health)));
      }),
  };
}

/** Whether a statement has failed since the last savepoint, after which PostgreSQL refuses all others. */
interface Health {
  failure?: { error: unknown } | undefined;
}

function watched({ query, savepoint }: Opened, health: Health): Connection {
  const turns = createTurns();
  const ours: Connection["transaction"] = async (work) => {
    const name = nextName();
    await query(`savepoint ${name}`);
    // It was taken, so whatever has failed was undone, perhaps by the host.
    health.failure = undefined;
    return await endSavepoint(query, name, health, () => work(watched({ query }, health)));
  };
  return {
    query: async (text, values, name) => {
      try {
        return await query(text, values, name);
      } catch (error) {
        if (isFromServer(error)) health.failure ??= { error };
        throw error;
      }
    },
    isTransaction: true,
    transaction: (work) => turns.take(() => (savepoint ? savepoint((inner) => insideBegun(inner, work)) : ours(work))),
  };
}

let count = 0;

function nextName(): string {
  count += 1;
  return `chatkeep_${count}`;
}

async function endSavepoint<Result>(
  query: Query,
  name: string,
  health: Health,
  work: (health: Health) => Promise<Result>,
): Promise<Result> {
  try {
    const result = await work(health);
    if (health.failure) throw health.failure.error;
    await query(`release savepoint ${name}`);
    return result;
  } catch (error) {
    const undone = query(`rollback to savepoint ${name}`).then(() => {
      health.failure = undefined;
    });
    await undone.catch(() => {});
    throw error;
  }
}

/** `false` when no transaction is open. */
async function isSet(query: Query, name: string): Promise<boolean> {
  try {
    await query(`savepoint ${name}`);
    return true;
  } catch (error) {
    if (sqlState(error) === noTransaction) return false;
    throw error;
  }
}

function beginning(options: TransactionOptions): string {
  return ["begin", modesOf(options)].filter(Boolean).join(" ");
}

/** The words after BEGIN, or after SET TRANSACTION; empty when there are none. */
export function modesOf({ isolationLevel, accessMode }: TransactionOptions = {}): string {
  return [isolationLevel && `isolation level ${isolationLevel}`, accessMode].filter(Boolean).join(" ");
}

interface Turns {
  isFree(): boolean;
  /**
   * One after another; what is given waits for what was given before it.
   * @throws unavailable after ten seconds, as where a transaction waits for the one that it is in
   */
  take<Result>(work: () => Promise<Result>): Promise<Result>;
}

const sentence = "Another transaction has this connection: inside a transaction use the store that it gives.";

function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const take: Turns["take"] = (work) => {
    const late = Promise.withResolvers<never>();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      late.reject(new UnavailableError(sentence));
    }, maxWaitMs);
    late.promise.catch(() => {});
    waiting += 1;
    const turn = last
      .then(async () => {
        clearTimeout(timer);
        if (isLate) throw new UnavailableError(sentence);
        return await work();
      })
      .finally(() => {
        waiting -= 1;
      });
    last = turn.catch(() => {});
    return Promise.race([turn, late.promise]);
  };
  return { isFree: () => waiting === 0, take };
}
