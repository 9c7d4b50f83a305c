/** The end of a run, which writes its reply once, and how to find one. The states of a run: docs/runs.md. */
import { and, eq, sql } from "drizzle-orm";
import { type Chat, prepared } from "../database.ts";
import { NotFoundError } from "../errors.ts";
import { parse } from "../input.ts";
import { body } from "../messages/outgoing.ts";
import type { ChatModels, FinishReason, Part, Run, RunStatus, UserId } from "../models/chat.ts";
import { idSchema, runEndSchema, runKeySchema } from "../models/schemas.ts";
import type { ChunkRow } from "./chunks.ts";

/** What a run ends with. */
export interface RunEnd {
  status: Exclude<RunStatus, "running">;
  parts: Part[];
  /** Why the model ended; `other` when left out, and `error` when the run failed. */
  finishReason?: FinishReason | undefined;
  /** What was streamed and is not stored yet. */
  chunks?: readonly ChunkRow[] | undefined;
  /** A code, and a sentence for the reader, when it failed. */
  errorCode?: string | undefined;
  error?: string | undefined;
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
}

/** Names a run and the lease that it was begun with. */
export type RunKey = Pick<Run, "id" | "epoch">;

/**
 * Ends a run and writes its reply, in one statement. `false` when the run was over already: then nothing is written.
 * INVARIANT: a run ends once, and its message is written by whoever ended it.
 * @throws invalid_input, too_large
 */
export async function endRun(chat: Chat, ownerId: UserId, key: RunKey, end: RunEnd): Promise<boolean> {
  const { id, epoch } = parse(runKeySchema, key, "key");
  const given = parse(runEndSchema, end, "end");
  const { content, parts } = body({ content: undefined, parts: given.parts });
  const chunks = given.chunks ?? [];
  const rows = await endStatement(chat).execute({
    ownerId,
    runId: id,
    epoch,
    status: given.status,
    messageStatus: given.status === "completed" ? "complete" : given.status,
    finishReason: given.status === "failed" ? "error" : (given.finishReason ?? "other"),
    errorCode: given.errorCode ?? null,
    error: given.error ?? null,
    inputTokens: given.inputTokens ?? null,
    outputTokens: given.outputTokens ?? null,
    content,
    parts,
    seqs: chunks.map(({ seq }) => seq),
    chunks: chunks.map(({ chunk }) => chunk),
  });
  const [ended] = rows;
  if (!ended) return false;
  chat.changed({ runId: id });
  chat.changed({ userId: ownerId, conversationId: ended.conversationId });
  return true;
}

/** The run that is running in a conversation, or `undefined`. */
export async function findRunningRun(chat: Chat, ownerId: UserId, conversationId: string): Promise<Run | undefined> {
  const { run } = chat.models;
  const id = parse(idSchema, conversationId, "conversationId");
  return await findOne(chat, and(eq(run.userId, ownerId), eq(run.conversationId, id), eq(run.status, "running")));
}

/** A run of a conversation, whatever its status, or `undefined`. */
export async function findRun(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  runId: string,
): Promise<Run | undefined> {
  const { run } = chat.models;
  const id = parse(idSchema, runId, "runId");
  const inside = parse(idSchema, conversationId, "conversationId");
  return await findOne(chat, and(eq(run.userId, ownerId), eq(run.conversationId, inside), eq(run.id, id)));
}

/**
 * Asks for the running reply of a conversation to stop; whichever server generates it sees that within a second.
 * Gives the id of that run, or `undefined` when nothing is running.
 * @throws not_found when the conversation is not the owner's
 */
export async function stopRun(chat: Chat, ownerId: UserId, conversationId: string): Promise<string | undefined> {
  const { run, conversation } = chat.models;
  const id = parse(idSchema, conversationId, "conversationId");
  const [found] = await chat.db
    .select({ id: conversation.id })
    .from(conversation)
    .where(and(eq(conversation.userId, ownerId), eq(conversation.id, id)));
  if (!found) throw new NotFoundError("conversation", id);
  const [asked] = await chat.db
    .update(run)
    .set({ stopRequestedAt: sql`coalesce(${run.stopRequestedAt}, clock_timestamp())` })
    .where(and(eq(run.userId, ownerId), eq(run.conversationId, id), eq(run.status, "running")))
    .returning({ id: run.id });
  if (asked) chat.changed({ runId: asked.id, isStop: true });
  return asked?.id;
}

async function findOne({ db, models: { run } }: Chat, where: ReturnType<typeof and>): Promise<Run | undefined> {
  const [row] = await db.select().from(run).where(where);
  return row && ownRun(row);
}

function ownRun({ userId: _, ...found }: ChatModels["run"]["$inferSelect"]): Run {
  return found;
}

/** Whoever ends a run raises its epoch, so that the lease of whoever held it is void. */
function endStatement(chat: Chat) {
  return prepared(chat, "end_run", () => {
    const { db, models } = chat;
    const ended = db.$with("ended", {}).as(sql`
      update ${models.run}
      set status = ${sql.placeholder("status")}::text, finished_at = clock_timestamp(), epoch = epoch + 1,
        error_code = ${sql.placeholder("errorCode")}::text, error = ${sql.placeholder("error")}::text,
        input_tokens = ${sql.placeholder("inputTokens")}::bigint, output_tokens = ${sql.placeholder("outputTokens")}::bigint
      where user_id = ${sql.placeholder("ownerId")} and id = ${sql.placeholder("runId")}::uuid
        and epoch = ${sql.placeholder("epoch")}::int and status = 'running'
      returning id, user_id, conversation_id, message_id`);
    const written = db.$with("written", {}).as(sql`
      update ${models.message} m
      set content = ${sql.placeholder("content")}::text, parts = ${sql.placeholder("parts")}::json,
        status = ${sql.placeholder("messageStatus")}::text, finish_reason = ${sql.placeholder("finishReason")}::text
      from ended
      where m.user_id = ended.user_id and m.id = ended.message_id
      returning m.conversation_id`);
    const saved = db.$with("saved", {}).as(sql`
      insert into ${models.runChunk} (run_id, seq, user_id, chunk)
      select ended.id, c.seq, ended.user_id, c.chunk
      from ended
      cross join unnest(${sql.placeholder("seqs")}::int[], ${sql.placeholder("chunks")}::text[]) as c(seq, chunk)
      on conflict do nothing`);
    const touched = db.$with("touched", {}).as(sql`
      update ${models.conversation} c
      set updated_at = greatest(c.updated_at, clock_timestamp())
      from ended
      where c.user_id = ended.user_id and c.id = ended.conversation_id`);
    return db
      .with(ended, written, saved, touched)
      .select({ conversationId: sql<string>`written.conversation_id` })
      .from(sql`written`);
  });
}
