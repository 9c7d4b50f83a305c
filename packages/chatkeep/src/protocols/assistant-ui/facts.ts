/**
 * What this protocol keeps of a message beside its words: in the message's metadata, under one key, so that neither its parts nor
 * what a client keeps there are touched by it.
 */
import { InvalidInputError } from "../../errors.ts";
import type { Score } from "./schemas.ts";

/** Under which key of the metadata, of messages and of conversations. */
const factsKey = "assistant-ui";

/** A run of a client's that writes a message, which lasts until its client ends it. */
export interface Lease {
  lease_id: string;
  status: "running" | "ended";
  reason?: string | undefined;
}

/** What is kept of a message. */
export interface Facts {
  /** Left out for `ai-sdk/v6`, whose messages are kept as everybody's are. */
  format?: string | undefined;
  run?: Lease | undefined;
  feedback?: { id: string; type: string; comment?: string | undefined } | undefined;
  scores?: Record<string, Score & { id: string }> | undefined;
  /** The client's own, where it is no object that has keys. */
  metadata?: unknown;
}

/** What the client gave as metadata, and what is kept beside it. */
export interface ReadMetadata {
  theirs: unknown;
  facts: Facts;
}

/** `theirs` is `undefined` where nothing was given. */
export function readMetadata(metadata: unknown): ReadMetadata {
  if (!hasKeys(metadata) || !(factsKey in metadata)) return { theirs: metadata ?? undefined, facts: {} };
  const { [factsKey]: kept, ...rest } = metadata;
  const { metadata: own, ...facts } = (kept ?? {}) as Facts;
  const theirs = own !== undefined ? own : hasKeys(rest) ? rest : undefined;
  return { theirs, facts };
}

/** What to store; `undefined` for nothing. @throws invalid_input when a client uses our key */
export function writeMetadata(theirs: unknown, facts: Facts): unknown {
  if (hasKeys(theirs) && factsKey in theirs) {
    throw new InvalidInputError(`metadata must not have the key "${factsKey}": it is the server's own.`);
  }
  const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  const isPlain = theirs === undefined || hasKeys(theirs);
  if (Object.keys(known).length === 0 && theirs !== null) return theirs;
  return { ...(hasKeys(theirs) && theirs), [factsKey]: { ...known, ...(!isPlain && { metadata: theirs }) } };
}

function hasKeys(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}
