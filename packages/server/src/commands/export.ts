/** chatkeep export: everything of one user, as JSON lines: the user, then tasks, then each conversation before its messages. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ChatkeepError, InvalidInputError, requireMigrated } from "chatkeep";
import { eq } from "drizzle-orm";
import type { DatabaseConfig } from "../config.ts";
import { type OpenDatabase, openExistingDatabase, openStore } from "../database.ts";
import { migrations } from "../migrations.generated.ts";
import { user } from "../models/index.ts";
import { type BytesOf, writeArchive } from "../transfer/archive.ts";
import { exported, withBytes } from "../transfer/export.ts";
import type { LineFormat } from "../transfer/file-formats.ts";
import { conversationLines } from "../transfer/one-conversation.ts";
import { userByEmail } from "./people.ts";

/**
 * Writes everything to a file, or to standard output. The file is there when all of it is, and not before.
 * @throws invalid_input when nobody has signed up with the address, or the file cannot be written
 */
export async function exportUser(
  database: DatabaseConfig,
  email: string | undefined,
  { file, format }: { file?: string | undefined; format?: LineFormat | undefined } = {},
): Promise<void> {
  await using connection = await openExistingDatabase(database);
  await requireMigrated(connection, migrations);
  if (format) {
    if (email === undefined)
      throw new InvalidInputError(`An export as ${format} is one user's: give --user their address.`);
    const { id } = await userByEmail(connection.db, email);
    const store = await openStore(connection);
    return await write(Readable.from(conversationLines(store.forUser(id), format)), file);
  }
  const isArchive = file?.toLowerCase().endsWith(".zip");
  if (email === undefined && !isArchive) {
    throw new InvalidInputError("An export of all users is an archive: give --output a file that ends with .zip.");
  }
  const lines = isArchive
    ? writeArchive(usersOf(connection, email), await bytesIn(connection))
    : Readable.from(linesOf(connection, email ?? ""));
  await write(lines, file);
}

async function write(lines: AsyncIterable<string | Uint8Array>, file: string | undefined): Promise<void> {
  if (!file) {
    for await (const line of lines) if (!process.stdout.write(line)) await once(process.stdout, "drain");
    return;
  }
  const partial = `${file}.partial`;
  try {
    await pipeline(lines, createWriteStream(partial));
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    const { code } = error as { code?: string };
    if (error instanceof ChatkeepError || !code || !/^E[A-Z]+$/.test(code)) throw error;
    throw new InvalidInputError(`The file ${file} cannot be written (${code}): choose another.`, { cause: error });
  }
}

async function* usersOf(database: OpenDatabase, email: string | undefined) {
  const store = await openStore(database);
  const people =
    email === undefined
      ? await database.db.select().from(user).where(eq(user.isAnonymous, false)).orderBy(user.createdAt, user.id)
      : [await userByEmail(database.db, email)];
  for (const person of people) yield exported(database.db, store, person);
}

async function bytesIn(database: OpenDatabase): Promise<BytesOf> {
  const store = await openStore(database);
  return (userId, fileId) => store.forUser(userId).files.stream(fileId);
}

async function* linesOf(database: OpenDatabase, email: string): AsyncGenerator<string> {
  const person = await userByEmail(database.db, email);
  const store = await openStore(database);
  const records = withBytes(exported(database.db, store, person), store.forUser(person.id));
  for await (const record of records) yield `${JSON.stringify(record)}\n`;
}
