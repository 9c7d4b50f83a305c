/** Everything of one user: the user, then projects and tasks, then what its files are, then each conversation before its messages, and what was thought of these. */
import { setImmediate as pause } from "node:timers/promises";
import { limits, NotFoundError, type Store, type UserStore } from "chatkeep";
import type { Database } from "../database.ts";
import { conversationsWithFeedback, type Feedback, feedbackOf } from "../feedback.ts";
import type { User } from "../models/index.ts";
import { readPreferences } from "../preferences.ts";
import { listProjects } from "../projects.ts";
import { listTasks } from "../tasks.ts";

export type ExportedRecord = {
  type: "user" | "project" | "task" | "file" | "bytes" | "conversation" | "message" | "feedback" | "deleted";
} & Record<string, unknown>;

const pageSize = 100;

/**
 * Page by page, so that it takes no more memory for a long history than for a short one, and along keys that never change:
 * INVARIANT: what was there at the beginning and still is when it is read comes once, whatever is written meanwhile.
 */
export async function* exported(
  db: Database,
  store: Store,
  { id, name, email, createdAt }: Pick<User, "id" | "name" | "email" | "createdAt">,
): AsyncGenerator<ExportedRecord> {
  yield { type: "user", id, name, email, createdAt, ...(await readPreferences(db, id)) };
  for (const project of await listProjects(db, id)) yield { type: "project", ...project };
  let cursor: string | undefined;
  do {
    const page = await listTasks(db, id, { limit: pageSize, ...(cursor && { cursor }) });
    for (const task of page.items) yield { type: "task", ...task };
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  const mine = store.forUser(id);
  do {
    const page = await mine.files.list({ limit: pageSize, cursor, temporary: false });
    for (const { url: _, ...file } of page.items) yield { type: "file", ...file };
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  const withFeedback = await conversationsWithFeedback(db, id);
  do {
    const page = await mine.conversations.ids({ after: cursor });
    for (const conversationId of page.items) {
      const feedback = withFeedback.has(conversationId) ? () => feedbackOf(db, id, conversationId) : undefined;
      yield* conversationOf(mine, conversationId, feedback);
      // The embedded database answers in this process: without a pause nobody else would be served.
      await pause();
    }
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
}

/** One that is deleted meanwhile is left out, or says so after as much as was read. */
async function* conversationOf(
  mine: UserStore,
  conversationId: string,
  feedback?: () => Promise<Feedback[]>,
): AsyncGenerator<ExportedRecord> {
  const conversation = await mine.conversations.find(conversationId);
  if (!conversation) return;
  yield { type: "conversation", ...conversation };
  try {
    if (conversation.messageCount > 0) yield* messagesOf(mine, conversationId);
    for (const each of (await feedback?.()) ?? []) yield { type: "feedback", ...each };
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    yield { type: "deleted", conversationId };
  }
}

async function* messagesOf(mine: UserStore, conversationId: string): AsyncGenerator<ExportedRecord> {
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page: Awaited<ReturnType<typeof mine.messages.list>> = await mine.messages.list(conversationId, {
      after,
      limit: limits.messagePageSize,
    });
    for (const message of page.items) yield { type: "message", ...message };
    after = page.nextCursor ? Number(page.nextCursor) : undefined;
  }
}

/** For lines alone, without a ZIP: after each file that has bytes which did not come yet, these, 512 KiB on a line. */
export async function* withBytes(
  records: AsyncIterable<ExportedRecord>,
  mine: UserStore,
): AsyncGenerator<ExportedRecord> {
  const seen = new Set<unknown>();
  for await (const record of records) {
    yield record;
    if (record.type !== "file" || seen.has(record["hash"])) continue;
    seen.add(record["hash"]);
    try {
      for await (const piece of await mine.files.stream(String(record["id"]))) {
        yield { type: "bytes", hash: record["hash"], base64: Buffer.from(piece).toString("base64") };
      }
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      // Another with the same bytes may come.
      seen.delete(record["hash"]);
      yield { type: "deleted", fileId: record["id"] };
    }
  }
}
