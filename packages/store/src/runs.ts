/**
 * The life of a reply: a run begins with its question and a draft of the reply, holds a lease while the model speaks,
 * and ends by writing the reply once. A run whose lease has run out can write nothing more.
 */
import { and, eq, sql } from "drizzle-orm";
import { type Chat, inTransaction, prepared } from "./database.ts";
import { ConflictError, NotFoundError } from "./errors.ts";
import { parse } from "./input.ts";
import { body } from "./messages/outgoing.ts";
import type { Part, Run, RunStatus, UserId } from "./models/chat.ts";
import { idSchema } from "./models/schemas.ts";
import { isUniqueViolation } from "./sqlstate.ts";

/** A run without a heartbeat for this long is over: its server has died, or cannot reach the database. */
export const runLeaseMs = 15_000;

export interface NewRun {
  conversationId: string;
  /** The draft message that the run writes. */
  messageId: string;
  /** The process that generates, for people who read logs. */
  server: string;
  model?: string | undefined;
}

/** What a run ends with. */
export interface RunEnd {
  status: Exclude<RunStatus, "running">;
  parts: Part[];
  /** A code, and a sentence for the reader, when it failed. */
  errorCode?: string | undefined;
  error?: string | undefined;
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
}

/** Names a run and the lease that it was begun with. */
export type RunKey = Pick<Run, "id" | "epoch">;

/**
 * Begins a run, and ends one of the same conversation whose lease is over. Call it in the transaction that stores the draft.
 * @throws conflict with `details.runId` while another run of the conversation is running
 */
export function beginRun(chat: Chat, ownerId: UserId, input: NewRun): Promise<RunKey> {
  const { run } = chat.models;
  return inTransaction(chat.db, async (tx) => {
    const through = { ...chat, db: tx, statements: new Map<string, unknown>() };
    await endRuns(through, sql`user_id = ${ownerId} and conversation_id = ${input.conversationId} and ${isOver}`);
    const running = await findRunningRun(through, ownerId, input.conversationId);
    if (running) throw isRunning(running.id);
    try {
      const [begun] = await tx.transaction((nested) =>
        nested
          .insert(run)
          .values({
            conversationId: input.conversationId,
            userId: ownerId,
            messageId: input.messageId,
            server: input.server,
            model: input.model ?? null,
          })
          .returning({ id: run.id, epoch: run.epoch }),
      );
      return begun as RunKey;
    } catch (error) {
      if (isUniqueViolation(error)) throw isRunning(undefined);
      throw error;
    }
  });
}

/** Keeps the lease. `false`: the run is over, or its conversation is gone; stop the model. `stop`: the user asks for that. */
export async function beatRun(chat: Chat, ownerId: UserId, key: RunKey): Promise<{ alive: boolean; stop: boolean }> {
  const { run } = chat.models;
  const [row] = await chat.db
    .update(run)
    .set({ heartbeatAt: sql`clock_timestamp()` })
    .where(holds(chat, ownerId, key))
    .returning({ stopRequestedAt: run.stopRequestedAt });
  return { alive: row !== undefined, stop: Boolean(row?.stopRequestedAt) };
}

/** Ends a run and writes its reply, in one statement. `false` when the run was over already: then nothing is written. */
export async function endRun(chat: Chat, ownerId: UserId, key: RunKey, end: RunEnd): Promise<boolean> {
  const { content, parts } = body({ content: undefined, parts: end.parts });
  const rows = await endStatement(chat).execute({
    ownerId,
    runId: key.id,
    epoch: key.epoch,
    status: end.status,
    messageStatus: end.status === "completed" ? "complete" : end.status,
    errorCode: end.errorCode ?? null,
    error: end.error ?? null,
    inputTokens: end.inputTokens ?? null,
    outputTokens: end.outputTokens ?? null,
    content,
    parts,
  });
  return rows.length > 0;
}

/** The run that is running in a conversation, or `undefined`. */
export async function findRunningRun(chat: Chat, ownerId: UserId, conversationId: string): Promise<Run | undefined> {
  const { run } = chat.models;
  const id = parse(idSchema, conversationId, "conversationId");
  const [row] = await chat.db
    .select()
    .from(run)
    .where(and(eq(run.userId, ownerId), eq(run.conversationId, id), eq(run.status, "running")));
  if (!row) return undefined;
  const { userId: _, ...found } = row;
  return found;
}

/**
 * Asks for the running reply of a conversation to stop; whichever server generates it sees that within a second.
 * @throws not_found when the conversation is not the owner's; no error when nothing is running
 */
export async function stopRun(chat: Chat, ownerId: UserId, conversationId: string): Promise<void> {
  const { run, conversation } = chat.models;
  const id = parse(idSchema, conversationId, "conversationId");
  const [found] = await chat.db
    .select({ id: conversation.id })
    .from(conversation)
    .where(and(eq(conversation.userId, ownerId), eq(conversation.id, id)));
  if (!found) throw new NotFoundError("conversation", id);
  await chat.db
    .update(run)
    .set({ stopRequestedAt: sql`coalesce(${run.stopRequestedAt}, clock_timestamp())` })
    .where(and(eq(run.userId, ownerId), eq(run.conversationId, id), eq(run.status, "running")));
}

/** Ends the runs of all users whose servers have died: `"expired"` by their lease, `"all"` when no other process can be alive. Gives their number. */
export function interruptRuns(chat: Chat, which: "expired" | "all"): Promise<number> {
  return endRuns(chat, which === "all" ? sql`true` : isOver);
}

const isOver = sql`heartbeat_at < clock_timestamp() - make_interval(secs => ${runLeaseMs / 1000})`;

function isRunning(runId: string | undefined): ConflictError {
  const extras = runId ? { details: { runId } } : {};
  return new ConflictError("A reply is being written in this conversation: wait for it, or stop it first.", extras);
}

async function endRuns({ db, models: { run, message } }: Chat, which: ReturnType<typeof sql>): Promise<number> {
  const ended = db.$with("ended", {}).as(sql`
    update ${run}
    set status = 'interrupted', finished_at = clock_timestamp(), epoch = epoch + 1
    where status = 'running' and ${which}
    returning id, user_id, message_id`);
  const marked = db.$with("marked", {}).as(sql`
    update ${message} m
    set status = 'interrupted'
    from ended
    where m.user_id = ended.user_id and m.id = ended.message_id and m.status = 'streaming'`);
  const rows = await db.with(ended, marked).select({ id: sql<string>`ended.id` }).from(sql`ended`);
  return rows.length;
}

function holds({ models: { run } }: Chat, ownerId: UserId, { id, epoch }: RunKey) {
  return and(eq(run.userId, ownerId), eq(run.id, id), eq(run.epoch, epoch), eq(run.status, "running"));
}

function endStatement(chat: Chat) {
  return prepared(chat, "end_run", () => {
    const { db, models } = chat;
    const ended = db.$with("ended", {}).as(sql`
      update ${models.run}
      set status = ${sql.placeholder("status")}::text, finished_at = clock_timestamp(),
        error_code = ${sql.placeholder("errorCode")}::text, error = ${sql.placeholder("error")}::text,
        input_tokens = ${sql.placeholder("inputTokens")}::bigint, output_tokens = ${sql.placeholder("outputTokens")}::bigint
      where user_id = ${sql.placeholder("ownerId")} and id = ${sql.placeholder("runId")}::uuid
        and epoch = ${sql.placeholder("epoch")}::int and status = 'running'
      returning user_id, conversation_id, message_id`);
    const written = db.$with("written", {}).as(sql`
      update ${models.message} m
      set content = ${sql.placeholder("content")}::text, parts = ${sql.placeholder("parts")}::json,
        status = ${sql.placeholder("messageStatus")}::text
      from ended
      where m.user_id = ended.user_id and m.id = ended.message_id
      returning m.id`);
    const touched = db.$with("touched", {}).as(sql`
      update ${models.conversation} c
      set updated_at = greatest(c.updated_at, clock_timestamp())
      from ended
      where c.user_id = ended.user_id and c.id = ended.conversation_id`);
    return db.with(ended, written, touched).select({ id: sql<string>`written.id` }).from(sql`written`);
  });
}
