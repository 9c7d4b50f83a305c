/**
 * A second wall inside the database: with these policies a statement that does not say whose it is sees no chat at all,
 * whoever wrote it. The store says so when it is made with `rowLevelSecurity`.
 * @see https://www.postgresql.org/docs/current/ddl-rowsecurity.html
 */
import { getTableName, type SQL, sql } from "drizzle-orm";
import type { Chat, Database } from "./database.ts";
import { inTransaction, within } from "./database.ts";
import type { ChatModels, UserId } from "./models/chat.ts";

const policy = sql.identifier("chatkeep_owner");
/** What a policy asks once for each statement: whose it is, or whether it is the operator's. */
const isAllowed = sql`
  user_id::text = (select current_setting('chatkeep.user_id', true))
  or (select current_setting('chatkeep.operator', true)) = 'on'`;

/**
 * Puts the policies on the four tables, also for their owner. Superusers and roles with BYPASSRLS pass them all the same:
 * let the server connect as another role.
 */
export function enableRowLevelSecurity(db: Database, models: ChatModels): Promise<void> {
  return onEachTable(db, models, (table) => [
    sql`alter table ${table} enable row level security`,
    sql`alter table ${table} force row level security`,
    sql`drop policy if exists ${policy} on ${table}`,
    sql`create policy ${policy} on ${table} using (${isAllowed})`,
  ]);
}

/** Takes them away again. */
export function disableRowLevelSecurity(db: Database, models: ChatModels): Promise<void> {
  return onEachTable(db, models, (table) => [
    sql`drop policy if exists ${policy} on ${table}`,
    sql`alter table ${table} no force row level security`,
    sql`alter table ${table} disable row level security`,
  ]);
}

/** Whether the policies are on. */
export async function hasRowLevelSecurity(db: Database, { conversation }: ChatModels): Promise<boolean> {
  const rows = await db
    .select({ isOn: sql<boolean>`relrowsecurity` })
    .from(sql`pg_class`)
    .where(sql`oid = to_regclass(${`"${getTableName(conversation)}"`})`);
  return rows[0]?.isOn ?? false;
}

/** Runs `work` in a transaction that says whose it is. */
export function asOwner<Result>(chat: Chat, ownerId: UserId, work: (chat: Chat) => Promise<Result>): Promise<Result> {
  return inTransaction(chat.db, async (tx) => {
    await tx.execute(sql`select set_config('chatkeep.user_id', ${String(ownerId)}, true)`);
    return await work(within(chat, tx));
  });
}

/** Runs `work` in a transaction that passes over the owners: for the operator's own work, never for a request. */
export function asOperator<Result>(db: Database, work: (tx: Database) => Promise<Result>): Promise<Result> {
  return inTransaction(db, async (tx) => {
    await tx.execute(sql`select set_config('chatkeep.operator', 'on', true)`);
    return await work(tx).finally(() => tx.execute(sql`select set_config('chatkeep.operator', 'off', true)`));
  });
}

function onEachTable(db: Database, models: ChatModels, statements: (table: SQL) => SQL[]): Promise<void> {
  return inTransaction(db, async (tx) => {
    for (const model of Object.values(models)) {
      for (const statement of statements(sql`${model}`)) await tx.execute(statement);
    }
  });
}
