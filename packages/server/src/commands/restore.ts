/** chatkeep restore: an archive of chatkeep export, into this database; what is there already is left as it is. */
import {
  ChatkeepError,
  ConflictError,
  type Connection,
  createNotifier,
  InvalidInputError,
  migrate,
  requireMigrated,
  type Store,
} from "chatkeep";
import { instructionsSchema, modelSchema, requireRestorable } from "chatkeep/internal";
import { eq } from "drizzle-orm";
import { z } from "zod";
import type { DatabaseConfig } from "../config.ts";
import { type Database, type OpenDatabase, openExistingDatabase, openStore } from "../database.ts";
import { newFeedbackSchema, restoreFeedback } from "../feedback.ts";
import { createLog } from "../log.ts";
import { migrations } from "../migrations.generated.ts";
import { preference, task, user } from "../models/index.ts";
import { newProjectSchema, restoreProject } from "../projects.ts";
import { type CheckedArchive, openArchive } from "../transfer/archive.ts";

export interface RestoreReport {
  users: number;
  conversations: number;
  messages: number;
  files: number;
  /** Of conversations that were there: nothing of them was changed. */
  alreadyThere: number;
  /** What could not be brought back, because an id of it is in use for something else here, or it is in the trash here. */
  failed: { what: "user" | "file" | "conversation"; id: string; reason: string }[];
}

/** As the command says it: whatever could not be brought back is named. */
export function restoreInWords({ users, conversations, messages, files, alreadyThere, failed }: RestoreReport): string {
  return [
    `${users} users: ${conversations} conversations with ${messages} messages and ${files} files, ${alreadyThere} conversations were there.`,
    ...failed.map(({ what, id, reason }) => `The ${what} ${id} was not brought back: ${reason}`),
  ].join("\n");
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
  await requireRestorableAll(archive);
  const store = await openStore(database);
  const notifier = createNotifier({ connection: database, log: createLog("silent") });
  store.onChange(notifier.publish);
  const report: RestoreReport = { users: 0, conversations: 0, messages: 0, files: 0, alreadyThere: 0, failed: [] };
  const userIds = await restoreFiles(database.db, store, archive, report);
  let index = -1;
  for await (const records of archive.files()) {
    index += 1;
    const userId = userIds[index];
    if (userId === undefined) continue;
    for await (const item of itemsOf(records)) {
      if ("user" in item || "file" in item) continue;
      if ("project" in item) {
        await restoreProject(database.db, userId, item.project);
      } else if ("task" in item) {
        await restoreTask(database.db, userId, item.task);
      } else {
        const id = String(item.chat.conversation.id);
        const isNew = await unlessInUse(report, { what: "conversation", id }, () =>
          store.system.restore(userId, item.chat),
        );
        if (isNew) report.conversations += 1;
        else if (isNew === false) report.alreadyThere += 1;
        if (!isNew) continue;
        report.messages += item.chat.messages.length;
        await restoreFeedback(database.db, userId, id, item.feedback);
      }
    }
  }
  await notifier.flush();
  await notifier.close();
  await database.query("analyze");
  return report;
}

type RestoredFile = z.output<typeof restoredFileSchema>;

/** One that stands in the way of another here is named in the report, and keeps nobody else from coming back. */
async function unlessInUse<Result>(
  { failed }: RestoreReport,
  what: Omit<RestoreReport["failed"][number], "reason">,
  bringBack: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await bringBack();
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    failed.push({ ...what, reason: error.message });
    return undefined;
  }
}

/** Users, and their files, before the messages that name these; gives who they are here. */
async function restoreFiles(db: Database, store: Store, archive: CheckedArchive, report: RestoreReport) {
  const userIds: (string | undefined)[] = [];
  const files: RestoredFile[][] = [];
  for await (const records of archive.files()) {
    const mine: RestoredFile[] = [];
    for await (const item of itemsOf(records)) {
      if ("user" in item)
        userIds.push(await unlessInUse(report, { what: "user", id: item.user.id }, () => restoreUser(db, item.user)));
      else if ("file" in item) mine.push(item.file);
      else if ("chat" in item) break;
    }
    if (userIds.at(-1) !== undefined) report.users += 1;
    files.push(mine);
  }
  for await (const { user, hash, stream } of archive.attachments()) {
    const [first, ...others] = (files[user] ?? []).filter((file) => file.hash === hash);
    const userId = userIds[user];
    if (!first || userId === undefined) continue;
    const restore = async ({ hash: _, ...file }: RestoredFile, data: AsyncIterable<Uint8Array>) =>
      await unlessInUse(report, { what: "file", id: file.id }, () =>
        store.system.restoreFile(userId, { ...file, data }),
      );
    const isNew = await restore(first, stream);
    if (isNew) report.files += 1;
    for (const other of others) {
      const { id } = other;
      if (isNew === undefined) {
        report.failed.push({ what: "file", id, reason: `Its bytes came with the file ${first.id}.` });
        continue;
      }
      // Their bytes are there by now.
      if (await restore(other, await store.forUser(userId).files.stream(first.id))) report.files += 1;
    }
  }
  return userIds;
}

type Item =
  | { file: RestoredFile }
  | { user: z.output<typeof userSchema> }
  | { project: z.output<typeof projectSchema> }
  | { task: z.output<typeof taskSchema> }
  | { chat: { conversation: Restored["conversation"]; messages: Restored["messages"] }; feedback: RestoredFeedback[] };

/** Nobody's; ids that are derived from it are thrown away. */
const nobody = "00000000-0000-4000-8000-000000000000";

/** Nothing is brought in before all of it could be. @throws invalid_input, too_large */
async function requireRestorableAll(archive: CheckedArchive): Promise<void> {
  for await (const records of archive.files()) {
    for await (const item of itemsOf(records)) {
      if (!("chat" in item)) continue;
      try {
        requireRestorable(nobody, item.chat);
      } catch (error) {
        if (!(error instanceof ChatkeepError)) throw error;
        const { id } = item.chat.conversation;
        throw new InvalidInputError(
          `The conversation ${String(id)} of this archive cannot be restored, so nothing was brought in: ${error.message}`,
        );
      }
    }
  }
}

/** Conversations with their messages; one that was deleted while it was exported is not all there, and left out. */
async function* itemsOf(records: AsyncIterable<Record<string, unknown>>): AsyncGenerator<Item> {
  let open: Extract<Item, { chat: unknown }> | undefined;
  for await (const { type, ...record } of records) {
    if (type === "message") {
      open?.chat.messages.push(record as Restored["messages"][number]);
      continue;
    }
    if (type === "feedback") {
      open?.feedback.push(
        checked(restoredFeedbackSchema, record, "Feedback in this archive has no messageId or rating."),
      );
      continue;
    }
    if (open && type !== "deleted") yield open;
    const conversation = record as Restored["conversation"];
    open = type === "conversation" ? { chat: { conversation, messages: [] }, feedback: [] } : undefined;
    if (type === "user")
      yield { user: checked(userSchema, record, "A user of this archive has no id, name, email or createdAt.") };
    if (type === "file")
      yield { file: checked(restoredFileSchema, record, "A file of this archive has no id, name, mediaType or hash.") };
    if (type === "project")
      yield { project: checked(projectSchema, record, "A project of this archive has no id, name or createdAt.") };
    if (type === "task") yield { task: checked(taskSchema, record, "A task of this archive is none.") };
  }
  if (open) yield open;
}

function checked<Schema extends z.ZodType>(schema: Schema, record: unknown, sentence: string): z.output<Schema> {
  const { data, success } = schema.safeParse(record);
  if (success) return data;
  throw new InvalidInputError(sentence);
}

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const restoredFileSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    mediaType: z.string(),
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    createdAt: time,
  })
  .strip();
const userSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  email: z.string(),
  createdAt: time,
  instructions: instructionsSchema.nullable().default(null),
});

/** Whoever has the address already keeps what they have; others get an account without a password. */
async function restoreUser(db: Database, { instructions, ...data }: z.output<typeof userSchema>): Promise<string> {
  await db.insert(user).values(data).onConflictDoNothing();
  const [found] = await db.select({ id: user.id }).from(user).where(eq(user.email, data.email));
  if (!found) throw new ConflictError(`The id ${data.id} is another user's in this database.`);
  if (instructions !== null)
    await db.insert(preference).values({ userId: found.id, instructions }).onConflictDoNothing();
  return found.id;
}

const restoredFeedbackSchema = newFeedbackSchema
  .extend({ messageId: z.string(), createdAt: time, updatedAt: time })
  .strip();

type RestoredFeedback = z.output<typeof restoredFeedbackSchema>;

const projectSchema = newProjectSchema
  .extend({
    id: z.uuid(),
    instructions: instructionsSchema.nullable(),
    model: modelSchema.nullable(),
    createdAt: time,
    updatedAt: time,
  })
  .strip();

const taskSchema = z.object({
  id: z.uuid(),
  title: z.string().min(1).max(200),
  description: z.string().nullable(),
  completed: z.boolean(),
  createdAt: time,
  updatedAt: time,
});

async function restoreTask(db: Database, userId: string, data: z.output<typeof taskSchema>): Promise<void> {
  await db
    .insert(task)
    .values({ ...data, userId })
    .onConflictDoNothing();
}
