/**
 * The reply as it was streamed: written while it comes, for all runs of a process in one statement, and read by whoever
 * follows it. What a chunk holds is the server's business; the store keeps their order.
 */
import { type SQL, sql } from "drizzle-orm";
import { type Chat, prepared, userIdsIn } from "../database.ts";
import { parse } from "../input.ts";
import type { RunStatus, UserId } from "../models/chat.ts";
import { ownerSchemas } from "../models/owner-schemas.ts";
import { isOver } from "./lease.ts";
import type { RunKey } from "./run.ts";

/** Some of what was streamed. `seq` grows from row to row of a run; the server counts its events by it. */
export interface ChunkRow {
  seq: number;
  chunk: string;
}

export interface Pulse {
  userId: UserId;
  key: RunKey;
  /** What was streamed since the last time; the same rows again are stored once. */
  chunks: readonly ChunkRow[];
}

/** A run that is alive. `stop`: its user asked for that. One that is missing from the answer is over, or gone: stop its model. */
export interface Beating {
  runId: string;
  stop: boolean;
  /** Somebody has read it lately by `readRuns`, and wants to know of more. */
  isFollowed: boolean;
}

export interface RunPlace {
  userId: UserId;
  runId: string;
  /** The `seq` of the last row that is known; 0 for none. */
  after: number;
}

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
/** After which no further row of a run is read at once. */
const bytesAtOnce = 1024 * 1024;
/** A reader leaves word that it follows, again after a while, and is taken for gone after a longer one. */
const following = { againSeconds: 5, goneSeconds: 15 };

/**
 * Keeps the leases of runs and stores what they streamed, in one statement for all of them.
 * INVARIANT: nothing is stored for a run that has ended.
 */
export async function pulseRuns(chat: Chat, given: readonly Pulse[]): Promise<Beating[]> {
  const pulses = parse(ownerSchemas(chat.models).pulses, given, "pulses");
  if (pulses.length === 0) return [];
  const rows = pulses.flatMap(({ key, chunks }) => chunks.map((row) => ({ runId: key.id, ...row })));
  return await pulseStatement(chat).execute({
    runIds: pulses.map(({ key }) => key.id),
    userIds: pulses.map(({ userId }) => userId),
    epochs: pulses.map(({ key }) => key.epoch),
    chunkRunIds: rows.map(({ runId }) => runId),
    seqs: rows.map(({ seq }) => seq),
    chunks: rows.map(({ chunk }) => chunk),
  });
}

/** What is new in runs, in one statement for all of them. A run that is missing from the answer is gone, or was never the user's. */
export async function readRuns(chat: Chat, given: readonly RunPlace[]): Promise<RunNews[]> {
  const places = parse(ownerSchemas(chat.models).runPlaces, given, "places");
  if (places.length === 0) return [];
  const rows = await readStatement(chat).execute({
    runIds: places.map(({ runId }) => runId),
    userIds: places.map(({ userId }) => userId),
    afters: places.map(({ after }) => after),
  });
  const news = new Map<string, RunNews>();
  for (const { runId, status, error, isOver, seq, chunk } of rows) {
    const one = news.get(runId) ?? { runId, status, error, isOver, chunks: [], hasMore: false };
    news.set(runId, one);
    if (seq !== null && chunk !== null) one.chunks.push({ seq, chunk });
  }
  for (const one of news.values()) {
    const bytes = one.chunks.reduce((sum, { chunk }) => sum + Buffer.byteLength(chunk), 0);
    one.hasMore = one.chunks.length === rowsAtOnce || bytes >= bytesAtOnce;
  }
  return [...news.values()];
}

function pulseStatement(chat: Chat) {
  return prepared(chat, "pulse_runs", () => {
    const { db, models } = chat;
    const held = db.$with("held", {}).as(sql`
      update ${models.run} r
      set heartbeat_at = clock_timestamp()
      from unnest(${sql.placeholder("runIds")}::uuid[], ${userIdsIn(chat)}, ${sql.placeholder("epochs")}::int[])
        as input(run_id, user_id, epoch)
      where r.user_id = input.user_id and r.id = input.run_id and r.epoch = input.epoch and r.status = 'running'
      returning r.id, r.user_id, r.stop_requested_at, r.followed_at`);
    const saved = db.$with("saved", {}).as(sql`
      insert into ${models.runChunk} (run_id, seq, user_id, chunk)
      select held.id, c.seq, held.user_id, c.chunk
      from unnest(${sql.placeholder("chunkRunIds")}::uuid[], ${sql.placeholder("seqs")}::int[],
        ${sql.placeholder("chunks")}::text[]) as c(run_id, seq, chunk)
      join held on held.id = c.run_id
      on conflict do nothing`);
    return db
      .with(held, saved)
      .select({
        runId: sql<string>`held.id`,
        stop: sql<boolean>`held.stop_requested_at is not null`,
        isFollowed: sql<boolean>`coalesce(held.followed_at > ${secondsAgo(following.goneSeconds)}, false)`,
      })
      .from(sql`held`);
  });
}

function secondsAgo(seconds: number): SQL {
  return sql.raw(`clock_timestamp() - interval '${seconds} seconds'`);
}

/** Reads run_chunk_pkey from the place on, for each run. */
function readStatement(chat: Chat) {
  return prepared(chat, "read_runs", () => {
    const { db, models } = chat;
    const places = sql`unnest(${sql.placeholder("runIds")}::uuid[], ${userIdsIn(chat)}, ${sql.placeholder("afters")}::int[])
      as place(run_id, user_id, after)`;
    const followed = db.$with("followed", {}).as(sql`
      update ${models.run} r
      set followed_at = clock_timestamp()
      from ${places}
      where r.user_id = place.user_id and r.id = place.run_id and r.status = 'running'
        and (r.followed_at is null or r.followed_at < ${secondsAgo(following.againSeconds)})`);
    return db
      .with(followed)
      .select({
        runId: sql<string>`r.id`,
        status: sql<RunStatus>`r.status`,
        error: sql<string | null>`r.error`,
        isOver: sql<boolean>`r.status = 'running' and ${isOver(chat, "r.")}`,
        seq: sql<number | null>`c.seq`,
        chunk: sql<string | null>`c.chunk`,
      })
      .from(
        sql`${places}
        join ${models.run} r on r.user_id = place.user_id and r.id = place.run_id
        left join lateral (
          select seq, chunk,
            sum(octet_length(chunk)) over (order by seq rows unbounded preceding) - octet_length(chunk) as earlier_bytes
          from ${models.runChunk} rows
          where rows.run_id = r.id and rows.user_id = r.user_id and rows.seq > place.after
          order by rows.seq
          limit ${sql.raw(String(rowsAtOnce))}
        ) c on c.earlier_bytes < ${sql.raw(String(bytesAtOnce))}`,
      )
      .orderBy(sql`r.id, c.seq`);
  });
}
