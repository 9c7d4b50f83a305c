/** chatkeep doctor --erased: whether any row of any table still names what was removed for good. Reads only, all of every table. */
import { InvalidInputError } from "chatkeep";
import { asEverybody } from "chatkeep/internal";
import { sql } from "drizzle-orm";
import type { DatabaseConfig } from "../config.ts";
import { type Database, openExistingDatabase } from "../database.ts";

/** Where an id was looked for, and where it is. */
export interface Left {
  id: string;
  isErased: boolean;
  /** Tables that were read, with the columns in which an id can stand. */
  looked: Record<string, string[]>;
  /** Rows that name it, by table and column. */
  left: Record<string, number>;
  /** Rows of the search index whose message, or whose block, is gone: of nobody any more. */
  orphans: number;
}

/** @throws invalid_input for an id that is none, and where there is no database */
export async function findLeft(config: DatabaseConfig, id: string): Promise<Left> {
  if (id.trim() === "" || id.includes("\0")) throw new InvalidInputError("--erased needs the id that was removed.");
  await using connection = await openExistingDatabase(config);
  return await look(connection.db, id);
}

/** Of all users, where policies stand before them. */
export async function look(db: Database, id: string): Promise<Left> {
  return await db.transaction(
    async (tx) => {
      await tx.execute(sql.raw(asEverybody));
      const looked: Left["looked"] = {};
      const left: Left["left"] = {};
      for (const { table, column, isList } of await columns(tx)) {
        looked[table] = [...(looked[table] ?? []), column];
        const [name, rows] = [sql.identifier(column), sql.identifier(table)];
        // A UUID in capitals is the same one.
        const wanted = sql`lower(${id}::text)`;
        const isNamed = isList
          ? sql`${wanted} = any (lower(${name}::text)::text[])`
          : sql`octet_length(${name}::text) = octet_length(${id}::text) and lower(${name}::text) = ${wanted}`;
        const [found] = await read<{ count: number }>(
          tx,
          sql`select count(*)::int as count from ${rows} where ${isNamed}`,
        );
        if (found && found.count > 0) left[`${table}.${column}`] = found.count;
      }
      const [found] = await read<{ count: number }>(tx, orphaned);
      const orphans = found?.count ?? 0;
      return { id, isErased: Object.keys(left).length === 0 && orphans === 0, looked, left, orphans };
    },
    { isolationLevel: "repeatable read" },
  );
}

/** For people to read. */
export function leftInWords({ id, isErased, looked, left, orphans }: Left): string {
  const tables = Object.keys(looked).length;
  if (isErased) {
    return `Nothing of ${id} is left: no row of ${tables} tables names it, and no row of the search index is without an owner.`;
  }
  const places = Object.entries(left).map(([place, count]) => `  ${place}: ${count}`);
  const lost = orphans > 0 ? [`  rows of the search index that belong to nothing: ${orphans}`] : [];
  return [`Of ${id} there is still:`, ...places, ...lost].join("\n");
}

const orphaned = sql`
  select (
    (select count(*) from search_pending p
    where not exists (select from message m where m.user_id = p.user_id and m.id = p.message_id))
    + (select count(*) from search_words w
    where not exists (select from search_block b where b.user_id = w.user_id and b.id = w.block_id))
  )::int as count`;

/** Each column of each table in which an id can stand, those of a host's own tables too. */
async function columns(db: Database) {
  return await read<{ table: string; column: string; isList: boolean }>(
    db,
    sql`
    select c.table_name as "table", c.column_name as "column", c.data_type = 'ARRAY' as "isList"
    from information_schema.columns c
    join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
    where c.table_schema = current_schema() and t.table_type = 'BASE TABLE'
      and c.udt_name in ('uuid', 'text', 'varchar', '_uuid', '_text', '_varchar')
    order by c.table_name, c.ordinal_position`,
  );
}

async function read<Row>(db: Database, query: ReturnType<typeof sql>): Promise<Row[]> {
  const { rows } = (await db.execute(query)) as unknown as { rows: Row[] };
  return rows;
}
