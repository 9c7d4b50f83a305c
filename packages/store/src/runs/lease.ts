/** The lease of a run: a heartbeat renews it, and whoever looks judges it by the clock of the database. */
import { type SQL, sql } from "drizzle-orm";
import type { Chat } from "../database.ts";

/** A run without a heartbeat for this long is over, unless the store was made with another lease. */
export const runLeaseMs = 15_000;

/** Whether the lease of a run has run out. */
export function isOver({ runLeaseMs: leaseMs }: Chat, prefix = ""): SQL {
  return sql.raw(`${prefix}heartbeat_at < clock_timestamp() - interval '${Math.round(leaseMs)} milliseconds'`);
}
