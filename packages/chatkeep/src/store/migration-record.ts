/** The record of what was applied, in the table `chatkeep_migration`, and how a database stands to a list of migrations by it. */
import { createHash } from "node:crypto";
import { SchemaMismatchError, UnavailableError } from "../errors.ts";
import { isTrue } from "../sql/columns.ts";
import type { Connection } from "../sql/connection.ts";
import { quote } from "../sql/sql.ts";
import { readOnly } from "../sql/sqlstate.ts";
import { guarded } from "./context.ts";
import type { Migration } from "./migration.ts";

/** How a database stands to a list of migrations, by their names. */
export interface MigrationStatus {
  /** Applied already, in order. */
  applied: string[];
  /** In the list and not yet applied, or not to their end. */
  pending: string[];
  /** Of the pending, those that were begun: `migrate` goes on with them where they were left. */
  begun: string[];
  /** Applied by newer code than this, which still can work. */
  unknown: string[];
  /** Those of the unknown that this code cannot work with. */
  breaking: string[];
  /** Applied, and changed in the list since. */
  changed: string[];
}

/** Where the record is; the first schema of the `search_path` when left out. */
export interface RecordPlace {
  schema?: string | undefined;
}

/** How far a migration has come that was begun: how many of its statements are done, and where the batches of the next one are. */
export interface Progress {
  statements: number;
  position: string | null;
}

export const atStart: Progress = { statements: 0, position: null };

export function recordIn(schema: string | undefined): string {
  return schema === undefined ? "chatkeep_migration" : `${quote(schema)}.chatkeep_migration`;
}

/** Puts a schema, quoted as $1, before the others; for the transaction, or for the session. */
export function searchPath(isLocal: "true" | "false"): string {
  return `select set_config('search_path', $1::text || ', ' || current_setting('search_path'), ${isLocal}) as set`;
}

/** The statements that make the table. */
export function recordTable(schema: string | undefined): string {
  return `create table ${recordIn(schema)} (
  name text primary key, hash text not null, applied_at timestamptz not null default now(),
  breaking boolean not null default false, statements_done integer, batch_position text)`;
}

const laterColumns = [
  "breaking boolean not null default false",
  // Null when all are.
  "statements_done integer",
  "batch_position text",
];

/** Completes a record that an older version made. */
export function laterColumnsOf(schema: string | undefined): string {
  return `alter table ${recordIn(schema)} ${laterColumns.map((column) => `add column if not exists ${column}`).join(", ")}`;
}

/** Whether there is a record, and whether it has all columns: older versions made it with fewer. */
export async function readRecord(connection: Connection, schema: string | undefined) {
  const [row] = await connection.query(
    `select to_regclass($1::text) is not null as exists, (
      select count(*) from pg_attribute
      where attrelid = to_regclass($1::text) and attname in ('breaking', 'statements_done', 'batch_position')) = 3 as tells`,
    [recordIn(schema)],
  );
  return { exists: isTrue(row?.[0]), tells: isTrue(row?.[1]) };
}

/** Says how far a migration has come; `undefined` when that is its end. */
export async function writeProgress(
  connection: Connection,
  migration: Migration,
  progress: Progress | undefined,
  schema: string | undefined,
): Promise<void> {
  await connection.query(
    `insert into ${recordIn(schema)} (name, hash, breaking, statements_done, batch_position)
    values ($1::text, $2::text, $3::boolean, $4::integer, $5::text)
    on conflict (name) do update
      set applied_at = now(), statements_done = excluded.statements_done, batch_position = excluded.batch_position`,
    [
      migration.name,
      hashOf(migration.sql),
      isBreaking(migration),
      progress?.statements ?? null,
      progress?.position ?? null,
    ],
  );
}

export function isBreaking({ sql: text }: Migration): boolean {
  return /^\s*-- breaking\b/.test(text);
}

export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** How the database stands to a list of migrations; reads only. */
export function migrationStatus(
  connection: Connection,
  migrations: readonly Migration[],
  { schema }: RecordPlace = {},
): Promise<MigrationStatus> {
  return guarded(connection, async () => {
    const { exists } = await readRecord(connection, schema);
    return exists ? (await readStatus(connection, migrations, schema)).status : compare([], migrations);
  });
}

/** The same from a record that is there, and how far those have come that were begun. */
export async function readStatus(
  connection: Connection,
  migrations: readonly Migration[],
  schema: string | undefined,
): Promise<{ status: MigrationStatus; progress: ReadonlyMap<string, Progress> }> {
  const found = await connection.query(
    `select m.name, m.hash, coalesce((to_jsonb(m) ->> 'breaking')::boolean, false) as breaking,
      (to_jsonb(m) ->> 'statements_done')::integer as statements_done, to_jsonb(m) ->> 'batch_position' as batch_position
    from ${recordIn(schema)} m`,
  );
  const rows = found.map(([name, hash, breaking, statements, position]) => ({
    name: name as string,
    hash: hash as string,
    breaking: isTrue(breaking),
    progress: statements === null ? undefined : { statements: Number(statements), position: position as string | null },
  }));
  const progress = new Map(rows.flatMap((row) => (row.progress ? [[row.name, row.progress] as const] : [])));
  return { status: compare(rows, migrations), progress };
}

/**
 * Refuses a database that this code cannot work with: an older one, or one with migrations of a newer version that say that
 * they break older code.
 * @throws schema_mismatch
 */
export async function requireMigrated(
  connection: Connection,
  migrations: readonly Migration[],
  options: RecordPlace = {},
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
  progress: Progress | undefined;
}

function compare(rows: readonly Applied[], migrations: readonly Migration[]): MigrationStatus {
  const known = new Map(rows.map((row) => [row.name, row]));
  const names = new Set(migrations.map(({ name }) => name));
  const isWhole = (name: string) => known.has(name) && !known.get(name)?.progress;
  const unknown = rows.filter(({ name }) => !names.has(name));
  const namesOf = (some: readonly { name: string }[]) => some.map(({ name }) => name);
  return {
    applied: namesOf(migrations.filter(({ name }) => isWhole(name))),
    pending: namesOf(migrations.filter(({ name }) => !isWhole(name))),
    begun: namesOf(migrations.filter(({ name }) => known.get(name)?.progress)),
    unknown: namesOf(unknown),
    breaking: namesOf(unknown.filter(({ breaking }) => breaking)),
    changed: namesOf(
      migrations.filter(({ name, sql: text }) => known.has(name) && known.get(name)?.hash !== hashOf(text)),
    ),
  };
}

/** @throws schema_mismatch */
export function requireKnown({ breaking, changed }: MigrationStatus): void {
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
