/** What `migrate` would do, for people who look at it before, or who run it by hand. */
import type { Connection } from "../sql/connection.ts";
import { quote, quoteText } from "../sql/sql.ts";
import { guarded } from "./context.ts";
import { buildOf, type Migration, type Step, stepsOf } from "./migration.ts";
import { requireFreeNames, requirePlace, requireSchema } from "./migration-obstacles.ts";
import {
  atStart,
  hashOf,
  isBreaking,
  laterColumnsOf,
  type RecordPlace,
  readRecord,
  readStatus,
  recordIn,
  recordTable,
  requireKnown,
  searchPath,
} from "./migration-record.ts";
import { asEverybody } from "./wall.ts";

/** A migration that is pending, by the count of its statements. */
export interface PlannedMigration {
  name: string;
  statements: number;
  /** Of them, those that a `migrate` that was broken off has done. */
  done: number;
  /** Of those that are left, indexes that are built concurrently. */
  indexes: number;
  /** Of those that are left, statements that run in batches. */
  backfills: number;
  /** Whether code of before cannot work with it. */
  breaking: boolean;
}

/** For which database a script is, and where its tables are. */
export interface MigrationScriptOptions extends RecordPlace {
  /** Only what is pending there; all of the migrations when left out. Reads only. */
  connection?: Connection | undefined;
}

/**
 * What `migrate` would apply to this database, in order; reads only.
 * @throws schema_mismatch when `migrate` would refuse it, as where another application has tables of these names
 */
export async function planMigrations(
  connection: Connection,
  migrations: readonly Migration[],
  { schema }: RecordPlace = {},
): Promise<PlannedMigration[]> {
  const { pending } = await pendingIn(connection, migrations, schema);
  return pending.map(({ migration, steps, left }) => ({
    name: migration.name,
    statements: steps.length,
    done: steps.length - left.length,
    indexes: left.filter(({ kind }) => kind === "index").length,
    backfills: left.filter(({ kind }) => kind === "batches").length,
    breaking: isBreaking(migration),
  }));
}

/**
 * The same as SQL that psql runs, record of migrations included: `migrate` finds nothing to do after it. It must not be run in a
 * transaction: it has its own.
 * @throws schema_mismatch as `planMigrations` does
 */
export async function migrationScript(
  migrations: readonly Migration[],
  { connection, schema }: MigrationScriptOptions = {},
): Promise<string> {
  const { pending, record } = connection
    ? await pendingIn(connection, migrations, schema)
    : { pending: migrations.map((migration) => whole(migration)), record: { exists: false, tells: false } };
  if (pending.length === 0) return "-- Nothing is pending.\n";
  const search =
    schema &&
    `select set_config('search_path', ${quoteText(`${quote(schema)}, `)} || current_setting('search_path'), false);`;
  const ofRecord = record.exists ? laterColumnsOf(schema) : recordTable(schema);
  return [
    "-- Stop at the first error (psql -v ON_ERROR_STOP=1), and run nothing else that migrates meanwhile.",
    search,
    !record.tells && `${ofRecord};`,
    ...parts(pending, schema),
    "",
  ]
    .filter((part) => typeof part === "string")
    .join("\n\n");
}

interface Pending {
  migration: Migration;
  steps: readonly Step[];
  left: readonly Step[];
}

function whole(migration: Migration, done = 0): Pending {
  const steps = stepsOf(migration);
  return { migration, steps, left: steps.slice(done) };
}

async function pendingIn(connection: Connection, migrations: readonly Migration[], schema: string | undefined) {
  return await guarded(connection, () =>
    connection.transaction(
      async (inside) => {
        if (schema !== undefined) {
          await requireSchema(inside, schema);
          await inside.query(searchPath("true"), [quote(schema)]);
        }
        const record = await readRecord(inside, schema);
        const found = record.exists ? await readStatus(inside, migrations, schema) : undefined;
        if (found) requireKnown(found.status);
        const pending = migrations
          .filter(({ name }) => found?.status.pending.includes(name) ?? true)
          .map((migration) => whole(migration, (found?.progress.get(migration.name) ?? atStart).statements));
        if (pending.length > 0) {
          await requirePlace(inside);
          await requireFreeNames(
            inside,
            pending.flatMap(({ left }) => left.map(({ text }) => text)),
          );
        }
        return { pending, record };
      },
      { accessMode: "read only" },
    ),
  );
}

/** Each transaction, and what stands between them. */
function parts(pending: readonly Pending[], schema: string | undefined): string[] {
  const made: string[] = [];
  let isOpen = false;
  const begin = () => {
    if (!isOpen) made.push("begin;");
    isOpen = true;
  };
  const commit = () => {
    if (isOpen) made.push("commit;");
    isOpen = false;
  };
  for (const { migration, left } of pending) {
    made.push(`-- ${migration.name}`);
    for (const step of left) {
      if (step.kind === "plain") begin();
      else commit();
      made.push(written(step));
    }
    begin();
    made.push(`insert into ${recordIn(schema)} (name, hash, breaking)
values (${quoteText(migration.name)}, ${quoteText(hashOf(migration.sql))}, ${isBreaking(migration)})
on conflict (name) do update set applied_at = now(), statements_done = null, batch_position = null;`);
  }
  commit();
  return made;
}

function written(step: Step): string {
  if (step.kind === "plain") return ended(step.text);
  if (step.kind === "index") return ended(buildOf(step, true));
  return `do $do$
declare place text;
begin
  loop
    perform ${asEverybody.slice("select ".length)};
    execute $batch$
${step.text.trim().replace(/;$/, "")}
    $batch$ into place using place;
    commit;
    exit when place is null;
  end loop;
end $do$;`;
}

function ended(text: string): string {
  return `${text.trim().replace(/;$/, "")};`;
}
