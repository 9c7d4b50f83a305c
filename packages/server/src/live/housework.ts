/** What servers do for each other: replies whose server has died are ended, and chunks that nobody needs any more go. */
import { coalesce, type Store } from "chatkeep";
import { createOutageLog, type Log } from "../log.ts";

const graceOfChunksMs = 300_000;
const sweepMs = 1_000;
const tidyMs = 30_000;
/** A server that nobody has used for so long lets the database sleep. */
const idleMs = 300_000;

export type Housework = ReturnType<typeof createHousework>;

export interface HouseworkOptions {
  store: Store;
  log: Log;
  /** What is to be removed beside chunks, from time to time. */
  removeExpired(): Promise<void>;
}

export function createHousework({ store, log, removeExpired }: HouseworkOptions) {
  let usedAt = performance.now();
  const sweeps = createOutageLog(log, "dead runs could not be swept");
  // After an outage all leases have run out, also those of servers that live: they get the time to renew them.
  let sweepAfter = 0;
  const sweeping = coalesce(
    sweeps.watch(async () => {
      if (performance.now() < sweepAfter) {
        // Tells whether the outage is over; if not, the time begins anew.
        await store.server.removeChunks(graceOfChunksMs);
        return;
      }
      for (const { runId } of await store.server.interruptRuns("expired")) {
        log.warn({ runId }, "a reply was interrupted: its server has stopped");
      }
    }),
    {
      everyMs: sweepMs,
      onError: (error) => {
        sweepAfter = performance.now() + store.server.leaseMs;
        sweeps.failed(error);
      },
    },
  );
  const removals = createOutageLog(log, "old rows could not be removed");
  const tidying = coalesce(
    removals.watch(async () => {
      await store.server.removeChunks(graceOfChunksMs);
      await removeExpired();
    }),
    { everyMs: tidyMs, onError: removals.failed },
  );
  const timer = setInterval(() => {
    if (performance.now() - usedAt > idleMs) return;
    sweeping.trigger();
    tidying.trigger();
  }, sweepMs).unref();
  return {
    /** Somebody uses this server. */
    touch: () => {
      usedAt = performance.now();
    },
    sweep: () => sweeping.trigger(),
    close: async () => {
      clearInterval(timer);
      await Promise.all([sweeping.close(), tidying.close()]);
    },
  };
}
