/** An index of a migration: built while others write, and built again where a build was broken off. */
import { isTrue } from "../sql/columns.ts";
import type { Connection } from "../sql/connection.ts";
import { buildOf, type Step } from "./migration.ts";

const lookEveryMs = 200;

/**
 * Builds it unless it is there. One that is not valid was left by a build that was broken off: it is dropped first, unless that
 * is still under way, as in a database whose client has died, and then waited for.
 * `concurrently` needs a connection that has no transaction.
 */
export async function buildIndex(
  step: Extract<Step, { kind: "index" }>,
  connection: Connection,
  concurrently: boolean,
): Promise<void> {
  for (;;) {
    const found = await look(connection, step);
    if (found?.isValid) return;
    if (!found) break;
    if (found.isUnderWay) {
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
      continue;
    }
    await connection.query(`drop index ${concurrently ? "concurrently " : ""}${found.name}`);
  }
  await connection.query(buildOf(step, concurrently));
}

async function look(connection: Connection, { index, table }: Extract<Step, { kind: "index" }>) {
  const [row] = await connection.query(
    `select i.indexrelid::regclass::text as name, i.indisvalid as is_valid, exists (
        select from pg_stat_progress_create_index p
        where p.datname = current_database() and p.relid = i.indrelid and p.pid <> pg_backend_pid()
      ) as is_under_way
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = to_regclass($1::text) and c.relname = $2::text`,
    [table, index],
  );
  return row && { name: row[0] as string, isValid: isTrue(row[1]), isUnderWay: isTrue(row[2]) };
}
