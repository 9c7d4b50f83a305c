/** chatkeep migrate: brings the database to this code's schema; safe when many start it at once. */
import {
  disableRowLevelSecurity,
  enableRowLevelSecurity,
  hasRowLevelSecurity,
  type MigrateOptions,
  migrate,
} from "chatkeep";
import type { DatabaseConfig } from "../config.ts";
import { openDatabase } from "../database.ts";
import { migrations } from "../migrations.generated.ts";
import { models } from "../models/index.ts";

/** The names of the migrations that were applied now. `rowLevelSecurity` switches the policies; left out, they stay. */
export async function migrateDatabase(
  database: DatabaseConfig,
  rowLevelSecurity?: "on" | "off",
  options: MigrateOptions = {},
): Promise<string[]> {
  await using connection = await openDatabase(database);
  const applied = await migrate(connection, migrations, options);
  // Tables that are new have the policies that the others have.
  const isGrown = applied.length > 0 && rowLevelSecurity === undefined;
  const stays = isGrown && (await hasRowLevelSecurity(connection, models));
  if (rowLevelSecurity === "on" || stays) await enableRowLevelSecurity(connection, models);
  if (rowLevelSecurity === "off") await disableRowLevelSecurity(connection, models);
  return applied;
}
