/**
 * Reading from a standby what it surely has: all that was committed, by whomever, before the read was asked for. The primary is asked
 * how far it is, the standby whether it is as far; where it is not, or cannot be asked, the primary is read.
 */
import { ChatkeepError, type ErrorCode } from "../errors.ts";
import type { Connection } from "../sql/connection.ts";

export interface Replica {
  /** Reads there, or, where the replica is behind, away, or has to end a statement, by `onPrimary`. */
  read<Result>(
    onReplica: (connection: Connection) => Promise<Result>,
    onPrimary: () => Promise<Result>,
  ): Promise<Result>;
}

/** Of what a verb was given, or has not found: the primary would say the same. */
const saidByVerbs = new Set<ErrorCode>(["invalid_input", "too_large", "not_found"]);

/** For one that is behind: as long as it usually is, and not so long that a person would notice. */
const maxWaitMs = 25;
/** One that could not be read is not asked for so long, and for twice as long each time in a row. */
const rest = { firstMs: 250, longestMs: 16_000 };

/**
 * The end of the last commit, or more: a commit is answered when it is flushed, unless `synchronous_commit` is off. What is written after
 * that, such as what reading has tidied up, may be flushed a fifth of a second later, and is waited for by nobody.
 */
const committed = `
  case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn() else pg_current_wal_flush_lsn() end`;

export function createReplica(primary: Connection, replica: Connection): Replica {
  const written = shared(() => positionOn(primary, committed));
  const replayed = shared(() => positionOn(replica, "case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end"));
  let restMs = 0;
  let restUntil = 0;

  function leaveAlone(): void {
    if (performance.now() < restUntil) return;
    restMs = Math.min(restMs * 2 || rest.firstMs, rest.longestMs);
    restUntil = performance.now() + restMs;
  }

  async function isReady(): Promise<boolean> {
    if (performance.now() < restUntil) return false;
    const position = await written().catch(() => undefined);
    const isAsFar = position !== undefined && (await within(maxWaitMs, (until) => reaches(replayed, position, until)));
    if (isAsFar) restMs = 0;
    else leaveAlone();
    return isAsFar;
  }

  return {
    read: async (onReplica, onPrimary) => {
      if (!(await isReady())) return await onPrimary();
      try {
        return await onReplica(replica);
      } catch (error) {
        if (error instanceof ChatkeepError && saidByVerbs.has(error.code)) throw error;
        leaveAlone();
        return await onPrimary();
      }
    },
  };
}

/** @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL */
async function positionOn(connection: Connection, position: string): Promise<bigint | undefined> {
  const [row] = await connection.query(`select (${position})::text as lsn`);
  const [high, low] = String(row?.[0] ?? "").split("/");
  return high && low ? (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`) : undefined;
}

async function reaches(replayed: () => Promise<bigint | undefined>, position: bigint, until: number): Promise<boolean> {
  for (let pauseMs = 1; ; pauseMs *= 2) {
    const now = await replayed();
    // It is no standby, or not any more.
    if (now === undefined) return false;
    if (now >= position) return true;
    if (performance.now() + pauseMs > until) return false;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** `false` when it fails, or has not ended by then. */
async function within(ms: number, work: (until: number) => Promise<boolean>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([work(performance.now() + ms).catch(() => false), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One question at a time, for all who ask meanwhile. INVARIANT: it is asked after whoever gets its answer has asked for it. */
function shared<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<Answer> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const answer = ask();
      running = answer.catch(() => {});
      return answer;
    });
    return next;
  };
}
