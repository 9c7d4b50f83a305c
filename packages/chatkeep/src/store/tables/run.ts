/** What a run is, and its columns. */
import { type ColumnsOf, integer, reader, text, time, uuid } from "../../sql/columns.ts";
import type { FinishReason } from "./message.ts";

export const runStatuses = ["running", "completed", "stopped", "failed", "interrupted"] as const;

/** How a run stands: `running`, or how it ended. */
export type RunStatus = (typeof runStatuses)[number];

/** One generation of a reply. */
export interface Run {
  id: string;
  conversationId: string;
  /** The message that it writes. */
  messageId: string;
  status: RunStatus;
  /** The process that generates it. */
  server: string;
  /** Raised by whoever ends it: the lease of an earlier epoch is void. */
  epoch: number;
  heartbeatAt: Date;
  stopRequestedAt: Date | null;
  /** When somebody last read it while it was running. */
  followedAt: Date | null;
  startedAt: Date;
  finishedAt: Date | null;
  errorCode: string | null;
  /** A sentence for the reader, when it failed. */
  error: string | null;
  model: string | null;
  /** As the model reported them, also of a run that was cut off; `null` where it reported none. */
  inputTokens: number | null;
  outputTokens: number | null;
  /** Of the input tokens, those that the provider had kept. */
  cachedTokens: number | null;
  /** Of the output tokens, those of thoughts. */
  reasoningTokens: number | null;
  /** Why the model ended; `null` while the run is running. */
  finishReason: FinishReason | null;
}

/** What a model took, in tokens: what is not known is left out. */
export interface TokenCounts {
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  cachedTokens?: number | undefined;
  reasoningTokens?: number | undefined;
}

export const runColumns: ColumnsOf<Run> = {
  id: uuid("id"),
  conversationId: uuid("conversation_id"),
  messageId: uuid("message_id"),
  status: text<RunStatus>("status"),
  server: text("server"),
  epoch: integer("epoch"),
  heartbeatAt: time("heartbeat_at"),
  stopRequestedAt: time<Date | null>("stop_requested_at"),
  followedAt: time<Date | null>("followed_at"),
  startedAt: time("started_at"),
  finishedAt: time<Date | null>("finished_at"),
  errorCode: text<string | null>("error_code"),
  error: text<string | null>("error"),
  model: text<string | null>("model"),
  inputTokens: integer<number | null>("input_tokens", "bigint"),
  outputTokens: integer<number | null>("output_tokens", "bigint"),
  cachedTokens: integer<number | null>("cached_tokens", "bigint"),
  reasoningTokens: integer<number | null>("reasoning_tokens", "bigint"),
  finishReason: text<FinishReason | null>("finish_reason"),
};

export const runFrom = reader(runColumns);

/** Names a run and the lease that it was begun with. */
export type RunKey = Pick<Run, "id" | "epoch">;

export function runKeyFrom([id, epoch]: readonly unknown[]): RunKey {
  return { id: id as string, epoch: Number(epoch) };
}

/** Some of what was streamed. `seq` grows from row to row of a run; the server counts its events by it. */
export interface ChunkRow {
  seq: number;
  chunk: string;
}
