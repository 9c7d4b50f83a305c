/**
 * Runs of clients: a lease belongs to one message and lasts until its client ends it. Its last sign of life is the last change of
 * its message, by the clock of the database.
 */
import { randomBytes } from "node:crypto";
import type { Message } from "../../store/tables/message.ts";
import { leaseMismatch, runEnded } from "./errors.ts";
import { type Lease, readMetadata } from "./facts.ts";

/** How often a client is to say that it lives. */
export const heartbeatIntervalMs = 10_000;

/** A lease that is silent for so long keeps nobody else from its message any more; readers are told how long it has been. */
const staleMs = 30_000;

/** It names its message, so that the message is found by it. */
export function newLease(messageId: string): Lease {
  const name = Buffer.from(messageId).toString("base64url");
  return { lease_id: `${name}.${randomBytes(16).toString("base64url")}`, status: "running" };
}

export function messageIdOf(leaseId: string): string {
  return Buffer.from(leaseId.split(".")[0] ?? "", "base64url").toString();
}

export function leaseOf({ metadata }: Message): Lease | undefined {
  return readMetadata(metadata).facts.run;
}

export function isRunning(message: Message): boolean {
  return leaseOf(message)?.status === "running";
}

/** Since its last sign of life. */
export function silentMs(message: Message, now: Date): number {
  return Math.max(0, now.getTime() - (message.updatedAt ?? message.createdAt).getTime());
}

/** Whether somebody else's lease keeps a write from this message. */
export async function isTaken(message: Message, now: () => Promise<Date>): Promise<boolean> {
  return isRunning(message) && silentMs(message, await now()) < staleMs;
}

/** @throws conflict, as `lease_mismatch` and `run_ended` */
export function requireLease(message: Message, leaseId: string): Lease {
  const lease = leaseOf(message);
  if (lease?.lease_id !== leaseId) throw leaseMismatch();
  if (lease.status === "ended") throw runEnded();
  return lease;
}
