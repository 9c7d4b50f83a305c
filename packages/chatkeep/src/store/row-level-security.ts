/**
 * A second wall inside the database: with these policies a statement that does not say whose it is sees no chat at all,
 * whoever wrote it. The store says so when it is made with `rowLevelSecurity`.
 * @see https://www.postgresql.org/docs/current/ddl-rowsecurity.html
 */

import { isTrue } from "../sql/columns.ts";
import type { Connection } from "../sql/connection.ts";
import { inTransaction } from "./context.ts";
import { type ChatTables, tableNames, tablesOf } from "./tables/tables.ts";
import { asEverybody, asNobody, isAllowed } from "./wall.ts";

const policy = '"chatkeep_owner"';
/**
 * Puts the policies on the tables, also for their owner. Superusers and roles with BYPASSRLS pass them all the same:
 * let the server connect as another role.
 */
export function enableRowLevelSecurity(connection: Connection, tables: ChatTables): Promise<void> {
  return onEachTable(connection, tables, (table) => [
    `alter table ${table} enable row level security`,
    `alter table ${table} force row level security`,
    `drop policy if exists ${policy} on ${table}`,
    `create policy ${policy} on ${table} using (${isAllowed})`,
  ]);
}

/** Takes the policies away from the tables again. */
export function disableRowLevelSecurity(connection: Connection, tables: ChatTables): Promise<void> {
  return onEachTable(connection, tables, (table) => [
    `drop policy if exists ${policy} on ${table}`,
    `alter table ${table} no force row level security`,
    `alter table ${table} disable row level security`,
  ]);
}

/** Whether the policies of `enableRowLevelSecurity` are on. */
export async function hasRowLevelSecurity(connection: Connection, tables: ChatTables): Promise<boolean> {
  const [row] = await connection.query(
    "select relrowsecurity as is_on from pg_class where oid = to_regclass($1::text)",
    [nameOf(tables, "conversation")],
  );
  return isTrue(row?.[0]);
}

/** Whether the policies hold for the role of this connection: they do for no superuser, and for nobody with BYPASSRLS. */
export async function passesPolicies(connection: Connection): Promise<boolean> {
  const [row] = await connection.query(
    "select rolsuper or rolbypassrls as passes from pg_roles where rolname = current_user",
  );
  return isTrue(row?.[0]);
}

/** Runs `work` in a transaction that passes over the owners: for the operator's own work, never for a request. */
export function asOperator<Result>(
  connection: Connection,
  work: (inside: Connection) => Promise<Result>,
): Promise<Result> {
  return inTransaction(connection, async (inside) => {
    await inside.query(asEverybody);
    const result = await work(inside);
    // Inside a transaction of the host's it would go on; where `work` failed that is rolled back with it.
    await inside.query(asNobody);
    return result;
  });
}

function nameOf(tables: ChatTables, key: keyof typeof tableNames): string {
  return tablesOf(tables)[key].pieces.join("");
}

function onEachTable(
  connection: Connection,
  tables: ChatTables,
  statements: (table: string) => string[],
): Promise<void> {
  return inTransaction(connection, async (inside) => {
    for (const key of Object.keys(tableNames) as (keyof typeof tableNames)[]) {
      for (const statement of statements(nameOf(tables, key))) await inside.query(statement);
    }
  });
}
