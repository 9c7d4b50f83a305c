/** Applying migrations: forward only, each once, all pending ones in one transaction, under a lock that twenty processes can wait for. */
import { createHash } from "node:crypto";
import { SchemaMismatchError, UnavailableError } from "../errors.ts";
import { isTrue } from "../sql/columns.ts";
import type { Connection } from "../sql/connection.ts";
import { quote } from "../sql/sql.ts";
import { readOnly } from "../sql/sqlstate.ts";
import { guarded } from "./context.ts";
import type { Migration } from "./migration.ts";
import { explainMigration, requireFreeNames, requirePlace, requireSchema } from "./migration-obstacles.ts";

/** How a database stands to a list of migrations, by their names. */
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
 * Brings the database to the last migration, and gives the names of those that were applied now. A migration may take as long
 * as it takes: limits of time that are set for other statements are lifted for it.
 * Safe when many processes call it at once: one works, the others wait and find nothing to do.
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
  try {
    const silence = Promise.withResolvers<never>();
    const inTime = withinTime(silence.reject);
    const work = async () => {
      await locked(unlimited, inTime, options, (inside) => makeRecord(inside, inTime, options.schema));
      return await locked(unlimited, inTime, options, (inside) =>
        applyPending(inside, inTime, migrations, options.schema),
      );
    };
    return await Promise.race([guarded(unlimited, work), silence.promise]);
  } finally {
    await own?.close();
  }
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

/** A transaction that is nobody else's meanwhile, and has no limits of time. */
function locked<Result>(
  connection: Connection,
  inTime: InTime,
  options: MigrateOptions,
  work: (inside: Connection) => Promise<Result>,
): Promise<Result> {
  return connection.transaction(
    async (inside) => {
      await inTime(inside.query(noLimits));
      await waitForLock(inside, inTime, options);
      if (options.schema !== undefined) {
        await inTime(requireSchema(inside, options.schema));
        await inTime(
          inside.query(
            "select set_config('search_path', $1::text || ', ' || current_setting('search_path'), true) as set",
            [quote(options.schema)],
          ),
        );
      }
      return await work(inside);
    },
    { isolationLevel: "read committed" },
  );
}

const noLimits = `
  select set_config(name, '0', true) as set from pg_settings
  where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`;

async function waitForLock(connection: Connection, inTime: InTime, options: MigrateOptions): Promise<void> {
  const { onWait, waitMs = defaultWaitMs } = options;
  const start = performance.now();
  for (let toldAt = -tellEveryMs; ; await pause()) {
    const [found] = await inTime(connection.query(`select ${lock} as is_mine`));
    if (isTrue(found?.[0])) return;
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

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, lookEveryMs));
}

/** In a transaction of its own: changing this table keeps readers of it away, and a migration may take long. */
async function makeRecord(connection: Connection, inTime: InTime, schema: string | undefined): Promise<void> {
  const record = await inTime(readRecord(connection, schema));
  if (!record.exists) {
    await inTime(requirePlace(connection));
    await inTime(
      connection.query(`
        create table ${recordIn(schema)} (
          name text primary key, hash text not null, applied_at timestamptz not null default now(),
          breaking boolean not null default false)`),
    );
  } else if (!record.tells) {
    await inTime(
      connection.query(`alter table ${recordIn(schema)} add column breaking boolean not null default false`),
    );
  }
}

async function applyPending(
  connection: Connection,
  inTime: InTime,
  migrations: readonly Migration[],
  schema: string | undefined,
): Promise<string[]> {
  const status = await inTime(readStatus(connection, migrations, schema));
  requireKnown(status);
  const pending = migrations.filter(({ name }) => status.pending.includes(name));
  if (pending.length > 0) {
    await inTime(requirePlace(connection));
    await inTime(requireFreeNames(connection, pending));
  }
  for (const migration of pending) {
    try {
      for (const statement of migration.sql.split("--> statement-breakpoint")) await connection.query(statement);
    } catch (error) {
      throw explainMigration(migration.name, error);
    }
    await inTime(
      connection.query(
        `insert into ${recordIn(schema)} (name, hash, breaking) values ($1::text, $2::text, $3::boolean)`,
        [migration.name, hashOf(migration.sql), isBreaking(migration)],
      ),
    );
  }
  return status.pending;
}

function recordIn(schema: string | undefined): string {
  return schema === undefined ? "chatkeep_migration" : `${quote(schema)}.chatkeep_migration`;
}

function isBreaking({ sql: text }: Migration): boolean {
  return /^\s*-- breaking\b/.test(text);
}

/** How the database stands to a list of migrations; reads only. */
export function migrationStatus(
  connection: Connection,
  migrations: readonly Migration[],
  { schema }: Pick<MigrateOptions, "schema"> = {},
): Promise<MigrationStatus> {
  return guarded(connection, async () => {
    const { exists } = await readRecord(connection, schema);
    return exists ? await readStatus(connection, migrations, schema) : compare([], migrations);
  });
}

/** Whether there is a record, and whether it says which migrations are breaking: older versions made it without that. */
async function readRecord(connection: Connection, schema: string | undefined) {
  const [row] = await connection.query(
    `select to_regclass($1::text) is not null as exists, exists (
      select from pg_attribute where attrelid = to_regclass($1::text) and attname = 'breaking') as tells`,
    [recordIn(schema)],
  );
  return { exists: isTrue(row?.[0]), tells: isTrue(row?.[1]) };
}

async function readStatus(
  connection: Connection,
  migrations: readonly Migration[],
  schema: string | undefined,
): Promise<MigrationStatus> {
  const rows = await connection.query(
    `select m.name, m.hash, coalesce((to_jsonb(m) ->> 'breaking')::boolean, false) as breaking from ${recordIn(schema)} m`,
  );
  return compare(
    rows.map(([name, hash, breaking]) => ({
      name: name as string,
      hash: hash as string,
      breaking: isTrue(breaking),
    })),
    migrations,
  );
}

/**
 * Refuses a database that this code cannot work with: an older one, or one with migrations of a newer version that say that
 * they break older code.
 * @throws schema_mismatch
 */
export async function requireMigrated(
  connection: Connection,
  migrations: readonly Migration[],
  options: Pick<MigrateOptions, "schema"> = {},
): Promise<void> {
  const status = await migrationStatus(connection, migrations, options);
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
export async function requireWritable(connection: Connection): Promise<void> {
  const [row] = await guarded(connection, () =>
    connection.query("select current_setting('transaction_read_only') = 'on' as is_read_only"),
  );
  if (isTrue(row?.[0])) throw new UnavailableError(readOnly);
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
