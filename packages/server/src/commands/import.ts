/** chatkeep import: conversations of a file or a folder, for one user. Importing again brings in what is missing. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { type Connection, createNotifier, InvalidInputError, migrate, requireMigrated } from "chatkeep";
import type { DatabaseConfig } from "../config.ts";
import { type OpenDatabase, openExistingDatabase, openStore } from "../database.ts";
import { createLog } from "../log.ts";
import { migrations } from "../migrations.generated.ts";
import { importConversations, type ProductReport } from "../transfer/conversations.ts";
import { formatOf, type ImportReport, importLines } from "../transfer/import.ts";
import { linesOf } from "../transfer/lines.ts";
import { sizeOf, valuesOf } from "../transfer/values.ts";
import { userByEmail } from "./people.ts";

/** Of an export that is larger, memory counts for more than time. */
const largeBytes = 512 * 1024 * 1024;

export interface ImportOptions {
  /** Without one, the file is a product's export, and known by its shape. */
  format?: string | undefined;
  file: string;
  user: string;
  /** Told from time to time, with the bytes that were read and their total. */
  onProgress?: (bytes: number, total: number) => void;
}

/** @throws invalid_input when the format, the file or the user is not there; a line that is wrong is reported, and the others go on */
export async function importFile(
  database: DatabaseConfig,
  options: ImportOptions,
): Promise<ImportReport | ProductReport> {
  const total = await totalOf(options);
  // Garbage is collected when the heap has grown by this much, not when it has doubled; and what is new gets no more room.
  if (total > largeBytes) {
    setFlagsFromString("--heap-growing-percent=15");
    setFlagsFromString("--semi-space-growth-factor=1");
  }
  await using connection = await openExistingDatabase(database);
  if (connection.engine === "pglite") await migrate(connection, migrations);
  else await requireMigrated(connection, migrations);
  return await importInto(connection, options, total);
}

export async function importInto(
  database: Pick<OpenDatabase, keyof Connection | "db">,
  options: ImportOptions & { format: string },
  total: number,
): Promise<ImportReport>;
export async function importInto(
  database: Pick<OpenDatabase, keyof Connection | "db">,
  options: ImportOptions,
  total: number,
): Promise<ImportReport | ProductReport>;
export async function importInto(
  database: Pick<OpenDatabase, keyof Connection | "db">,
  options: ImportOptions,
  total: number,
): Promise<ImportReport | ProductReport> {
  const { format } = options;
  if (format !== undefined) formatOf(format);
  const { id: userId } = await userByEmail(database.db, options.user);
  const store = await openStore(database);
  const notifier = createNotifier({ connection: database, log: createLog("silent") });
  // Open pages of the servers on this database hear of what comes in.
  store.onChange(notifier.publish);
  const mine = store.forUser(userId);
  const report =
    format === undefined
      ? await importConversations(mine, userId, valuesOf(options.file, { onBytes: progressOf(options, total) }))
      : await importLines(mine, userId, format, linesOf(chunksOf(options, total)));
  // The planner would not know of so many rows for a while.
  if (report.messages > 1_000) await database.query("analyze");
  await notifier.flush();
  await notifier.close();
  return report;
}

function progressOf({ onProgress }: ImportOptions, total: number): (bytes: number) => void {
  let read = 0;
  return (bytes) => {
    read += bytes;
    onProgress?.(Math.min(read, total), total);
  };
}

async function* chunksOf(options: ImportOptions, total: number): AsyncGenerator<Uint8Array> {
  const told = progressOf(options, total);
  for await (const chunk of createReadStream(options.file) as AsyncIterable<Uint8Array>) {
    yield chunk;
    told(chunk.length);
  }
}

async function totalOf({ format, file }: ImportOptions): Promise<number> {
  if (format !== undefined) formatOf(format);
  const found = await stat(file).catch(() => undefined);
  const isThere = found?.isFile() || (format === undefined && found?.isDirectory());
  if (!isThere) throw new InvalidInputError(`There is no file ${file} that can be read.`);
  return await sizeOf(file);
}
