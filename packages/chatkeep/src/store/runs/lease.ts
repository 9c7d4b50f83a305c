/** The lease of a run: a heartbeat renews it, and whoever looks judges it by the clock of the database. */
import { raw, type Sql } from "../../sql/sql.ts";
import type { Context } from "../context.ts";

/** A run without a heartbeat for this long is over, unless the store was made with another lease. */
export const runLeaseMs = 15_000;

/** Whether the lease of a run has run out. */
export function isOver({ runLeaseMs: leaseMs }: Context, prefix: string): Sql {
  return raw(`${prefix}heartbeat_at < clock_timestamp() - interval '${Math.round(leaseMs)} milliseconds'`);
}
