/** chatkeep migrate: brings the database to this code's schema; safe when many start it at once. */
import { existsSync } from "node:fs";
import {
  type Connection,
  disableRowLevelSecurity,
  enableRowLevelSecurity,
  hasRowLevelSecurity,
  InvalidInputError,
  isDistributed,
  type MigrateOptions,
  migrate,
  type PlannedMigration,
  planMigrations,
} from "chatkeep";
import { passesPolicies } from "chatkeep/internal";
import { openPglite } from "chatkeep/pglite";
import type { DatabaseConfig } from "../config.ts";
import { openDatabase } from "../database.ts";
import { distribute } from "../distribute.ts";
import { migrations } from "../migrations.generated.ts";
import { models } from "../models/index.ts";

export interface Migrated {
  /** The names of the migrations that were applied now. */
  applied: string[];
  /** To what the policies were switched. */
  rowLevelSecurity?: "on" | "off";
  /** The tables are spread over a Citus cluster. */
  distributed?: true;
}

export interface MigrateSettings {
  /** Switches the policies. */
  rowLevelSecurity?: "on" | "off" | undefined;
  /** Spreads the tables over a Citus cluster, which stays so. */
  distributed?: boolean | undefined;
}

/**
 * Without `rowLevelSecurity` the policies stay as they are, and are switched on in a database that is new, where the role is one that
 * they hold for, and the tables are not distributed.
 * @throws invalid_input for both switches at once; where there is no Citus
 */
export async function migrateDatabase(
  database: DatabaseConfig,
  { rowLevelSecurity, distributed = false }: MigrateSettings = {},
  options: MigrateOptions = {},
): Promise<Migrated> {
  if (distributed && rowLevelSecurity === "on") throw new InvalidInputError(notBoth);
  await using connection = await openDatabase(database);
  // Of several that begin at once each sees that it is new, so that none returns before the policies are there.
  const preset = distributed ? undefined : await presetOf(connection);
  const applied = await migrate(connection, migrations, options);
  const wanted = rowLevelSecurity ?? preset;
  // As this version writes them, and on each table that is new.
  const stays = wanted === undefined && applied.length > 0 && (await hasRowLevelSecurity(connection, models));
  if (wanted === "on" || stays) await enableRowLevelSecurity(connection, models);
  if (wanted === "off") await disableRowLevelSecurity(connection, models);
  const isSpread = distributed || (await isDistributed(connection, models));
  if (isSpread) await distribute(connection);
  return { applied, ...(wanted && { rowLevelSecurity: wanted }), ...(isSpread && { distributed: true as const }) };
}

const notBoth =
  "Tables that are distributed cannot have row-level security: leave out one of --distributed and --row-level-security on.";

/** On in a database that has no chats yet, where that holds for the role. */
async function presetOf(connection: Connection): Promise<"on" | undefined> {
  const [row] = await connection.query("select to_regclass('conversation')::text");
  return row?.[0] || (await passesPolicies(connection)) ? undefined : "on";
}

/** What the same would do, and whether that is anything. */
export interface MigrationPlan {
  pending: PlannedMigration[];
  /** To what the policies would be switched. */
  rowLevelSecurity?: "on" | "off";
  /** The tables would be spread over the cluster. */
  distributed?: true;
}

/** Changes nothing; an embedded database that is not there yet is not made. @throws what `migrateDatabase` would refuse */
export async function planDatabase(
  database: DatabaseConfig,
  { rowLevelSecurity, distributed = false }: MigrateSettings = {},
): Promise<MigrationPlan> {
  if (distributed && rowLevelSecurity === "on") throw new InvalidInputError(notBoth);
  const isMissing = database.engine === "pglite" && !existsSync(database.dataDir);
  await using connection = isMissing ? await openPglite() : await openDatabase(database);
  const pending = await planMigrations(connection, migrations);
  const isOn = await hasRowLevelSecurity(connection, models);
  const wanted = rowLevelSecurity ?? (distributed ? undefined : await presetOf(connection));
  const isSwitched = wanted !== undefined && isOn !== (wanted === "on");
  const isSpread = distributed && !(await isDistributed(connection, models));
  return {
    pending,
    ...(isSwitched && { rowLevelSecurity: wanted }),
    ...(isSpread && { distributed: true as const }),
  };
}

export function planInWords({ pending, rowLevelSecurity, distributed }: MigrationPlan): string {
  const lines = pending.map(({ name, statements, done, indexes, backfills, breaking }) => {
    const apart = [
      done > 0 && `${done} done already`,
      indexes > 0 && `indexes that are built while others write: ${indexes}`,
      backfills > 0 && `backfills in batches: ${backfills}`,
      breaking && "older servers cannot work after it",
    ].filter(Boolean);
    return `  ${[`${name}: ${statements} statements`, ...apart].join(", ")}`;
  });
  if (rowLevelSecurity) lines.push(`  row-level security is switched ${rowLevelSecurity}`);
  if (distributed) lines.push("  the chats are spread over the nodes of the cluster");
  return lines.length > 0
    ? ["Nothing was changed. migrate would apply:", ...lines].join("\n")
    : "The database is up to date.";
}
