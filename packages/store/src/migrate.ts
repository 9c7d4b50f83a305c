/** Applying migrations: forward only, each once, all pending ones in one transaction, under a lock that twenty processes can wait for. */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { boolean, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { type Database, guarded } from "./database.ts";
import { SchemaMismatchError, UnavailableError } from "./errors.ts";
import { explainMigration, requireFreeNames, requirePlace } from "./migration-obstacles.ts";
import { readOnly } from "./sqlstate.ts";
import { withUnlimited } from "./unlimited.ts";

/**
 * A step of the schema. The name is its identity, its order is its place in the list; statements are parted by
 * `--> statement-breakpoint`. One that code of before cannot work with begins with the line `-- breaking`.
 */
export interface Migration {
  name: string;
  sql: string;
}

export interface MigrationStatus {
  /** Applied already, in order. */
  applied: string[];
  /** In the list and not yet applied. */
  pending: string[];
  /** Applied by newer code than this, which still can work. */
  unknown: string[];
  /** Those of the unknown that this code cannot work with. */
  breaking: string[];
  /** Applied, and changed in the list since. */
  changed: string[];
}

export interface MigrateOptions {
  /** Told when another process migrates, at first and then every ten seconds, for how long it has been waited for. */
  onWait?(ms: number): void;
  /** For how long to wait for another process; an hour when left out. */
  waitMs?: number;
}

const migrationTable = pgTable("chatkeep_migration", {
  name: text("name").primaryKey(),
  hash: text("hash").notNull(),
  appliedAt: timestamp("applied_at", { withTimezone: true }).notNull().defaultNow(),
  breaking: boolean("breaking").notNull().default(false),
});

const lock = sql`pg_try_advisory_xact_lock(hashtextextended('chatkeep:migrate', 0))`;
const lookEveryMs = 200;
const tellEveryMs = 10_000;
const defaultWaitMs = 3_600_000;
/** For a short statement of a database that answers. */
const answerMs = 30_000;

/**
 * Brings the database to the last migration, and gives the names of those that were applied now. A migration may take as long
 * as it takes: limits of time that are set for other statements are lifted for it.
 * Safe when many processes call it at once: one works, the others wait and find nothing to do.
 * @throws schema_mismatch when the database has what this code cannot work with, or has no place for its tables
 */
export function migrate(
  db: Database,
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<string[]> {
  return withUnlimited(db, async (unlimited) => {
    const silence = Promise.withResolvers<never>();
    const inTime = withinTime(silence.reject);
    const work = async () => {
      await locked(unlimited, inTime, options, (tx) => makeRecord(tx, inTime));
      return await locked(unlimited, inTime, options, (tx) => applyPending(tx, inTime, migrations));
    };
    return await Promise.race([guarded(unlimited, work), silence.promise]);
  });
}

/** Waits for a short statement. */
type InTime = <Result>(statement: PromiseLike<Result>) => Promise<Result>;

/** Where no limit of the driver ends a statement, this ends the waiting for a database that has gone silent. */
function withinTime(giveUp: (error: Error) => void): InTime {
  return async (statement) => {
    const timer = setTimeout(
      () => giveUp(new UnavailableError("The database does not answer; look whether it works, then try again.")),
      answerMs,
    );
    return await Promise.resolve(statement).finally(() => clearTimeout(timer));
  };
}

/** A transaction that is nobody else's meanwhile, and has no limits of time. */
function locked<Result>(
  db: Database,
  inTime: InTime,
  options: MigrateOptions,
  work: (tx: Database) => Promise<Result>,
): Promise<Result> {
  return db.transaction(
    async (tx) => {
      await inTime(tx.execute(noLimits));
      await waitForLock(tx, inTime, options);
      return await work(tx);
    },
    { isolationLevel: "read committed" },
  );
}

const noLimits = sql`
  select set_config(name, '0', true) from pg_settings
  where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`;

async function waitForLock(tx: Database, inTime: InTime, options: MigrateOptions): Promise<void> {
  const { onWait, waitMs = defaultWaitMs } = options;
  const start = performance.now();
  for (let toldAt = -tellEveryMs; ; await pause(lookEveryMs)) {
    const [found] = await inTime(tx.select({ isMine: sql<boolean>`${lock}` }).from(sql`(select 1) as one`));
    if (found?.isMine) return;
    const waited = Math.round(performance.now() - start);
    if (waited >= waitMs) {
      throw new UnavailableError(
        "Another process still migrates this database: wait until it has ended, then try again.",
      );
    }
    if (waited - toldAt < tellEveryMs) continue;
    toldAt = waited;
    onWait?.(waited);
  }
}

/** In a transaction of its own: changing this table keeps readers of it away, and a migration may take long. */
async function makeRecord(tx: Database, inTime: InTime): Promise<void> {
  const [record] = await inTime(tx.select(recordState).from(sql`(select 1) as one`));
  if (!record?.exists) {
    await inTime(requirePlace(tx));
    await inTime(
      tx.execute(sql`
        create table chatkeep_migration (
          name text primary key, hash text not null, applied_at timestamptz not null default now(),
          breaking boolean not null default false)`),
    );
  } else if (!record.tells) {
    await inTime(tx.execute(sql`alter table chatkeep_migration add column breaking boolean not null default false`));
  }
}

async function applyPending(tx: Database, inTime: InTime, migrations: readonly Migration[]): Promise<string[]> {
  const status = await inTime(readStatus(tx, migrations));
  requireKnown(status);
  const pending = migrations.filter(({ name }) => status.pending.includes(name));
  if (pending.length > 0) {
    await inTime(requirePlace(tx));
    await inTime(requireFreeNames(tx, pending));
  }
  for (const migration of pending) {
    try {
      for (const statement of migration.sql.split("--> statement-breakpoint")) await tx.execute(sql.raw(statement));
    } catch (error) {
      throw explainMigration(migration.name, error);
    }
    await inTime(
      tx.insert(migrationTable).values({
        name: migration.name,
        hash: hashOf(migration.sql),
        breaking: isBreaking(migration),
      }),
    );
  }
  return status.pending;
}

function isBreaking({ sql: text }: Migration): boolean {
  return /^\s*-- breaking\b/.test(text);
}

/** How the database stands to a list of migrations; reads only. */
export function migrationStatus(db: Database, migrations: readonly Migration[]): Promise<MigrationStatus> {
  return guarded(db, async () => {
    const [record] = await db.select(recordState).from(sql`(select 1) as one`);
    return record?.exists ? await readStatus(db, migrations) : compare([], migrations);
  });
}

const recordState = {
  exists: sql<boolean>`to_regclass('chatkeep_migration') is not null`,
  /** Whether it says which migrations are breaking: older versions made it without that. */
  tells: sql<boolean>`exists (
    select from pg_attribute where attrelid = to_regclass('chatkeep_migration') and attname = 'breaking')`,
};

async function readStatus(db: Database, migrations: readonly Migration[]): Promise<MigrationStatus> {
  const rows = await db
    .select({
      name: sql<string>`m.name`,
      hash: sql<string>`m.hash`,
      breaking: sql<boolean>`coalesce((to_jsonb(m) ->> 'breaking')::boolean, false)`,
    })
    .from(sql`chatkeep_migration m`);
  return compare(rows, migrations);
}

/**
 * Refuses a database that this code cannot work with: an older one, or one with migrations of a newer version that say that
 * they break older code.
 * @throws schema_mismatch
 */
export async function requireMigrated(db: Database, migrations: readonly Migration[]): Promise<void> {
  const status = await migrationStatus(db, migrations);
  requireKnown(status);
  if (status.pending.length > 0) {
    throw new SchemaMismatchError(
      `The database is older than this version of chatkeep: run "chatkeep migrate" (${status.pending.join(", ")} to apply).`,
      { details: { pending: status.pending } },
    );
  }
}

/**
 * Refuses a database that takes no writes, such as a standby.
 * @throws unavailable
 */
export async function requireWritable(db: Database): Promise<void> {
  const [found] = await guarded(db, async () =>
    db
      .select({ isReadOnly: sql<boolean>`current_setting('transaction_read_only') = 'on'` })
      .from(sql`(select 1) as one`),
  );
  if (found?.isReadOnly) throw new UnavailableError(readOnly);
}

interface Applied {
  name: string;
  hash: string;
  breaking: boolean;
}

function compare(rows: readonly Applied[], migrations: readonly Migration[]): MigrationStatus {
  const hashes = new Map(rows.map(({ name, hash }) => [name, hash]));
  const names = new Set(migrations.map(({ name }) => name));
  const applied = migrations.filter(({ name }) => hashes.has(name));
  const unknown = rows.filter(({ name }) => !names.has(name));
  return {
    applied: applied.map(({ name }) => name),
    pending: migrations.filter(({ name }) => !hashes.has(name)).map(({ name }) => name),
    unknown: unknown.map(({ name }) => name),
    breaking: unknown.filter(({ breaking }) => breaking).map(({ name }) => name),
    changed: applied.filter(({ name, sql: text }) => hashes.get(name) !== hashOf(text)).map(({ name }) => name),
  };
}

function requireKnown({ breaking, changed }: MigrationStatus): void {
  if (breaking.length > 0) {
    throw new SchemaMismatchError(
      `The database is newer than this version of chatkeep can work with (it has ${breaking.join(", ")}): update chatkeep.`,
      { details: { unknown: breaking } },
    );
  }
  if (changed.length > 0) {
    throw new SchemaMismatchError(
      `The migration ${changed.join(", ")} was changed after it was applied to this database: restore the file.`,
      { details: { changed } },
    );
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
