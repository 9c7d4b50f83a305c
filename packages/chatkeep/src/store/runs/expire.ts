/** What is left of runs: those whose server has died are ended with what they had streamed, and chunks that nobody needs any more go. */
import { param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, changing, owner, prepared } from "../context.ts";
import { conversationName } from "../ids.ts";
import { sweep, sweptOf } from "../owners.ts";
import { messageColumns, type Part } from "../tables/message.ts";
import type { RunKey } from "../tables/run.ts";
import { type UserId, userIdFrom } from "../tables/tables.ts";
import { endRun } from "./end.ts";
import { isOver } from "./lease.ts";

/** A run that was ended because its process had died. */
export interface InterruptedRun {
  runId: string;
  conversationId: string;
  userId: UserId;
}

/** Which runs to end: of one conversation, those of all whose lease has run out, or all when no other process can be alive. */
export type Dead = "expired" | "all" | { ownerId: UserId; conversationId: string };

const chunksAtOnce = 5_000;
const deadAtOnce = 100;

/**
 * Ends runs whose servers have died, one in each transaction. Their messages keep what `partsOf` makes of their chunks.
 * Safe on many servers at once: a run that another one has in hand is passed over.
 */
export async function interruptRuns(context: Context, dead: Dead): Promise<InterruptedRun[]> {
  const ended: InterruptedRun[] = [];
  // Nearly always there is none, which one look tells without a transaction.
  for (;;) {
    const found = await findDead(context, dead);
    const before = ended.length;
    for (const { userId, runId } of found) {
      const one = await changing(context, (through) => interruptOne(through, dead, userId, runId));
      if (one) ended.push(one);
    }
    // What is left another server has in hand.
    if (found.length < deadAtOnce || ended.length === before) return ended;
  }
}

/**
 * Removes the chunks of runs that ended more than `graceMs` ago, and gives their number. One server does it at a time;
 * the others have nothing to do.
 */
export async function removeChunks(context: Context, graceMs: number): Promise<number> {
  for (let total = 0; ; ) {
    const values = { graceSeconds: graceMs / 1000 };
    const old = { name: "chunks", table: context.tables.runChunk, due: sql`created_at < ${before}`, values };
    const counts = await sweep(context, old, (ownerId) => removeStatement(context).execute({ ...values, ownerId }));
    const count = counts.reduce((sum, each) => sum + each, 0);
    total += count;
    if (count < chunksAtOnce) return total;
  }
}

const before = sql`clock_timestamp() - make_interval(secs => ${param("graceSeconds", "double precision")})`;

function removeStatement(context: Context) {
  const { run, runChunk } = context.tables;
  const build = () => sql`
    with turn as (
      select pg_try_advisory_xact_lock(hashtextextended('chatkeep:chunks', 0)) as mine
    ),
    old as (
      select c.run_id, c.seq, c.user_id
      from turn
      cross join ${runChunk} c
      join ${run} r on r.user_id = c.user_id and r.id = c.run_id
      where turn.mine and c.created_at < ${before} and r.status <> 'running' and r.finished_at < ${before} ${sweptOf(context, "c")}
      limit ${raw(String(chunksAtOnce))}
    ),
    removed as (
      delete from ${runChunk} c
      using old
      where c.user_id = old.user_id and c.run_id = old.run_id and c.seq = old.seq
      returning c.seq
    )
    select count(*)::int as count from removed`;
  return prepared(context, "remove_chunks", build, ([count]) => Number(count));
}

/** Unless it has shown itself since it was found. */
async function interruptOne(
  context: Context,
  dead: Dead,
  userId: UserId,
  runId: string,
): Promise<InterruptedRun | undefined> {
  const lapsed = dead === "all" ? raw("true") : isOver(context, "r.");
  const which = sql`r.user_id = ${owner(context)} and r.id = ${param("runId", "uuid")} and ${lapsed}`;
  const lock = "for update of r skip locked";
  const statement = deadStatement(context, dead === "all" ? "lock_all" : "lock_dead", which, lock);
  const [found] = await statement.execute({ ownerId: userId, runId });
  if (!found) return undefined;
  const { epoch, ...ended } = found;
  await endAsStored(context, ended.userId, { id: ended.runId, epoch }, "interrupted");
  return ended;
}

/** Ends a run that others write, with what is stored of its reply. */
export async function endAsStored(
  context: Context,
  ownerId: UserId,
  key: RunKey,
  status: "interrupted" | "stopped",
): Promise<void> {
  const chunks = await chunksStatement(context).execute({ ownerId, runId: key.id });
  const [earlier] = await earlierStatement(context).execute({ ownerId, runId: key.id });
  const parts = await context.partsOf(chunks, earlier ?? []);
  await endRun(context, ownerId, key, { status, parts });
}

/** What the reply had before this run. */
function earlierStatement(context: Context) {
  const { message, run } = context.tables;
  const build = () => sql`
    select m.parts
    from ${run} r
    join ${message} m on m.user_id = r.user_id and m.id = r.message_id
    where r.user_id = ${owner(context)} and r.id = ${param("runId", "uuid")}`;
  const read = messageColumns.parts.read as (value: unknown) => Part[];
  return prepared(context, "earlier_parts", build, ([parts]) => (parts === null ? [] : read(parts)));
}

function chunksStatement(context: Context) {
  const build = () => sql`
    select c.chunk
    from ${context.tables.runChunk} c
    where c.user_id = ${owner(context)} and c.run_id = ${param("runId", "uuid")}
    order by c.seq`;
  return prepared(context, "chunks_of_run", build, ([chunk]) => chunk as string);
}

function findDead(context: Context, dead: Dead) {
  const isOne = typeof dead === "object";
  const statement = deadStatement(context, `dead_${isOne ? "one" : dead}`, isDead(context, dead));
  if (!isOne) return statement.execute();
  const { ownerId, conversationId } = dead;
  return statement.execute({ ownerId, conversationId: conversationName(ownerId, conversationId).id });
}

function deadStatement(context: Context, name: string, which: Sql, lock: "" | "for update of r skip locked" = "") {
  const { conversation, run } = context.tables;
  const build = () => sql`
    select r.id, r.epoch, coalesce(c.external_id, c.id::text), r.user_id
    from ${run} r
    join ${conversation} c on c.user_id = r.user_id and c.id = r.conversation_id
    where r.status = 'running' and ${which}
    limit ${raw(String(deadAtOnce))} ${raw(lock)}`;
  return prepared(context, name, build, ([runId, epoch, conversationId, userId]) => ({
    runId: runId as string,
    epoch: Number(epoch),
    conversationId: conversationId as string,
    userId: userIdFrom(context.tables, userId),
  }));
}

function isDead(context: Context, dead: Dead): Sql {
  if (dead === "all") return raw("true");
  if (dead === "expired") return isOver(context, "r.");
  return sql`r.user_id = ${owner(context)} and r.conversation_id = ${param("conversationId", "uuid")} and ${isOver(context, "r.")}`;
}
