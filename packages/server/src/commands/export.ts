/** chatkeep export: everything of one user, as JSON lines: the user, then tasks, then each conversation before its messages. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ChatkeepError, type Database, InvalidInputError, requireMigrated, type UserStore } from "chatkeep";
import type { DatabaseConfig } from "../config.ts";
import { openExistingDatabase, openStore } from "../database.ts";
import { migrations } from "../migrations.generated.ts";
import { listTasks } from "../tasks.ts";
import { userByEmail } from "./people.ts";

export type ExportedRecord = { type: "user" | "task" | "conversation" | "message" } & Record<string, unknown>;

const pageSize = 100;

/**
 * Writes everything to a file, or to standard output. The file is there when all of it is, and not before.
 * @throws invalid_input when nobody has signed up with the address, or the file cannot be written
 */
export async function exportUser(database: DatabaseConfig, email: string, file?: string): Promise<void> {
  await using connection = await openExistingDatabase(database);
  await requireMigrated(connection.db, migrations);
  const lines = Readable.from(linesOf(connection.db, email));
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

async function* linesOf(db: Database, email: string): AsyncGenerator<string> {
  for await (const record of exported(db, email)) yield `${JSON.stringify(record)}\n`;
}

/** Page by page, so that it takes no more memory for a long history than for a short one. */
export async function* exported(db: Database, email: string): AsyncGenerator<ExportedRecord> {
  const { id, name, createdAt } = await userByEmail(db, email);
  yield { type: "user", id, name, email, createdAt };
  let cursor: string | undefined;
  do {
    const page = await listTasks(db, id, { limit: pageSize, ...(cursor && { cursor }) });
    for (const task of page.items) yield { type: "task", ...task };
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  const mine = (await openStore(db)).forUser(id);
  do {
    const page = await mine.conversations.list({ limit: pageSize, cursor });
    for (const conversation of page.items) {
      yield { type: "conversation", ...conversation };
      yield* messagesOf(mine, conversation.id);
    }
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
}

async function* messagesOf(mine: UserStore, conversationId: string): AsyncGenerator<ExportedRecord> {
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page: Awaited<ReturnType<typeof mine.messages.list>> = await mine.messages.list(conversationId, {
      after,
      limit: pageSize,
    });
    for (const message of page.items) yield { type: "message", ...message };
    after = page.nextCursor ? Number(page.nextCursor) : undefined;
  }
}
