/** chatkeep adopt: what another product has kept in the same database. */
import { type Connection, createNotifier, migrate, requireMigrated } from "chatkeep";
import { type AdoptOptions, type AdoptReport, adopt } from "../adopt/adopt.ts";
import type { DatabaseConfig } from "../config.ts";
import { type OpenDatabase, openExistingDatabase, openStore } from "../database.ts";
import { createLog } from "../log.ts";
import { migrations } from "../migrations.generated.ts";
import { userByEmail } from "./people.ts";

export interface AdoptRequest extends Omit<AdoptOptions, "userId"> {
  /** Whose all conversations become. */
  user?: string | undefined;
}

/** @throws invalid_input when there are no such tables, or nobody has this address */
export async function adoptTables(database: DatabaseConfig, request: AdoptRequest): Promise<AdoptReport[]> {
  await using connection = await openExistingDatabase(database);
  if (connection.engine === "pglite") await migrate(connection, migrations);
  else await requireMigrated(connection, migrations);
  return await adoptInto(connection, request);
}

export async function adoptInto(
  database: Pick<OpenDatabase, keyof Connection | "db">,
  { user, ...options }: AdoptRequest,
): Promise<AdoptReport[]> {
  const userId = user === undefined ? undefined : (await userByEmail(database.db, user)).id;
  const store = await openStore(database);
  const notifier = createNotifier({ connection: database, log: createLog("silent") });
  store.onChange(notifier.publish);
  const reports = await adopt(database, store, { ...options, userId });
  if (reports.some(({ imported }) => imported > 1_000)) await database.query("analyze");
  await notifier.flush();
  await notifier.close();
  return reports;
}
