/** What a user's replies have taken, by days, models or conversations. */
import * as z from "zod";
import { reader } from "../../sql/columns.ts";
import { decodeCursorOf, encodeCursor } from "../../sql/cursor.ts";
import { param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { parse } from "../input.ts";
import type { Page } from "../messages/page.ts";
import { cursorSchema, limitSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import type { UserId } from "../tables/tables.ts";
import { type UsageSums, usageSumColumns } from "../tables/usage.ts";

/** What usage can be summed by. */
export const usageKinds = ["day", "model", "conversation"] as const;

const dayRule = "must be a date, or a day such as 2026-11-26";
const daySchema = z.union([z.date(), z.string()], dayRule).transform((given, context) => {
  const day = given instanceof Date ? dayOf(given) : given;
  const isDay = /^\d{4}-\d\d-\d\d$/.test(day) && dayOf(new Date(`${day}T00:00:00Z`)) === day;
  if (isDay) return day;
  context.addIssue({ code: "custom", message: dayRule });
  return z.NEVER;
});

const usageOptionsSchema = strictObject({
  by: z.enum(usageKinds, `must be one of ${usageKinds.join(", ")}`),
  after: daySchema.optional(),
  before: daySchema.optional(),
  limit: limitSchema.optional(),
  cursor: cursorSchema.optional(),
});

/**
 * What to sum by, and of which days: from the day `after` on, and until the day before `before`, both in UTC. 100 on a page, or
 * `limit` from 1 to 100; `cursor` is the `nextCursor` of the page before.
 */
export interface UsageOptions<By extends UsageKind = UsageKind> extends z.input<typeof usageOptionsSchema> {
  by: By;
}

/** What usage is summed by. */
export type UsageKind = (typeof usageKinds)[number];

/** What each kind of sum is of. */
export interface UsageBy {
  day: UsageSums & { day: string };
  /** `null` where the run named no model. */
  model: UsageSums & { model: string | null };
  conversation: UsageSums & { conversationId: string };
}

const pageSize = 100;

/**
 * A page of sums: days newest first, models and conversations with the most tokens first. Those of conversations that were deleted
 * are in the sums of days and models alone.
 * @throws invalid_input
 */
export async function listUsage<By extends UsageKind>(
  context: Context,
  ownerId: UserId,
  options: UsageOptions<By>,
): Promise<Page<UsageBy[By]>> {
  const { by, after, before, limit = pageSize, cursor } = parse(usageOptionsSchema, options, "options");
  const [position = 0] = cursor === undefined ? [] : decodeCursorOf(cursor, ["number"]);
  const place = Number(position);
  const rows = await statementFor(context, by).execute({
    ownerId,
    after: after ?? null,
    before: (by === "day" && cursor !== undefined ? earlier(before, dayOf(new Date(place))) : before) ?? null,
    skip: by === "day" ? 0 : place,
    count: limit + 1,
  });
  const items = rows.slice(0, limit) as UsageBy[By][];
  const last = items.at(-1);
  const next = last && "day" in last ? Date.parse(last.day) : place + limit;
  return { items, nextCursor: rows.length > limit ? encodeCursor([next]) : null };
}

function earlier(one: string | undefined, other: string): string {
  return one !== undefined && one < other ? one : other;
}

/** Past the year 9999 it is none. */
function dayOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? "" : (date.toISOString().split("T")[0] ?? "");
}

const sums = raw(
  Object.values(usageSumColumns)
    .map(({ name }) => `coalesce(sum(u.${name}), 0)::bigint as ${name}`)
    .join(", "),
);
const sumsFrom = reader(usageSumColumns);

function statementFor(context: Context, by: UsageKind) {
  const build = { day: byDay, model: byModel, conversation: byConversation }[by];
  return prepared(
    context,
    `usage_by_${by}`,
    () => build(context),
    ([key, ...row]) => {
      const keys = { day: { day: key }, model: { model: key }, conversation: { conversationId: key } }[by];
      return { ...keys, ...sumsFrom(row) };
    },
  );
}

const inDays = (day: string) => sql`
  (${param("after", "date")} is null or ${raw(day)} >= ${param("after", "date")})
  and (${param("before", "date")} is null or ${raw(day)} < ${param("before", "date")})`;
const paged = sql`offset ${param("skip", "int")} limit ${param("count", "int")}`;
const mostFirst = raw("sum(u.input_tokens + u.output_tokens) desc nulls last");

/** Reads usage_pkey. */
function byDay(context: Context): Sql {
  return sql`
    select to_char(u.day, 'YYYY-MM-DD') as key, ${sums}
    from ${context.tables.usage} u
    where u.user_id = ${owner(context)} and ${inDays("u.day")}
    group by u.day
    order by u.day desc
    ${paged}`;
}

/** Reads usage_pkey. */
function byModel(context: Context): Sql {
  return sql`
    select nullif(u.model, '') as key, ${sums}
    from ${context.tables.usage} u
    where u.user_id = ${owner(context)} and ${inDays("u.day")}
    group by u.model
    order by ${mostFirst}, u.model
    ${paged}`;
}

/** Reads run_user_id_conversation_id_started_at_idx. */
function byConversation(context: Context): Sql {
  const { conversation, run } = context.tables;
  const ended = "(r.finished_at at time zone 'UTC')::date";
  return sql`
    select coalesce(c.external_id, c.id::text) as key, ${raw(
      Object.values(usageSumColumns)
        .map(({ name }) => `u.${name}`)
        .join(", "),
    )}
    from (
      select r.conversation_id, count(*) as replies,
        ${raw(
          ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"]
            .map((name) => `coalesce(sum(r.${name}), 0)::bigint as ${name}`)
            .join(", "),
        )}
      from ${run} r
      where r.user_id = ${owner(context)} and r.status <> 'running' and ${inDays(ended)}
      group by r.conversation_id
    ) u
    join ${conversation} c on c.user_id = ${owner(context)} and c.id = u.conversation_id and c.deleted_at is null
    order by u.input_tokens + u.output_tokens desc, c.id
    ${paged}`;
}
