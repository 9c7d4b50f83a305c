/** The application's own database: Kysely, its users, and its projects, each of which has a chat. */
import { chatMigrations, chatTables, migrate } from "chatkeep";
import { fromKysely } from "chatkeep/kysely";
import { type Generated, Kysely, PGliteDialect, PostgresDialect, sql } from "kysely";

export interface Database {
  users: { name: string };
  project: { id: Generated<number>; owner: string; name: string; conversation_id: string };
  /** chatkeep's: to read, and to join with. It is written by the store alone. */
  conversation: { id: string; user_id: string; title: string | null; message_count: number; updated_at: Date };
}

async function dialect() {
  const connectionString = process.env["DATABASE_URL"];
  if (connectionString) {
    const { Pool } = await import("pg");
    return new PostgresDialect({ pool: new Pool({ connectionString }) });
  }
  const { openPglite } = await import("chatkeep/pglite");
  return new PGliteDialect({ pglite: (await openPglite({ dataDir: ".chatkeep/database" })).client });
}

export const db = new Kysely<Database>({ dialect: await dialect() });
export const tables = chatTables({ user: { table: "users", column: "name", type: "text" } });

await db.schema
  .createTable("users")
  .ifNotExists()
  .addColumn("name", "text", (column) => column.primaryKey())
  .execute();
await migrate(fromKysely(db), chatMigrations(tables));
await db.schema
  .createTable("project")
  .ifNotExists()
  .addColumn("id", "integer", (column) => column.primaryKey().generatedAlwaysAsIdentity())
  .addColumn("owner", "text", (column) => column.notNull().references("users.name").onDelete("cascade"))
  .addColumn("name", "text", (column) => column.notNull())
  .addColumn("conversation_id", "uuid", (column) => column.notNull().references("conversation.id").onDelete("cascade"))
  .addUniqueConstraint("project_owner_name_key", ["owner", "name"])
  .addCheckConstraint("project_name_check", sql`char_length(name) between 1 and 100`)
  .execute();
