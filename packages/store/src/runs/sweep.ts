/** What is left of runs: those whose server has died are ended with what they had streamed, and chunks that nobody needs any more go. */
import { and, eq, type SQL, sql } from "drizzle-orm";
import { type Chat, changing } from "../database.ts";
import type { UserId } from "../models/chat.ts";
import { isOver } from "./lease.ts";
import { endRun } from "./run.ts";

export interface InterruptedRun {
  runId: string;
  conversationId: string;
  userId: UserId;
}

/** Which runs to end: of one conversation, those of all whose lease has run out, or all when no other process can be alive. */
export type Dead = "expired" | "all" | { ownerId: UserId; conversationId: string };

const chunksAtOnce = 5_000;

/**
 * Ends runs whose servers have died, one in each transaction. Their messages keep what `partsOf` makes of their chunks.
 * Safe on many servers at once: a run that another one has in hand is passed over.
 */
export async function interruptRuns(chat: Chat, dead: Dead): Promise<InterruptedRun[]> {
  const ended: InterruptedRun[] = [];
  // Nearly always there is none, which one look tells without a transaction.
  while ((await deadRuns(chat, dead)).length > 0) {
    const one = await changing(chat, (through) => interruptOne(through, dead));
    // Another server has it in hand.
    if (!one) break;
    ended.push(one);
  }
  return ended;
}

/**
 * Removes the chunks of runs that ended more than `graceMs` ago, and gives their number. One server does it at a time;
 * the others have nothing to do.
 */
export async function removeChunks({ db, models }: Chat, graceMs: number): Promise<number> {
  const before = sql`clock_timestamp() - make_interval(secs => ${graceMs / 1000})`;
  for (let total = 0; ; ) {
    const turn = db.$with("turn", {}).as(sql`
      select pg_try_advisory_xact_lock(hashtextextended('chatkeep:chunks', 0)) as mine`);
    const old = db.$with("old", {}).as(sql`
      select c.run_id, c.seq, c.user_id
      from turn
      cross join ${models.runChunk} c
      join ${models.run} r on r.user_id = c.user_id and r.id = c.run_id
      where turn.mine and c.created_at < ${before} and r.status <> 'running' and r.finished_at < ${before}
      limit ${chunksAtOnce}`);
    const removed = db.$with("removed", {}).as(sql`
      delete from ${models.runChunk} c
      using old
      where c.user_id = old.user_id and c.run_id = old.run_id and c.seq = old.seq
      returning c.seq`);
    const [row] = await db.with(turn, old, removed).select({ count: sql<number>`count(*)::int` }).from(sql`removed`);
    total += row?.count ?? 0;
    if ((row?.count ?? 0) < chunksAtOnce) return total;
  }
}

async function interruptOne(chat: Chat, dead: Dead): Promise<InterruptedRun | undefined> {
  const { runChunk } = chat.models;
  const [found] = await deadRuns(chat, dead).for("update", { skipLocked: true });
  if (!found) return undefined;
  const { epoch, ...ended } = found;
  const rows = await chat.db
    .select({ chunk: runChunk.chunk })
    .from(runChunk)
    .where(and(eq(runChunk.userId, ended.userId), eq(runChunk.runId, ended.runId)))
    .orderBy(runChunk.seq);
  const parts = await chat.partsOf(rows.map(({ chunk }) => chunk));
  await endRun(chat, ended.userId, { id: ended.runId, epoch }, { status: "interrupted", parts });
  return ended;
}

function deadRuns(chat: Chat, dead: Dead) {
  const { run } = chat.models;
  return chat.db
    .select({
      runId: run.id,
      epoch: run.epoch,
      conversationId: run.conversationId,
      userId: run.userId,
    })
    .from(run)
    .where(and(eq(run.status, "running"), isDead(chat, dead)))
    .limit(1);
}

function isDead(chat: Chat, dead: Dead): SQL | undefined {
  const { run } = chat.models;
  if (dead === "all") return undefined;
  if (dead === "expired") return isOver(chat);
  return and(eq(run.userId, dead.ownerId), eq(run.conversationId, dead.conversationId), isOver(chat));
}
