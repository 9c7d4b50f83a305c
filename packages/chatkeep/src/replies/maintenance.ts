/** What processes do for each other: replies whose process has died are ended, chunks and files that nobody needs any more go, and messages are indexed for search. */
import { coalesce } from "../notify/coalesce.ts";
import { createOutageLog } from "../notify/outage-log.ts";
import type { Store } from "../store/store.ts";
import type { UserId } from "../store/tables/tables.ts";
import type { Logger } from "./logger.ts";

const graceOfChunksMs = 300_000;
const sweepMs = 1_000;
const removeMs = 30_000;
const indexMs = 2_000;
/** A process that nobody has used for so long lets the database sleep. */
const idleMs = 300_000;

export interface MaintenanceOptions {
  store: Store;
  logger: Logger;
  /** What is to be removed beside chunks, from time to time. */
  removeExpired?: (() => Promise<void>) | undefined;
}

export function createMaintenance({ store, logger, removeExpired }: MaintenanceOptions) {
  let usedAt = performance.now();
  const sweeps = createOutageLog(logger, "dead runs could not be swept");
  // After an outage all leases have run out, also those of processes that live: they get the time to renew them.
  let sweepAfter = 0;
  const sweeping = coalesce(
    sweeps.watch(async () => {
      if (performance.now() < sweepAfter) {
        // Tells whether the outage is over; if not, the time begins anew.
        await store.system.removeChunks(graceOfChunksMs);
        return;
      }
      for (const { runId } of await store.system.interruptRuns("expired")) {
        logger.warn({ runId }, "a reply was interrupted: its process has stopped");
      }
    }),
    {
      everyMs: sweepMs,
      onError: (error) => {
        sweepAfter = performance.now() + store.system.leaseMs;
        sweeps.failed(error);
      },
    },
  );
  const removals = createOutageLog(logger, "old rows could not be removed");
  const removing = coalesce(
    removals.watch(async () => {
      await store.system.removeChunks(graceOfChunksMs);
      await store.system.removeExpired();
      await store.system.removeUnusedFiles();
      await removeExpired?.();
    }),
    { everyMs: removeMs, onError: removals.failed },
  );
  const fillings = createOutageLog(logger, "messages could not be indexed for search");
  let after: UserId | null = null;
  const indexing = coalesce(
    fillings.watch(async () => {
      after = (await store.system.indexMessages({ after: after ?? undefined })).next;
    }),
    { everyMs: indexMs, onError: fillings.failed },
  );
  const timer = setInterval(() => {
    if (performance.now() - usedAt > idleMs) return;
    sweeping.trigger();
    removing.trigger();
    indexing.trigger();
  }, sweepMs).unref();
  return {
    /** Somebody uses this process. */
    markActive: () => {
      usedAt = performance.now();
    },
    sweep: () => sweeping.trigger(),
    close: async () => {
      clearInterval(timer);
      await Promise.all([sweeping.close(), removing.close(), indexing.close()]);
    },
  };
}
