/** The migrations of the chat tables, for a host that has a user table of its own. */
import { quote } from "../../sql/sql.ts";
import type { Migration } from "../migration.ts";
import { chatMigrationTemplates } from "./chat-migrations.generated.ts";
import type { ChatTables } from "./tables.ts";

/**
 * What `migrate` needs to make chatkeep's tables beside the host's user table, with real foreign keys to it; for tables in a
 * schema of their own, `migrate` needs that `schema` too. A host that runs drizzle-kit can leave this out, and put the tables
 * of `chatModels` into its own schema: they are the same, with the same names.
 * @throws TypeError for what is no tables
 */
export function chatMigrations(tables: ChatTables): Migration[] {
  const { attachment } = (tables ?? {}) as Partial<ChatTables>;
  if (!attachment) {
    throw new TypeError("chatMigrations needs the tables that chatTables makes, or with Drizzle chatModels.");
  }
  const { schema, user, userType } = attachment;
  const inSchema = schema === undefined ? "" : `${quote(schema)}.`;
  const userTable = user && `${user.schema ? `${quote(user.schema)}.` : ""}${quote(user.table)}(${quote(user.column)})`;
  return chatMigrationTemplates.map(({ name, sql }) => ({
    name,
    sql: statementsIn(sql)
      .filter((statement) => userTable || !statement.includes("{{user id}}"))
      .map((statement) =>
        statement
          .replaceAll("{{user id type}}", userType)
          .replaceAll("{{user id}}", userTable ?? "")
          .replaceAll("{{schema}}", inSchema),
      )
      .join(breakpoint),
  }));
}

const breakpoint = "--> statement-breakpoint";

function statementsIn(sql: string): string[] {
  return sql.split(breakpoint);
}
