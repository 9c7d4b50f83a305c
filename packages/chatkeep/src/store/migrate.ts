/**
 * Applying migrations: forward only, each once, under a lock that twenty processes can wait for; all pending ones in one
 * transaction, except for what says that it stands outside of one.
 */
import { SchemaMismatchError, UnavailableError } from "../errors.ts";
import { isTrue } from "../sql/columns.ts";
import type { ClosableConnection, Connection } from "../sql/connection.ts";
import { quote } from "../sql/sql.ts";
import { guarded } from "./context.ts";
import { type Migration, type Step, stepsOf } from "./migration.ts";
import { buildIndex } from "./migration-index.ts";
import { explainMigration, requireFreeNames, requirePlace, requireSchema } from "./migration-obstacles.ts";
import {
  atStart,
  laterColumnsOf,
  type Progress,
  readRecord,
  readStatus,
  recordTable,
  requireKnown,
  searchPath,
  writeProgress,
} from "./migration-record.ts";
import { asOperator } from "./row-level-security.ts";

/** Where `migrate` works, and how it waits for another process that migrates. */
export interface MigrateOptions {
  /** Told when another process migrates, at first and then every ten seconds, for how long it has been waited for. */
  onWait?(ms: number): void;
  /** For how long to wait for another process; an hour when left out. */
  waitMs?: number;
  /** Where the tables are made, and the record of what was applied; the first schema of the `search_path` when left out. */
  schema?: string | undefined;
}

const lock = "pg_try_advisory_xact_lock(hashtextextended('chatkeep:migrate', 0))";
const lookEveryMs = 200;
const tellEveryMs = 10_000;
const defaultWaitMs = 3_600_000;
/** For a short statement of a database that answers. */
const answerMs = 30_000;

/**
 * Brings the database to the last migration, and gives the names of those that were ended now. A migration may take as long
 * as it takes: limits of time that are set for other statements are lifted for it.
 * Safe when many processes call it at once: one works, the others wait and find nothing to do; and when it is killed at any
 * moment: the next call goes on. Indexes are built concurrently and backfills run in batches where the connection can open
 * another one (`openPg`, `openNeon`, `openPostgresJs`); elsewhere, as in a transaction of the host, all is one transaction.
 * `migrations` are those of `chatMigrations(tables)`, and of the host if it likes.
 * @throws schema_mismatch when the database has what this code cannot work with, or has no place for its tables
 */
export async function migrate(
  connection: Connection,
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<string[]> {
  const own = connection.openUnlimited?.();
  const unlimited = own ?? connection;
  const builder = own && lazily(() => connection.openUnlimited?.() ?? own);
  try {
    const silence = Promise.withResolvers<never>();
    const inTime = withinTime(silence.reject);
    const ended: string[] = [];
    const turn = turns(unlimited, inTime, options);
    const work = async () => {
      await turn((inside) => makeRecord(inside, inTime, options.schema));
      const applying = { inTime, migrations, schema: options.schema, builder: builder?.get };
      for (let isLast = false; !isLast; ) {
        const step = await turn((inside) => advance(inside, applying));
        ended.push(...step.ended);
        ({ isLast } = step);
      }
      return ended;
    };
    return await Promise.race([guarded(unlimited, work), silence.promise]);
  } finally {
    await builder?.close();
    await own?.close();
  }
}

function lazily(open: () => ClosableConnection) {
  let opened: ClosableConnection | undefined;
  const get = () => {
    opened ??= open();
    return opened;
  };
  return { get, close: async () => await opened?.close() };
}

/** Waits for a short statement. */
type InTime = <Result>(statement: Promise<Result>) => Promise<Result>;

/** Where no limit of the driver ends a statement, this ends the waiting for a database that has gone silent. */
function withinTime(giveUp: (error: Error) => void): InTime {
  return async (statement) => {
    const timer = setTimeout(
      () => giveUp(new UnavailableError("The database does not answer; look whether it works, then try again.")),
      answerMs,
    );
    return await statement.finally(() => clearTimeout(timer));
  };
}

type Work<Result> = (inside: Connection) => Promise<Result>;

/**
 * Transactions that are nobody else's meanwhile, and have no limits of time. Whoever waits does so outside of a transaction:
 * an index that is built concurrently waits for the end of every transaction that was reading when it began.
 */
function turns(connection: Connection, inTime: InTime, options: MigrateOptions) {
  const { onWait, waitMs = defaultWaitMs, schema } = options;
  let toldAt = Number.NEGATIVE_INFINITY;
  return async <Result>(work: Work<Result>): Promise<Result> => {
    const attempt = async (inside: Connection) => {
      const [found] = await inTime(inside.query(`select ${lock} as is_mine`));
      if (!isTrue(found?.[0])) return undefined;
      await inTime(inside.query(noLimits));
      if (schema !== undefined) {
        await inTime(requireSchema(inside, schema));
        await inTime(inside.query(searchPath("true"), [quote(schema)]));
      }
      return { result: await work(inside) };
    };
    for (const start = performance.now(); ; await pause()) {
      const done = await connection.transaction(attempt, { isolationLevel: "read committed" });
      if (done) return done.result;
      const now = performance.now();
      if (now - start >= waitMs) {
        throw new UnavailableError(
          "Another process still migrates this database: wait until it has ended, then try again.",
        );
      }
      if (now - toldAt < tellEveryMs) continue;
      toldAt = now;
      onWait?.(Math.round(now - start));
    }
  };
}

const limitsOfTime = `('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`;
const noLimits = `select set_config(name, '0', true) as set from pg_settings where name in ${limitsOfTime}`;
const noLimitsOfSession = `select set_config(name, '0', false) as set from pg_settings where name in ${limitsOfTime}`;

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, lookEveryMs));
}

/** In a transaction of its own: changing this table keeps readers of it away, and a migration may take long. */
async function makeRecord(connection: Connection, inTime: InTime, schema: string | undefined): Promise<void> {
  const record = await inTime(readRecord(connection, schema));
  if (!record.exists) {
    await inTime(requirePlace(connection));
    await inTime(connection.query(recordTable(schema)));
  } else if (!record.tells) {
    await inTime(connection.query(laterColumnsOf(schema)));
  }
}

interface Applying {
  inTime: InTime;
  migrations: readonly Migration[];
  schema: string | undefined;
  /** Gives a session for what cannot be in a transaction; missing where there is only the one. */
  builder: (() => Connection) | undefined;
}

interface Advance {
  /** Migrations that were ended. */
  ended: string[];
  isLast: boolean;
}

/** As far as one transaction goes: all that is pending; or to a statement that stands outside of one; or that statement. */
async function advance(inside: Connection, applying: Applying): Promise<Advance> {
  const { inTime, migrations, schema, builder } = applying;
  const { status, progress } = await inTime(readStatus(inside, migrations, schema));
  requireKnown(status);
  const pending = migrations
    .filter(({ name }) => status.pending.includes(name))
    .map((migration) => ({ migration, steps: stepsOf(migration), done: progress.get(migration.name) ?? atStart }));
  if (pending.length === 0) return { ended: [], isLast: true };
  await inTime(requirePlace(inside));
  const left = pending.flatMap(({ steps, done }) => steps.slice(done.statements).map(({ text }) => text));
  await inTime(requireFreeNames(inside, left));
  const ended: string[] = [];
  let isFresh = true;
  for (const { migration, steps, done } of pending) {
    let now: Progress = done;
    const isAt = (progress: Progress | undefined) => inTime(writeProgress(inside, migration, progress, schema));
    for (let step = steps[now.statements]; step; step = steps[now.statements]) {
      const isApart = builder !== undefined && step.kind !== "plain";
      if (isApart && !isFresh) {
        if (now.statements > done.statements) await isAt(now);
        return { ended, isLast: false };
      }
      isFresh = false;
      now = await explained(migration, run(step, now, inside, applying));
      if (!isApart) continue;
      const isEnd = now.statements === steps.length;
      await isAt(isEnd ? undefined : now);
      return { ended: isEnd ? [migration.name] : [], isLast: false };
    }
    await isAt(undefined);
    ended.push(migration.name);
  }
  return { ended, isLast: true };
}

/** Runs a statement, or one batch of it, and gives how far the migration has come by that. */
async function run(step: Step, now: Progress, inside: Connection, applying: Applying): Promise<Progress> {
  const next: Progress = { statements: now.statements + 1, position: null };
  if (step.kind === "plain") {
    await inside.query(step.text);
    return next;
  }
  if (step.kind === "index") {
    if (applying.builder) {
      // Without values, and so in the simple protocol: the other keeps what the last statement saw, and the build would wait for it.
      await inside.query("select 1 as idle");
      await buildApart(step, applying.builder(), applying);
    } else {
      await buildIndex(step, inside, false);
    }
    return next;
  }
  // What it looks at is everybody's.
  const [row] = await asOperator(inside, (operator) => operator.query(step.text, [now.position]));
  const position = row?.[0] ?? null;
  if (position === null) return next;
  if (position === now.position) {
    throw new SchemaMismatchError("A statement in batches gave the same place twice: it would never end.");
  }
  return { statements: now.statements, position: String(position) };
}

/** While the transaction that has the lock is idle. */
async function buildApart(
  step: Extract<Step, { kind: "index" }>,
  builder: Connection,
  { inTime, schema }: Applying,
): Promise<void> {
  await inTime(builder.query(noLimitsOfSession));
  if (schema !== undefined) await inTime(builder.query(searchPath("false"), [quote(schema)]));
  await buildIndex(step, builder, true);
}

async function explained<Result>({ name }: Migration, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw explainMigration(name, error);
  }
}
