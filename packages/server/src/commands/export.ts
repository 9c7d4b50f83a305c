/** chatkeep export: everything of one user, as JSON lines: the user, then tasks, then each conversation before its messages. */
import type { Database, UserStore } from "chatkeep";
import type { DatabaseConfig } from "../config.ts";
import { openExistingDatabase, openStore } from "../database.ts";
import { listTasks } from "../tasks.ts";
import { userByEmail } from "./people.ts";

export type ExportedRecord = { type: "user" | "task" | "conversation" | "message" } & Record<string, unknown>;

const pageSize = 100;

/** Writes each record as a line. @throws invalid_input when nobody has signed up with the address */
export async function exportUser(
  database: DatabaseConfig,
  email: string,
  write: (line: string) => Promise<void>,
): Promise<void> {
  await using connection = await openExistingDatabase(database);
  for await (const record of exported(connection.db, email)) await write(`${JSON.stringify(record)}\n`);
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
