/** What replies have taken: sums of a user, a day and a model. */
import { type ColumnsOf, integer, text } from "../../sql/columns.ts";
import { raw } from "../../sql/sql.ts";

/** What replies took together. Tokens that a model did not report are not in it. */
export interface UsageSums {
  /** Runs that have ended, however they did; a reply that goes on is one more. */
  replies: number;
  inputTokens: number;
  outputTokens: number;
  /** Of the input tokens, those that providers had kept. */
  cachedTokens: number;
  /** Of the output tokens, those of thoughts. */
  reasoningTokens: number;
}

/** A row of the table `usage`. */
export interface UsageRow extends UsageSums {
  /** In UTC, by the database's clock: `2026-11-26`. A reply counts on the day on which it ended. */
  day: string;
  /** Empty where the run named none. */
  model: string;
}

export const usageSumColumns: ColumnsOf<UsageSums> = {
  replies: integer("replies", "bigint"),
  inputTokens: integer("input_tokens", "bigint"),
  outputTokens: integer("output_tokens", "bigint"),
  cachedTokens: integer("cached_tokens", "bigint"),
  reasoningTokens: integer("reasoning_tokens", "bigint"),
};

export const usageColumns: ColumnsOf<UsageRow> = { day: text("day"), model: text("model"), ...usageSumColumns };

/** What is set where a sum is there already, of `insert into usage as u`. */
export const addUsage = raw(
  Object.values(usageSumColumns)
    .map(({ name }) => `${name} = u.${name} + excluded.${name}`)
    .join(", "),
);
