/** What one's replies have taken, and what is left of quotas, over HTTP. */
import type { Page, QuotaUse, UsageSum } from "../wire.ts";
import type { RequestOptions, Sender } from "./request.ts";

/** What to sum by, of which days, and which page. */
export interface UsageQuery extends RequestOptions {
  by: "day" | "model" | "conversation";
  /** From this day on, in UTC: a date, or a text such as `2026-11-26`. */
  after?: Date | string | undefined;
  /** Until the day before this one. */
  before?: Date | string | undefined;
  /** 1 to 100; 100 when left out. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** What was used, and what is left. */
export interface UsageClient {
  /** Sums by days, newest first, or by models or conversations, those with the most tokens first. @throws invalid_input */
  list(query: UsageQuery): Promise<Page<UsageSum>>;
  /** How the user stands to the quotas of this server; none when it has no quotas. */
  quotas(options?: RequestOptions): Promise<QuotaUse[]>;
}

export function usageClient({ request }: Sender): UsageClient {
  return {
    list: ({ signal, keepalive, after, before, ...query }) =>
      request("/usage", { query: { ...query, after: dayOf(after), before: dayOf(before) }, signal, keepalive }),
    quotas: async (options) => (await request<{ items: QuotaUse[] }>("/quotas", options)).items,
  };
}

function dayOf(given: Date | string | undefined): string | undefined {
  return given instanceof Date ? given.toISOString().split("T")[0] : given;
}
