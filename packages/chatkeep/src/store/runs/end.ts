/** The end of a run, which writes its reply once, and how to find one. The states of a run: docs/runs.md. */
import { NotFoundError } from "../../errors.ts";
import { type ColumnsOf, integer, listsOf, select, text, unnest } from "../../sql/columns.ts";
import { param, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { conversationName } from "../ids.ts";
import { parse } from "../input.ts";
import { body } from "../messages/outgoing.ts";
import { idSchema, runEndSchema, runKeySchema, uuidSchema } from "../schemas.ts";
import type { FinishReason, Part } from "../tables/message.ts";
import { type ChunkRow, type Run, type RunKey, type RunStatus, runColumns, runFrom } from "../tables/run.ts";
import type { UserId } from "../tables/tables.ts";

/** What a run ends with. */
export interface RunEnd {
  status: Exclude<RunStatus, "running">;
  parts: Part[];
  /** Of the message; what it has stays when it is left out. */
  metadata?: unknown;
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

/**
 * Ends a run and writes its reply, in one statement. `false` when the run was over already: then nothing is written.
 * INVARIANT: a run ends once, and its message is written by whoever ended it.
 * @throws invalid_input, too_large
 */
export async function endRun(context: Context, ownerId: UserId, key: RunKey, end: RunEnd): Promise<boolean> {
  const { id, epoch } = parse(runKeySchema, key, "key");
  const given = parse(runEndSchema, end, "end");
  const { content, parts, metadata } = body({ parts: given.parts, metadata: given.metadata });
  const chunks = given.chunks ?? [];
  const [conversationId] = await endStatement(context).execute({
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
    metadata,
    ...listsOf(chunkColumns, chunks),
  });
  if (conversationId === undefined) return false;
  context.changed({ runId: id });
  context.changed({ userId: ownerId, conversationId });
  return true;
}

/** The run that is running in a conversation, or `undefined`. */
export async function findRunningRun(
  context: Context,
  ownerId: UserId,
  conversationId: string,
): Promise<Run | undefined> {
  const id = parse(idSchema, conversationId, "conversationId");
  const statement = findStatement(context, "find_running_run", sql`r.status = 'running'`, id);
  return (await statement.execute({ ownerId, conversationId: conversationName(ownerId, id).id }))[0];
}

/** A run of a conversation, whatever its status, or `undefined`. */
export async function findRun(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  runId: string,
): Promise<Run | undefined> {
  const id = parse(uuidSchema, runId, "runId");
  const inside = parse(idSchema, conversationId, "conversationId");
  const statement = findStatement(context, "find_run", sql`r.id = ${param("runId", "uuid")}`, inside);
  const name = conversationName(ownerId, inside);
  return (await statement.execute({ ownerId, conversationId: name.id, runId: id }))[0];
}

/** A run of the owner's in whichever conversation, whatever its status, or `undefined`. */
export async function findRunById(context: Context, ownerId: UserId, runId: string): Promise<Run | undefined> {
  const id = parse(uuidSchema, runId, "runId");
  const { conversation, message, run } = context.tables;
  const build = () => sql`
    select ${select(runColumns, "r")}, c.external_id, m.external_id
    from ${run} r
    join ${conversation} c on c.user_id = r.user_id and c.id = r.conversation_id
    left join ${message} m on m.user_id = r.user_id and m.id = r.message_id
    where r.user_id = ${owner(context)} and r.id = ${param("runId", "uuid")}`;
  const statement = prepared(context, "find_run_by_id", build, (row): Run => {
    const found = runFrom(row);
    const [conversationName, messageName] = row.slice(-2) as (string | null)[];
    const { conversationId, messageId } = found;
    return { ...found, conversationId: conversationName ?? conversationId, messageId: messageName ?? messageId };
  });
  return (await statement.execute({ ownerId, runId: id }))[0];
}

/**
 * Asks for the running reply of a conversation to stop; whichever server generates it sees that within a second. With `runId`, only
 * if it is that run. Gives the id of what is to stop, or `undefined` when nothing of it is running.
 * @throws not_found when the conversation is not the owner's
 */
export async function stopRun(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  runId?: string,
): Promise<string | undefined> {
  const id = parse(idSchema, conversationId, "conversationId");
  const only = parse(uuidSchema.nullable(), runId ?? null, "runId");
  const name = conversationName(ownerId, id);
  const [found] = await stopStatement(context).execute({ ownerId, conversationId: name.id, runId: only });
  if (!found) throw new NotFoundError("conversation", id);
  if (found.runId) context.changed({ runId: found.runId, isStop: true });
  return found.runId ?? undefined;
}

/** What a call of a model took. */
export interface Usage {
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
}

/** Adds to what a run that has ended took; what is no whole number is left out. @throws invalid_input */
export async function addUsage(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  runId: string,
  { inputTokens, outputTokens }: Usage,
): Promise<void> {
  const { id } = conversationName(ownerId, parse(idSchema, conversationId, "conversationId"));
  const whole = (tokens: number | undefined) => (Number.isSafeInteger(tokens) ? (tokens ?? 0) : 0);
  const [input, output] = [param("inputTokens", "bigint"), param("outputTokens", "bigint")];
  const build = () => sql`
    update ${context.tables.run} r
    set input_tokens = coalesce(r.input_tokens, 0) + ${input}, output_tokens = coalesce(r.output_tokens, 0) + ${output}
    where r.user_id = ${owner(context)} and r.conversation_id = ${param("conversationId", "uuid")}
      and r.id = ${param("runId", "uuid")} and r.status <> 'running'
    returning r.id`;
  await prepared(context, "add_usage", build, () => undefined).execute({
    ownerId,
    conversationId: id,
    runId: parse(uuidSchema, runId, "runId"),
    inputTokens: whole(inputTokens),
    outputTokens: whole(outputTokens),
  });
}

function findStatement(context: Context, name: string, which: Sql, givenId: string) {
  const { message, run } = context.tables;
  const build = () => sql`
    select ${select(runColumns, "r")}, m.external_id
    from ${run} r
    left join ${message} m on m.user_id = r.user_id and m.id = r.message_id
    where r.user_id = ${owner(context)} and r.conversation_id = ${param("conversationId", "uuid")} and ${which}`;
  return prepared(context, name, build, (row): Run => {
    const run = runFrom(row);
    return { ...run, conversationId: givenId, messageId: (row.at(-1) as string | null) ?? run.messageId };
  });
}

/** A row for the conversation, with the run if there is one. */
function stopStatement(context: Context) {
  const { conversation, run } = context.tables;
  const [mine, conversationId, runId] = [owner(context), param("conversationId", "uuid"), param("runId", "uuid")];
  const build = () => sql`
    with asked as (
      update ${run} r
      set stop_requested_at = clock_timestamp()
      where r.user_id = ${mine} and r.conversation_id = ${conversationId} and r.status = 'running'
        and (${runId} is null or r.id = ${runId})
      returning r.id
    )
    select asked.id
    from ${conversation} c
    left join asked on true
    where c.user_id = ${mine} and c.id = ${conversationId}`;
  return prepared(context, "stop_run", build, ([runId]) => ({ runId: runId as string | null }));
}

const chunkColumns: ColumnsOf<ChunkRow> = { seq: integer("seq"), chunk: text("chunk") };

/** Whoever ends a run raises its epoch, so that the lease of whoever held it is void. */
function endStatement(context: Context) {
  const { conversation, message, run, runChunk } = context.tables;
  const build = () => sql`
    with ended as (
      update ${run}
      set status = ${param("status", "text")}, finished_at = clock_timestamp(), epoch = epoch + 1,
        error_code = ${param("errorCode", "text")}, error = ${param("error", "text")},
        input_tokens = ${param("inputTokens", "bigint")}, output_tokens = ${param("outputTokens", "bigint")}
      where user_id = ${owner(context)} and id = ${param("runId", "uuid")}
        and epoch = ${param("epoch", "int")} and status = 'running'
      returning id, user_id, conversation_id, message_id
    ),
    written as (
      update ${message} m
      set content = ${param("content", "text")}, parts = ${param("parts", "json")},
        metadata = coalesce(${param("metadata", "json")}, m.metadata),
        revision = m.revision + 1, status = ${param("messageStatus", "text")}, finish_reason = ${param("finishReason", "text")}
      from ended
      where m.user_id = ended.user_id and m.id = ended.message_id
    ),
    saved as (
      insert into ${runChunk} (run_id, seq, user_id, chunk)
      select ended.id, c.seq, ended.user_id, c.chunk
      from ended
      cross join ${unnest(chunkColumns, "c")}
      on conflict do nothing
    ),
    touched as (
      update ${conversation} c
      set updated_at = greatest(c.updated_at, clock_timestamp())
      from ended
      where c.user_id = ended.user_id and c.id = ended.conversation_id
      returning coalesce(c.external_id, c.id::text) as conversation_id
    )
    select conversation_id from touched`;
  return prepared(context, "end_run", build, ([conversationId]) => conversationId as string);
}
