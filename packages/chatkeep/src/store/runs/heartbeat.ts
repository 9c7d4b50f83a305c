/**
 * The reply as it was streamed: written while it comes, for all runs of a process in one statement, and read by whoever
 * follows it. What a chunk holds is the server's business; the store keeps their order.
 */
import { type ColumnsOf, integer, isTrue, listsOf, names, text, unnest, uuid } from "../../sql/columns.ts";
import { join, list, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, inTransaction, owner, prepared, within } from "../context.ts";
import { parse } from "../input.ts";
import { ownerSchemas } from "../owner-schemas.ts";
import { ofOwners, userOf } from "../owners.ts";
import type { ChunkRow, RunKey, RunStatus, TokenCounts } from "../tables/run.ts";
import type { UserId } from "../tables/tables.ts";
import { isOver } from "./lease.ts";

/** What a process says of a run that it writes: that it lives, and what has come since the last time. */
export interface Heartbeat {
  userId: UserId;
  key: RunKey;
  /** What was streamed since the last time; the same rows again are stored once. */
  chunks: readonly ChunkRow[];
  /** What its model has taken so far, of which its end is counted if nothing more is heard of it. */
  tokens?: TokenCounts | undefined;
}

/** A run that is alive. `stop`: its user asked for that. One that is missing from the answer is over, or gone: stop its model. */
export interface LiveRun {
  runId: string;
  stop: boolean;
  /** Somebody has read it lately by `readRuns`, and wants to know of more. */
  isFollowed: boolean;
}

/** How far a reader of a run has come. */
export interface RunPosition {
  userId: UserId;
  runId: string;
  /** The `seq` of the last row that is known; 0 for none. */
  after: number;
}

/** What is new in a run for that reader: at most 500 rows, or about 1 MiB. */
export interface RunNews {
  runId: string;
  status: RunStatus;
  error: string | null;
  /** Its lease has run out, and nobody has marked it yet. */
  isOver: boolean;
  chunks: ChunkRow[];
  /** There are more rows: read again. */
  hasMore: boolean;
}

const rowsAtOnce = 500;
const encoder = new TextEncoder();
/** After which no further row of a run is read at once. */
const bytesAtOnce = 1024 * 1024;
/** A reader leaves word that it follows, again after a while, and is taken for gone after a longer one. */
const following = { againSeconds: 5, goneSeconds: 15 };

/**
 * Keeps the leases of runs and stores what they streamed, in one statement for all of them.
 * INVARIANT: nothing is stored for a run that has ended.
 */
export async function heartbeat(context: Context, given: readonly Heartbeat[]): Promise<LiveRun[]> {
  const beats = parse(ownerSchemas(context.tables).heartbeats, given, "beats");
  if (beats.length === 0) return [];
  return await ofOwners(
    context,
    beats,
    ({ userId }) => userId,
    async (some, ownerId) => {
      const rows = some.flatMap(({ key, chunks }) => chunks.map((row) => ({ chunkRunId: key.id, ...row })));
      const values = {
        ownerId,
        runIds: some.map(({ key }) => key.id),
        userIds: some.map(({ userId }) => userId),
        epochs: some.map(({ key }) => key.epoch),
        ...listsOf(
          tokenColumns,
          some.map(({ tokens = {} }) => tokens),
        ),
      };
      if (!context.isDistributed || rows.length === 0)
        return await heartbeatStatement(context).execute({ ...values, ...listsOf(chunkColumns, rows) });
      return await inTransaction(context.connection, async (inside) => {
        const through = within(context, inside);
        const held = await heartbeatStatement(through).execute(values);
        const alive = new Set(held.map(({ runId }) => runId));
        await insertChunks(
          through,
          ownerId as UserId,
          rows.filter(({ chunkRunId }) => alive.has(chunkRunId)),
        );
        return held;
      });
    },
  );
}

/** What is new in runs, in one statement for all of them. A run that is missing from the answer is gone, or was never the user's. */
export async function readRuns(context: Context, given: readonly RunPosition[]): Promise<RunNews[]> {
  const positions = parse(ownerSchemas(context.tables).runPositions, given, "positions");
  if (positions.length === 0) return [];
  const rows = await ofOwners(
    context,
    positions,
    ({ userId }) => userId,
    (some, ownerId) =>
      readStatement(context).execute({
        ownerId,
        runIds: some.map(({ runId }) => runId),
        userIds: some.map(({ userId }) => userId),
        afters: some.map(({ after }) => after),
      }),
  );
  const news = new Map<string, RunNews>();
  for (const { runId, status, error, isOver, seq, chunk } of rows) {
    const one = news.get(runId) ?? { runId, status, error, isOver, chunks: [], hasMore: false };
    news.set(runId, one);
    if (seq !== null && chunk !== null) one.chunks.push({ seq, chunk });
  }
  for (const one of news.values()) {
    const bytes = one.chunks.reduce((sum, { chunk }) => sum + encoder.encode(chunk).byteLength, 0);
    one.hasMore = one.chunks.length === rowsAtOnce || bytes >= bytesAtOnce;
  }
  return [...news.values()];
}

/** Chunks, each with the run that it is of. */
const chunkColumns: ColumnsOf<ChunkRow & { chunkRunId: string }> = {
  chunkRunId: uuid("run_id"),
  seq: integer("seq"),
  chunk: text("chunk"),
};

/** Of runs that are locked and alive; on one node of a cluster. */
export async function insertChunks(
  context: Context,
  ownerId: UserId,
  rows: readonly (ChunkRow & { chunkRunId: string })[],
): Promise<void> {
  if (rows.length === 0) return;
  const build = () => sql`
    insert into ${context.tables.runChunk} (run_id, seq, user_id, chunk)
    select c.run_id, c.seq, ${owner(context)}, c.chunk
    from ${unnest(chunkColumns, "c")}
    on conflict do nothing
    returning 1`;
  const statement = prepared(context, "insert_chunks", build, () => undefined);
  await statement.execute({ ownerId, ...listsOf(chunkColumns, rows) });
}

const tokenColumns: ColumnsOf<TokenCounts> = {
  inputTokens: integer("input_tokens", "bigint"),
  outputTokens: integer("output_tokens", "bigint"),
  cachedTokens: integer("cached_tokens", "bigint"),
  reasoningTokens: integer("reasoning_tokens", "bigint"),
};
const tokenLists = join(Object.entries(tokenColumns).map(([key, { type }]) => list(key, type)));
const keepTokens = Object.values(tokenColumns)
  .map(({ name }) => `${name} = coalesce(input.${name}, r.${name})`)
  .join(", ");

function heartbeatStatement(context: Context) {
  const { run, runChunk, userType } = context.tables;
  const saved = () => sql`,
    saved as (
      insert into ${runChunk} (run_id, seq, user_id, chunk)
      select held.id, c.seq, held.user_id, c.chunk
      from ${unnest(chunkColumns, "c")}
      join held on held.id = c.run_id
      on conflict do nothing
    )`;
  const build = () => sql`
    with held as (
      update ${run} r
      set heartbeat_at = clock_timestamp(), ${raw(keepTokens)}
      from unnest(${list("runIds", "uuid")}, ${list("userIds", userType)}, ${list("epochs", "int")}, ${tokenLists})
        as input(run_id, user_id, epoch, ${names(tokenColumns)})
      where r.user_id = ${userOf(context, "input")} and r.id = input.run_id and r.epoch = input.epoch and r.status = 'running'
      returning r.id, r.user_id, r.stop_requested_at, r.followed_at
    )${context.isDistributed ? raw("") : saved()}
    select held.id, held.stop_requested_at is not null as stop,
      coalesce(held.followed_at > ${secondsAgo(following.goneSeconds)}, false) as is_followed
    from held`;
  return prepared(
    context,
    "heartbeat",
    build,
    ([runId, stop, isFollowed]): LiveRun => ({
      runId: runId as string,
      stop: isTrue(stop),
      isFollowed: isTrue(isFollowed),
    }),
  );
}

function secondsAgo(seconds: number): Sql {
  return raw(`clock_timestamp() - interval '${seconds} seconds'`);
}

interface NewsRow extends Omit<RunNews, "chunks" | "hasMore"> {
  seq: number | null;
  chunk: string | null;
}

/** Reads run_chunk_pkey from the position on, for each run. */
function readStatement(context: Context) {
  const { run, runChunk, userType } = context.tables;
  const positions = sql`unnest(${list("runIds", "uuid")}, ${list("userIds", userType)}, ${list("afters", "int")})
    as position(run_id, user_id, after)`;
  const build = () => sql`
    with followed as (
      update ${run} r
      set followed_at = clock_timestamp()
      from ${positions}
      where r.user_id = ${userOf(context, "position")} and r.id = position.run_id and r.status = 'running'
        and (r.followed_at is null or r.followed_at < ${secondsAgo(following.againSeconds)})
    )
    select r.id, r.status, r.error, r.status = 'running' and ${isOver(context, "r.")} as is_over, c.seq, c.chunk
    from ${positions}
    join ${run} r on r.user_id = ${userOf(context, "position")} and r.id = position.run_id
    left join lateral (
      select seq, chunk,
        sum(octet_length(chunk)) over (order by seq rows unbounded preceding) - octet_length(chunk) as earlier_bytes
      from ${runChunk} rows
      where rows.run_id = r.id and rows.user_id = ${userOf(context, "r")} and rows.seq > position.after
      order by rows.seq
      limit ${raw(String(rowsAtOnce))}
    ) c on c.earlier_bytes < ${raw(String(bytesAtOnce))}
    order by r.id, c.seq`;
  return prepared(
    context,
    "read_runs",
    build,
    ([runId, status, error, isOver, seq, chunk]): NewsRow => ({
      runId: runId as string,
      status: status as RunStatus,
      error: error as string | null,
      isOver: isTrue(isOver),
      seq: seq === null ? null : Number(seq),
      chunk: chunk as string | null,
    }),
  );
}
