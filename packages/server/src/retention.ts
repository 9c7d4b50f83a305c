/** Retention of this server: a look at some users in each sweep, at all of them about once an hour. */
import type { Store } from "chatkeep";

/** After how many days without a change conversations are removed for good; pinned ones are not. */
export interface Retention {
  days?: number | undefined;
  /** Of those in the archive. */
  archivedDays?: number | undefined;
}

const againMs = 3_600_000;

/** To be called in each sweep. */
export function createRetention({ system }: Pick<Store, "system">, { days, archivedDays }: Retention) {
  let after: string | number | undefined;
  let waitUntil = 0;
  return async (): Promise<void> => {
    if ((days === undefined && archivedDays === undefined) || performance.now() < waitUntil) return;
    const { next } = await system.retain({ days, archivedDays, after });
    after = next ?? undefined;
    if (next === null) waitUntil = performance.now() + againMs;
  };
}
