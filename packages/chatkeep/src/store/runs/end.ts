/** The end of a run, which writes its reply once, and how to find one. The states of a run: docs/runs.md. */
import { NotFoundError } from "../../errors.ts";
import { type ColumnsOf, integer, listsOf, select, text, unnest } from "../../sql/columns.ts";
import { param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, changing, inTransaction, owner, prepared, within } from "../context.ts";
import { countUses, fileIdsIn, holdFiles } from "../files/uses.ts";
import { conversationName } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import { body } from "../messages/outgoing.ts";
import { runEndSchema, runKeySchema, uuidSchema } from "../schemas.ts";
import type { FinishReason, Part } from "../tables/message.ts";
import {
  type ChunkRow,
  type Run,
  type RunKey,
  type RunStatus,
  runColumns,
  runFrom,
  type TokenCounts,
} from "../tables/run.ts";
import type { UserId } from "../tables/tables.ts";
import { addUsage } from "../tables/usage.ts";
import { insertChunks } from "./heartbeat.ts";

/** What a run ends with. */
export interface RunEnd extends TokenCounts {
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
}

/**
 * Ends a run, writes its reply and counts what it took, in one statement. Tokens that are left out are as its heartbeats said. `false` when the run was over already: then nothing is written.
 * INVARIANT: a run ends once, and its message is written by whoever ended it.
 * @throws invalid_input, too_large
 */
export async function endRun(context: Context, ownerId: UserId, key: RunKey, input: RunEnd): Promise<boolean> {
  const { id, epoch } = parse(runKeySchema, key, "key");
  const given = parse(runEndSchema, input, "end");
  const { content, parts, metadata } = body({ parts: given.parts, metadata: given.metadata });
  const chunks = given.chunks ?? [];
  const values = {
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
    cachedTokens: given.cachedTokens ?? null,
    reasoningTokens: given.reasoningTokens ?? null,
    content,
    parts,
    metadata,
    ...listsOf(chunkColumns, chunks),
  };
  const fileIds = fileIdsIn(given.parts);
  const end = async (through: Context) =>
    through.isDistributed
      ? await endApart(through, ownerId, values, chunks)
      : (await endStatement(through).execute(values))[0];
  const ended = await (fileIds.length === 0
    ? end(context)
    : changing(context, async (through) => {
        await holdFiles(through, ownerId, fileIds);
        const ended = await end(through);
        if (ended)
          await countUses(
            through,
            ownerId,
            fileIds.map((fileId) => ({ messageId: ended.messageId, fileId })),
          );
        return ended;
      }));
  if (!ended) return false;
  const { conversationId } = ended;
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
  const id = parseId(conversationId, "conversationId");
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
  const inside = parseId(conversationId, "conversationId");
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
    join ${conversation} c on c.user_id = r.user_id and c.id = r.conversation_id and c.deleted_at is null
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
  const id = parseId(conversationId, "conversationId");
  const only = parse(uuidSchema.nullable(), runId ?? null, "runId");
  const name = conversationName(ownerId, id);
  const [found] = await stopStatement(context).execute({ ownerId, conversationId: name.id, runId: only });
  if (!found) throw new NotFoundError("conversation", id);
  if (found.runId) context.changed({ runId: found.runId, isStop: true });
  return found.runId ?? undefined;
}

function findStatement(context: Context, name: string, which: Sql, givenId: string) {
  const { conversation, message, run } = context.tables;
  const build = () => sql`
    select ${select(runColumns, "r")}, m.external_id
    from ${run} r
    join ${conversation} c on c.user_id = r.user_id and c.id = r.conversation_id and c.deleted_at is null
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
    where c.user_id = ${mine} and c.id = ${conversationId} and c.deleted_at is null`;
  return prepared(context, "stop_run", build, ([runId]) => ({ runId: runId as string | null }));
}

const chunkColumns: ColumnsOf<ChunkRow> = { seq: integer("seq"), chunk: text("chunk") };

/** Whoever ends a run raises its epoch, so that the lease of whoever held it is void. */
function endStatement(context: Context) {
  const { conversation, message, run, runChunk, usage } = context.tables;
  const inserting = () => sql`
    saved as (
      insert into ${runChunk} (run_id, seq, user_id, chunk)
      select ended.id, c.seq, ended.user_id, c.chunk
      from ended
      cross join ${unnest(chunkColumns, "c")}
      on conflict do nothing
    ),
    booked as (
      insert into ${usage} as u (user_id, day, model, replies, input_tokens, output_tokens, cached_tokens, reasoning_tokens)
      select user_id, (finished_at at time zone 'UTC')::date, coalesce(model, ''), 1, coalesce(input_tokens, 0),
        coalesce(output_tokens, 0), coalesce(cached_tokens, 0), coalesce(reasoning_tokens, 0)
      from ended
      on conflict (user_id, day, model) do update set ${addUsage}
    ),`;
  const build = () => sql`
    with ended as (
      update ${run}
      set status = ${param("status", "text")}, finished_at = clock_timestamp(), epoch = epoch + 1,
        error_code = ${param("errorCode", "text")}, error = ${param("error", "text")},
        input_tokens = coalesce(${param("inputTokens", "bigint")}, input_tokens),
        output_tokens = coalesce(${param("outputTokens", "bigint")}, output_tokens),
        cached_tokens = coalesce(${param("cachedTokens", "bigint")}, cached_tokens),
        reasoning_tokens = coalesce(${param("reasoningTokens", "bigint")}, reasoning_tokens),
        finish_reason = ${param("finishReason", "text")}
      where user_id = ${owner(context)} and id = ${param("runId", "uuid")}
        and epoch = ${param("epoch", "int")} and status = 'running'
      returning id, user_id, conversation_id, message_id, finished_at, model, input_tokens, output_tokens, cached_tokens,
        reasoning_tokens
    ),
    written as (
      update ${message} m
      set content = ${param("content", "text")}, parts = ${param("parts", "json")},
        metadata = coalesce(${param("metadata", "json")}, m.metadata),
        revision = m.revision + 1, status = ${param("messageStatus", "text")}, finish_reason = ${param("finishReason", "text")}
      from ended
      where m.user_id = ${owner(context)} and m.id = ended.message_id
    ),
    ${context.isDistributed ? raw("") : inserting()}
    touched as (
      update ${conversation} c
      set updated_at = greatest(c.updated_at, clock_timestamp())
      from ended
      where c.user_id = ${owner(context)} and c.id = ended.conversation_id
      returning coalesce(c.external_id, c.id::text) as conversation_id
    )
    select touched.conversation_id, ended.message_id from touched cross join ended`;
  return prepared(context, "end_run", build, ([conversationId, messageId]) => ({
    conversationId: conversationId as string,
    messageId: messageId as string,
  }));
}

/** In three statements on one node of a cluster. */
async function endApart(
  context: Context,
  ownerId: UserId,
  values: Record<string, unknown> & { runId: string },
  chunks: readonly ChunkRow[],
) {
  const { run, usage } = context.tables;
  const book = () => sql`
    insert into ${usage} as u (user_id, day, model, replies, input_tokens, output_tokens, cached_tokens, reasoning_tokens)
    select r.user_id, (r.finished_at at time zone 'UTC')::date, coalesce(r.model, ''), 1, coalesce(r.input_tokens, 0),
      coalesce(r.output_tokens, 0), coalesce(r.cached_tokens, 0), coalesce(r.reasoning_tokens, 0)
    from ${run} r
    where r.user_id = ${owner(context)} and r.id = ${param("runId", "uuid")}
    on conflict (user_id, day, model) do update set ${addUsage}
    returning 1`;
  return await inTransaction(context.connection, async (inside) => {
    const through = within(context, inside);
    const [ended] = await endStatement(through).execute(values);
    if (!ended) return undefined;
    const { runId } = values;
    await insertChunks(
      through,
      ownerId,
      chunks.map((chunk) => ({ chunkRunId: runId, ...chunk })),
    );
    await prepared(through, "book_run", book, () => undefined).execute({ ownerId, runId });
    return ended;
  });
}
