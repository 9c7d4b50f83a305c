/** chatkeep restore: an archive of chatkeep export, into this database; what is there already is left as it is. */
import { type Connection, createNotifier, InvalidInputError, migrate, requireMigrated } from "chatkeep";
import { eq } from "drizzle-orm";
import { z } from "zod";
import type { DatabaseConfig } from "../config.ts";
import { type Database, type OpenDatabase, openExistingDatabase, openStore } from "../database.ts";
import { createLog } from "../log.ts";
import { migrations } from "../migrations.generated.ts";
import { task, user } from "../models/index.ts";
import { openArchive } from "../transfer/archive.ts";

export interface RestoreReport {
  users: number;
  conversations: number;
  messages: number;
  /** Of conversations that were there: nothing of them was changed. */
  alreadyThere: number;
}

/** @throws invalid_input for what is no archive, or a damaged one: then nothing was brought in */
export async function restoreArchive(database: DatabaseConfig, file: string): Promise<RestoreReport> {
  await using connection = await openExistingDatabase(database);
  if (connection.engine === "pglite") await migrate(connection, migrations);
  else await requireMigrated(connection, migrations);
  return await restoreInto(connection, file);
}

type Restored = Parameters<Awaited<ReturnType<typeof openStore>>["system"]["restore"]>[1];

export async function restoreInto(
  database: Pick<OpenDatabase, keyof Connection | "db">,
  file: string,
): Promise<RestoreReport> {
  const archive = await openArchive(file);
  const store = await openStore(database);
  const notifier = createNotifier({ connection: database, log: createLog("silent") });
  store.onChange(notifier.publish);
  const report: RestoreReport = { users: 0, conversations: 0, messages: 0, alreadyThere: 0 };
  for await (const records of archive.files()) {
    let userId: string | undefined;
    let open: { conversation: Restored["conversation"]; messages: Restored["messages"] } | undefined;
    const close = async () => {
      if (!open || userId === undefined) return;
      const isNew = await store.system.restore(userId, open);
      if (isNew) report.conversations += 1;
      else report.alreadyThere += 1;
      if (isNew) report.messages += open.messages.length;
      open = undefined;
    };
    for await (const { type, ...record } of records) {
      if (type === "user") {
        userId = await restoreUser(database.db, record);
        report.users += 1;
      } else if (userId === undefined) {
        throw new InvalidInputError("A file of this archive does not begin with a user.");
      } else if (type === "task") {
        await restoreTask(database.db, userId, record);
      } else if (type === "conversation") {
        await close();
        open = { conversation: record as Restored["conversation"], messages: [] };
      } else if (type === "message") {
        open?.messages.push(record as Restored["messages"][number]);
      } else if (type === "deleted") {
        // It was deleted while it was exported: what had been read of it is not all of it.
        open = undefined;
      }
    }
    await close();
  }
  await notifier.flush();
  await notifier.close();
  await database.query("analyze");
  return report;
}

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const userSchema = z.object({ id: z.uuid(), name: z.string(), email: z.string(), createdAt: time });

/** Whoever has the address already keeps what they have; others get an account without a password. */
async function restoreUser(db: Database, record: unknown): Promise<string> {
  const { data } = userSchema.safeParse(record);
  if (!data) throw new InvalidInputError("A user of this archive has no id, name, email or createdAt.");
  await db.insert(user).values(data).onConflictDoNothing();
  const [found] = await db.select({ id: user.id }).from(user).where(eq(user.email, data.email));
  if (!found) throw new InvalidInputError(`The id ${data.id} is another user's in this database.`);
  return found.id;
}

const taskSchema = z.object({
  id: z.uuid(),
  title: z.string().min(1).max(200),
  description: z.string().nullable(),
  completed: z.boolean(),
  createdAt: time,
  updatedAt: time,
});

async function restoreTask(db: Database, userId: string, record: unknown): Promise<void> {
  const { data } = taskSchema.safeParse(record);
  if (!data) throw new InvalidInputError("A task of this archive is none.");
  await db
    .insert(task)
    .values({ ...data, userId })
    .onConflictDoNothing();
}
