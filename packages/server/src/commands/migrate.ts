/** chatkeep migrate: brings the database to this code's schema; safe when many start it at once. */
import { migrate } from "chatkeep";
import type { DatabaseConfig } from "../config.ts";
import { openDatabase } from "../database.ts";
import { migrations } from "../migrations.generated.ts";

/** The names of the migrations that were applied now. */
export async function migrateDatabase(database: DatabaseConfig): Promise<string[]> {
  await using connection = await openDatabase(database);
  return await migrate(connection.db, migrations);
}
