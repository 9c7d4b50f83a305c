/**
 * What this server streams, stored as it comes: all its replies together in one statement about every 100 ms, which is also
 * their heartbeat, and tells which of them were asked to stop, or are another's by now. Only then is it shown.
 */
import type { UIMessageChunk } from "ai";
import {
  ChatkeepError,
  type ChunkRow,
  coalesce,
  type Notifier,
  type Pulse,
  type RunKey,
  type ServerStore,
} from "chatkeep";
import { createOutageLog, type Log } from "../log.ts";
import { eventsIn, joined, toRow } from "./events.ts";

export interface PulsedRun {
  userId: string;
  key: RunKey;
  /** These events are stored now. */
  onStored(events: readonly string[]): void;
  /** The user asked for it to stop. */
  onStop(): void;
  /** It is over, or its conversation is gone: nothing of it is stored any more. */
  onLost(): void;
}

export interface Writer {
  /** Takes a chunk; wait for it, so that a slow database slows the model down. */
  write(chunk: UIMessageChunk): Promise<void>;
  /** Ends the heartbeat, and gives what is not stored yet. */
  close(): Promise<ChunkRow[]>;
}

interface Open extends PulsedRun {
  pending: UIMessageChunk[];
  pendingLetters: number;
  rows: ChunkRow[];
  rowLetters: number;
  /** How many events were cut into rows so far. */
  count: number;
  pulsedAt: number;
  /** Another server's clients follow it. */
  isFollowed: boolean;
  /** Resolves after the pulse that it is part of. */
  underWay: Promise<void> | undefined;
  isClosed: boolean;
}

const everyMs = 100;
const beatMs = 500;
/** So much is stored without waiting for its time. */
const urgentLetters = 4 * 1024;
/** So much of one reply waits at most. */
const mostLetters = 1024 * 1024;

export interface PulseOptions {
  server: Pick<ServerStore, "pulse">;
  notifier: Pick<Notifier, "publish">;
  log: Log;
}

export function createPulse({ server, notifier, log }: PulseOptions) {
  const runs = new Map<string, Open>();

  const storing = createOutageLog(log, "replies could not be stored for now");
  const pulsing = coalesce(
    storing.watch(async () => {
      const now = performance.now();
      const due = [...runs.values()].filter((run) => {
        cut(run);
        return run.rows.length > 0 || now - run.pulsedAt >= beatMs;
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
    { everyMs, onError: storing.failed },
  );
  const heart = setInterval(() => runs.size > 0 && pulsing.trigger(), beatMs).unref();

  async function store(due: readonly Open[]): Promise<void> {
    try {
      await send(due);
    } catch (error) {
      // The database is away: all of it waits. Anything else may be the fault of one, which must not hold up the others.
      if (due.length === 1 || (error instanceof ChatkeepError && error.code === "unavailable")) throw error;
      for (const run of due) {
        await send([run]).catch((cause: unknown) => {
          log.error({ error: cause, runId: run.key.id }, "a reply cannot be stored");
          run.onLost();
        });
      }
    }
  }

  async function send(due: readonly Open[]): Promise<void> {
    const pulses = due.map(({ userId, key, rows }): Pulse => ({ userId, key, chunks: [...rows] }));
    const alive = new Map((await server.pulse(pulses)).map((run) => [run.runId, run]));
    const stored: { run: Open; rows: ChunkRow[] }[] = [];
    for (const [index, run] of due.entries()) {
      const found = alive.get(run.key.id);
      if (!found) {
        run.onLost();
        continue;
      }
      run.pulsedAt = performance.now();
      const rows = run.rows.splice(0, pulses[index]?.chunks.length ?? 0);
      run.rowLetters = run.rows.reduce((sum, { chunk }) => sum + chunk.length, 0);
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

  function add(given: PulsedRun): Writer {
    const run: Open = {
      ...given,
      pending: [],
      pendingLetters: 0,
      rows: [],
      rowLetters: 0,
      count: 0,
      pulsedAt: performance.now(),
      isFollowed: false,
      underWay: undefined,
      isClosed: false,
    };
    runs.set(run.key.id, run);
    return {
      write: async (chunk) => {
        run.pending.push(chunk);
        run.pendingLetters += "delta" in chunk ? chunk.delta.length : JSON.stringify(chunk).length;
        pulsing.trigger(run.pendingLetters >= urgentLetters);
        while (run.pendingLetters + run.rowLetters > mostLetters && !run.isClosed) {
          pulsing.trigger(true);
          await (run.underWay ?? new Promise((resolve) => setTimeout(resolve, everyMs)));
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
    /** Looks at once what was asked of a run, if it is one of this server's. */
    look: (runId: string) => {
      const run = runs.get(runId);
      if (!run) return;
      run.pulsedAt = Number.NEGATIVE_INFINITY;
      pulsing.trigger(true);
    },
    close: async () => {
      clearInterval(heart);
      await pulsing.close();
    },
  };
}

function cut(run: Open): void {
  if (run.pending.length === 0) return;
  const events = joined(run.pending).map((chunk) => JSON.stringify(chunk));
  const row = toRow(run.count + 1, events);
  run.pending = [];
  run.pendingLetters = 0;
  run.count = row.seq;
  run.rows.push(row);
  run.rowLetters += row.chunk.length;
}
