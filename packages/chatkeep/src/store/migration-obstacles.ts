/** What can be in the way of a migration, each with a sentence that says what to do about it. */
import { SchemaMismatchError } from "../errors.ts";
import { isTrue } from "../sql/columns.ts";
import type { Connection } from "../sql/connection.ts";
import { driverError } from "../sql/driver-error.ts";

const oldestMajor = 15;
const encoding = "UTF8";

/** Whether tables of ours can be made here, and hold every text. @throws schema_mismatch */
export async function requirePlace(connection: Connection): Promise<void> {
  const [row] = await connection.query(`
    select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding,
      current_schema()::text as schema, current_user::text as role,
      coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create`);
  if (!row) return;
  const [version, databaseEncoding, schema, role, mayCreate] = row;
  const major = Math.floor(Number(version) / 10_000);
  if (major < oldestMajor) {
    throw new SchemaMismatchError(
      `This is PostgreSQL ${major}, and chatkeep needs ${oldestMajor} or newer: upgrade it.`,
    );
  }
  if (databaseEncoding !== encoding) {
    throw new SchemaMismatchError(
      `This database keeps text as ${databaseEncoding}, which cannot hold every language: use one that was made with: create database … encoding '${encoding}' template template0.`,
    );
  }
  if (schema === null) {
    throw new SchemaMismatchError(
      `The search_path of ${role} names no schema that exists: set it, such as by: alter role ${role} set search_path = public.`,
    );
  }
  if (!isTrue(mayCreate)) {
    throw new SchemaMismatchError(
      `${role} may not make tables in the schema ${schema}: have its owner run: grant create on schema ${schema} to ${role}.`,
    );
  }
}

/** Another application's tables keep their names, and their rows. @throws schema_mismatch */
export async function requireFreeNames(connection: Connection, statements: readonly string[]): Promise<void> {
  const made = new Map(statements.flatMap(tablesIn));
  const rows = await connection.query(
    `select c.relname::text as name, (
        select json_agg(a.attname order by a.attnum)
        from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      )::text as columns
    from pg_class c
    where c.relnamespace = to_regnamespace(quote_ident(current_schema()))
      and c.relname in (select json_array_elements_text($1::text::json))`,
    [JSON.stringify([...made.keys()])],
  );
  const taken = rows.map(([name, columns]) => ({ name: name as string, columns: namesIn(columns) }));
  const [first] = taken;
  if (!first) return;
  const ours = made.get(first.name) ?? [];
  const foreign = first.columns.filter((column) => !ours.includes(column));
  const missing = ours.filter((column) => !first.columns.includes(column));
  const why = [
    foreign.length > 0 && `its columns ${foreign.join(", ")} are unknown here`,
    missing.length > 0 && `it has no ${missing.join(", ")}`,
  ].filter(Boolean);
  const names = taken.map(({ name }) => name).join(", ");
  throw new SchemaMismatchError(
    why.length > 0
      ? `The database has a table ${first.name} that is not chatkeep's (${why.join(", and ")}): rename it, or give chatkeep a schema of its own, as docs/deploy.md shows.`
      : `The database has tables like chatkeep's (${names}) that migrate did not make: if another tool keeps them, such as drizzle-kit, leave migrate out; else give chatkeep a schema of its own, as docs/deploy.md shows.`,
    { details: { tables: taken.map(({ name }) => name) } },
  );
}

/** `null` where a table has no column. */
function namesIn(columns: unknown): string[] {
  return typeof columns === "string" ? JSON.parse(columns) : ((columns as string[] | null) ?? []);
}

/** @throws schema_mismatch when the schema that was named is not there */
export async function requireSchema(connection: Connection, schema: string): Promise<void> {
  const [row] = await connection.query("select exists (select from pg_namespace where nspname = $1::text) as exists", [
    schema,
  ]);
  if (isTrue(row?.[0])) return;
  throw new SchemaMismatchError(
    `The database has no schema ${schema}: run create schema "${schema}" as a role that may, or name another.`,
  );
}

/** Tables that a migration makes, with their columns, as drizzle-kit writes them. */
function tablesIn(text: string): [table: string, columns: string[]][] {
  return [...text.matchAll(/^create table (?:if not exists )?"?(\w+)"?\s*\(([\s\S]*?)^\)/gim)].map(
    ([, name = "", body = ""]) => [name, [...body.matchAll(/^[ \t]*"(\w+)"/gm)].map(([, column = ""]) => column)],
  );
}

/** What to do, by SQLSTATE. */
const remedies: Record<string, string> = {
  "42P01": "make that table first, such as that of your users",
  "42703": "use the columns that are there",
  "42804": "give the id of your users the type that the model says",
  "42830": "make the id of your users its primary key, or unique",
  "42P07": "rename that, or give chatkeep a schema of its own, as docs/deploy.md shows",
  "42710": "rename that, or give chatkeep a schema of its own, as docs/deploy.md shows",
  "42501": "have its owner migrate, or grant the right",
  "23505": "remove what is there twice, then migrate again: it goes on there",
};

/** An error in a migration, in the words of the database: they name tables and columns, and there are no values in it. */
export function explainMigration(name: string, error: unknown): unknown {
  const cause = driverError(error) as { code?: unknown; message?: string };
  const remedy = typeof cause.code === "string" ? remedies[cause.code] : undefined;
  if (!remedy) return error;
  return new SchemaMismatchError(`The migration ${name} was not applied, because ${cause.message}: ${remedy}.`, {
    cause,
  });
}
