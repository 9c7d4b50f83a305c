/** Rows that get another owner, where owners are on different nodes of a cluster: written anew there. What was here is removed after it. */
import { join, raw, type Sql, sql, type Values } from "../sql/sql.ts";
import { type Context, prepared } from "./context.ts";

export interface Copy {
  /** Of the statement. */
  name: string;
  table: Sql;
  /** What is another value in the new row, by its column; `t` is the old one. */
  changed: Record<string, Sql>;
  /** What follows `from table t`. */
  which: Sql;
}

/** All columns that the table has in the database, also those of a newer version. */
export async function copyRows(context: Context, { name, table, changed, which }: Copy, values: Values): Promise<void> {
  const found = await context.connection.query(
    `select quote_ident(attname) from pg_attribute
    where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table.pieces.join("")],
  );
  const columns = found.map(([column]) => String(column));
  const build = () => sql`
    insert into ${table} (${raw(columns.join(", "))})
    select ${join(columns.map((column) => changed[column] ?? raw(`t.${column}`)))}
    from ${table} t ${which}
    returning 1`;
  await prepared(context, name, build, () => undefined).execute(values);
}
