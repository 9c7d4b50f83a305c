/** The migrations of the chat tables, for a host that has a user table of its own. */
import { type AnyPgColumn, getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import type { Migration } from "../migrate.ts";
import { chatMigrationTemplates } from "./chat-migrations.generated.ts";

/**
 * What `migrate` needs to make chatkeep's tables beside the table of this user id column, with real foreign keys to it.
 * A host that runs drizzle-kit can leave this out, and put the tables of `chatModels` into its own schema.
 */
export function chatMigrations(userId: AnyPgColumn): Migration[] {
  if (typeof (userId as Partial<AnyPgColumn> | undefined)?.getSQLType !== "function") {
    throw new TypeError("chatMigrations needs the id column of the user table, such as user.id.");
  }
  const { name, schema } = getTableConfig(userId.table as PgTable);
  const table = schema ? `"${schema}"."${name}"` : `"${name}"`;
  const type = userId
    .getSQLType()
    .replace(/^bigserial$/, "bigint")
    .replace(/^serial$/, "integer");
  return chatMigrationTemplates.map((template) => ({
    name: template.name,
    sql: template.sql.replaceAll("{{user id type}}", type).replaceAll("{{user id}}", `${table}("${userId.name}")`),
  }));
}
