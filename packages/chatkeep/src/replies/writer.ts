/**
 * What this process streams, stored as it comes: all its replies together in one statement about every 100 ms, which is also
 * their heartbeat, and tells which of them were asked to stop, or are another's by now. Only then is it shown.
 */
import { ChatkeepError } from "../errors.ts";
import { coalesce } from "../notify/coalesce.ts";
import { createOutageLog } from "../notify/outage-log.ts";
import type { Heartbeat } from "../store/runs/heartbeat.ts";
import type { SystemStore } from "../store/store.ts";
import type { ChunkRow, RunKey, TokenCounts } from "../store/tables/run.ts";
import type { UserId } from "../store/tables/tables.ts";
import { eventsIn, toRow, type WholeCodec } from "./codec.ts";
import type { Logger } from "./logger.ts";
import type { ReplyNotifier } from "./notifier.ts";

export interface LiveRun {
  userId: UserId;
  key: RunKey;
  /** What its model took so far. */
  tokens(): TokenCounts;
  /** These events are stored now. */
  onStored(events: readonly string[]): void;
  /** The user asked for it to stop. */
  onStop(): void;
  /** It is over, or its conversation is gone: nothing of it is stored any more. */
  onLost(): void;
}

export interface RunWriter<Event> {
  /** Takes an event; wait for it, so that a slow database slows the model down. */
  write(event: Event): Promise<void>;
  /** Ends the heartbeat, and gives what is not stored yet. */
  close(): Promise<ChunkRow[]>;
}

interface OpenRun<Event> extends LiveRun {
  pending: Event[];
  pendingChars: number;
  rows: ChunkRow[];
  rowChars: number;
  /** How many events were cut into rows so far. */
  count: number;
  beatAt: number;
  /** Another process's clients follow it. */
  isFollowed: boolean;
  /** Resolves after the heartbeat that it is part of. */
  underWay: Promise<void> | undefined;
  isClosed: boolean;
}

const defaultFlushMs = 100;
const beatMs = 500;
/** So much is stored without waiting for its time. */
const urgentChars = 4 * 1024;
/** So much of one reply waits at most. */
const maxChars = 1024 * 1024;

/** For so long what has no characters waits for what it announces, so that both are stored together. */
const announcedMs = 20;

export interface WriterOptions<Event> {
  system: Pick<SystemStore, "heartbeat">;
  codec: WholeCodec<Event>;
  notifier: Pick<ReplyNotifier, "publish" | "isListening">;
  logger: Logger;
  /** How often what has come is stored, in milliseconds; 100 when left out. */
  flushMs?: number | undefined;
}

export function createWriter<Event>({
  system,
  codec,
  notifier,
  logger,
  flushMs = defaultFlushMs,
}: WriterOptions<Event>) {
  const runs = new Map<string, OpenRun<Event>>();

  const storing = createOutageLog(logger, "replies could not be stored for now");
  const flushing = coalesce(
    storing.watch(async () => {
      const now = performance.now();
      // A heartbeat is also how a stop is heard of where notifications do not arrive: then none is left out.
      const restMs = notifier.isListening() ? beatMs : beatMs / 2;
      const due = [...runs.values()].filter((run) => {
        cut(run);
        return run.rows.length > 0 || now - run.beatAt >= restMs;
      });
      if (due.length === 0) return;
      const done = Promise.withResolvers<void>();
      for (const run of due) run.underWay = done.promise;
      try {
        await store(due);
      } finally {
        for (const run of due) run.underWay = undefined;
        done.resolve();
      }
    }),
    { everyMs: flushMs, onError: storing.failed },
  );
  const heart = setInterval(() => runs.size > 0 && flushing.trigger(), beatMs).unref();

  /** Makes a row of what has come since the last one. */
  function cut(run: OpenRun<Event>): void {
    if (run.pending.length === 0) return;
    const events = run.pending;
    run.pending = [];
    run.pendingChars = 0;
    let row: ChunkRow;
    try {
      row = toRow(run.count + 1, codec.join(events).map(codec.encode));
    } catch (error) {
      logger.error({ error, runId: run.key.id }, "the codec could not encode what it was given");
      run.onLost();
      return;
    }
    run.count = row.seq;
    run.rows.push(row);
    run.rowChars += row.chunk.length;
  }

  async function store(due: readonly OpenRun<Event>[]): Promise<void> {
    try {
      await send(due);
    } catch (error) {
      // The database is away: all of it waits. Anything else may be the fault of one, which must not hold up the others.
      if (due.length === 1 || (error instanceof ChatkeepError && error.code === "unavailable")) throw error;
      for (const run of due) {
        await send([run]).catch((cause: unknown) => {
          logger.error({ error: cause, runId: run.key.id }, "a reply cannot be stored");
          run.onLost();
        });
      }
    }
  }

  async function send(due: readonly OpenRun<Event>[]): Promise<void> {
    const heartbeats = due.map(
      ({ userId, key, rows, tokens }): Heartbeat => ({ userId, key, chunks: [...rows], tokens: tokens() }),
    );
    const alive = new Map((await system.heartbeat(heartbeats)).map((run) => [run.runId, run]));
    const stored: { run: OpenRun<Event>; rows: ChunkRow[] }[] = [];
    for (const [index, run] of due.entries()) {
      const found = alive.get(run.key.id);
      if (!found) {
        run.onLost();
        continue;
      }
      run.beatAt = performance.now();
      const rows = run.rows.splice(0, heartbeats[index]?.chunks.length ?? 0);
      run.rowChars = run.rows.reduce((sum, { chunk }) => sum + chunk.length, 0);
      if (rows.length > 0) stored.push({ run, rows });
      // Who has just begun to follow may have read a moment too early.
      if (found.isFollowed && (rows.length > 0 || !run.isFollowed)) notifier.publish({ runId: run.key.id });
      run.isFollowed = found.isFollowed;
      if (found.stop) run.onStop();
    }
    // The others' followers have the longer way: the change goes out before our own are served.
    await new Promise((resolve) => setImmediate(resolve));
    for (const { run, rows } of stored) run.onStored(rows.flatMap(eventsIn));
  }

  function add(given: LiveRun): RunWriter<Event> {
    const run: OpenRun<Event> = {
      ...given,
      pending: [],
      pendingChars: 0,
      rows: [],
      rowChars: 0,
      count: 0,
      beatAt: performance.now(),
      isFollowed: false,
      underWay: undefined,
      isClosed: false,
    };
    runs.set(run.key.id, run);
    return {
      write: async (event) => {
        const chars = codec.charsIn(event);
        run.pendingChars += chars;
        run.pending.push(event);
        if (chars > 0) flushing.trigger(run.pendingChars >= urgentChars);
        else setTimeout(() => run.pending.length > 0 && flushing.trigger(), announcedMs);
        while (run.pendingChars + run.rowChars > maxChars && !run.isClosed) {
          flushing.trigger(true);
          await (run.underWay ?? new Promise((resolve) => setTimeout(resolve, flushMs)));
        }
      },
      close: async () => {
        run.isClosed = true;
        runs.delete(run.key.id);
        await run.underWay;
        cut(run);
        return run.rows;
      },
    };
  }

  return {
    add,
    /** Looks at once what was asked of a run, if it is one of this process's. */
    checkNow: (runId: string) => {
      const run = runs.get(runId);
      if (!run) return;
      run.beatAt = Number.NEGATIVE_INFINITY;
      flushing.trigger(true);
    },
    close: async () => {
      clearInterval(heart);
      await flushing.close();
    },
  };
}
