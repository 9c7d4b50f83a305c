/** What servers do for each other: replies whose server has died are ended, and chunks that nobody needs any more go. */
import type { Database, Store } from "chatkeep";
import { getTableName, sql } from "drizzle-orm";
import type { Log } from "../log.ts";
import { conversation, message, run, runChunk } from "../models/index.ts";
import type { Doorbell } from "./doorbell.ts";
import { gather } from "./gather.ts";

const graceOfChunksMs = 300_000;
const sweepMs = 1_000;
const tidyMs = 30_000;
const tendMs = 600_000;
/** A server that nobody has used for so long lets the database sleep. */
const idleMs = 300_000;

export type Housework = ReturnType<typeof createHousework>;

export interface HouseworkOptions {
  store: Store;
  doorbell: Doorbell;
  log: Log;
  /** Given for the embedded database, which has nobody else to tend it. */
  alone: Database | undefined;
}

export function createHousework({ store, doorbell, log, alone }: HouseworkOptions) {
  let usedAt = performance.now();
  // After an outage all leases have run out, also those of servers that live: they get the time to renew them.
  let sweepAfter = 0;
  const sweeping = gather(
    async () => {
      if (performance.now() < sweepAfter) {
        // Tells whether the outage is over; if not, the time begins anew.
        await store.server.removeChunks(graceOfChunksMs);
        return;
      }
      for (const { runId, userId, conversationId } of await store.server.interruptRuns("expired")) {
        log.warn({ runId }, "a reply was interrupted: its server has stopped");
        doorbell.ring({ runId });
        doorbell.ring({ userId, conversationId });
      }
    },
    {
      everyMs: sweepMs,
      onError: (error) => {
        sweepAfter = performance.now() + store.server.leaseMs;
        log.warn({ error }, "dead runs could not be swept");
      },
    },
  );
  const tidying = gather(async () => void (await store.server.removeChunks(graceOfChunksMs)), {
    everyMs: tidyMs,
    onError: (error) => log.warn({ error }, "old chunks could not be removed"),
  });
  // What autovacuum does elsewhere: the room of old rows is used again, and the planner knows what there is.
  const tending = gather(
    async () => {
      for (const table of [conversation, message, run, runChunk])
        await alone?.execute(sql.raw(`vacuum (analyze) "${getTableName(table)}"`));
    },
    { everyMs: tendMs, onError: (error) => log.warn({ error }, "the embedded database could not be tended") },
  );
  const timer = setInterval(() => {
    if (performance.now() - usedAt > idleMs) return;
    sweeping.ask();
    tidying.ask();
    if (alone) tending.ask();
  }, sweepMs).unref();
  return {
    /** Somebody uses this server. */
    touch: () => {
      usedAt = performance.now();
    },
    sweep: () => sweeping.ask(),
    close: async () => {
      clearInterval(timer);
      await Promise.all([sweeping.close(), tidying.close(), tending.close()]);
    },
  };
}
