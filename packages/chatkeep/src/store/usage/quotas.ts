/** What a user may take: looked at before a model is called, in the statement that begins its run, and counted when the run ends. */
import { RateLimitedError } from "../../errors.ts";
import { list, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { parse } from "../input.ts";
import type { UserId } from "../tables/tables.ts";
import { type Quota, quotasSchema } from "./quota-schemas.ts";

/** How a user stands to a quota. */
export interface QuotaUse {
  of: Quota["of"];
  per: NonNullable<Quota["per"]>;
  limit: number;
  used: number;
  /** When it begins anew; `null` where it does not. */
  renewsAt: Date | null;
}

/** How a user stands to quotas, in their order. @throws invalid_input */
export async function readQuotas(context: Context, ownerId: UserId, given: readonly Quota[]): Promise<QuotaUse[]> {
  const quotas = parse(quotasSchema, given, "quotas");
  if (quotas.length === 0) return [];
  const build = () => sql`
    with ${quotaParts(context, owner(context), lists)}
    select number, used, renews_at from quota_use order by number`;
  const statement = prepared(context, "quotas", build, (row) => row);
  const rows = await statement.execute({ ownerId, ...quotaValues(quotas) });
  return rows.map(([number, used, renewsAt]) => useOf(quotas, number, used, renewsAt));
}

/** @throws rate_limited */
export async function requireQuotas(context: Context, ownerId: UserId, quotas: readonly Quota[]): Promise<void> {
  if (quotas.length === 0) return;
  const build = () => sql`
    with ${quotaParts(context, owner(context), lists)}
    select ${quotaColumns} from quota_over`;
  const statement = prepared(context, "require_quotas", build, (row) => row);
  const [row] = await statement.execute({ ownerId, ...quotaValues(quotas) });
  if (row) throw quotaRefusal(quotas, row);
}

/** What `quota_over` says, for `quotaRefusal`. */
export const quotaColumns = sql`quota_over.number, quota_over.used, quota_over.renews_at, quota_over.renews_in`;

const lists: QuotaLists = {
  kinds: list("quotaKinds", "text"),
  periods: list("quotaPeriods", "text"),
  limits: list("quotaLimits", "bigint"),
};

interface QuotaLists {
  kinds: Sql;
  periods: Sql;
  limits: Sql;
}

/** The parameters of `quotaLists`, where they stand in a list of values. */
export function quotaPlaces(first: number): QuotaLists {
  const place = (index: number, type: string) => list(String(first + index), type);
  return { kinds: place(0, "text"), periods: place(1, "text"), limits: place(2, "bigint") };
}

function quotaValues(quotas: readonly Quota[]): Record<string, unknown[]> {
  const [quotaKinds, quotaPeriods, quotaLimits] = quotaLists(quotas);
  return { quotaKinds, quotaPeriods, quotaLimits };
}

/** The same in their order. */
export function quotaLists(quotas: readonly Quota[]): [string[], string[], number[]] {
  return [quotas.map(({ of }) => of), quotas.map(({ per = "total" }) => per), quotas.map(({ limit }) => limit)];
}

/**
 * `quota_use`, a row for each quota, and `quota_over`: that of which most is taken for longest, if there is one. Reads usage_pkey, of
 * this month alone where that is enough; the running replies count as messages already.
 */
export function quotaParts(context: Context, mine: Sql, given: QuotaLists): Sql {
  const { message, run, usage, fileContent } = context.tables;
  return sql`
    quota as materialized (
      select * from unnest(${given.kinds}, ${given.periods}, ${given.limits}) with ordinality as q(kind, period, most, number)
    ),
    spent as materialized (
      select
        coalesce(sum(u.replies) filter (where u.day = ${today}), 0) as messages_day,
        coalesce(sum(u.replies) filter (where u.day >= ${thisMonth}), 0) as messages_month,
        coalesce(sum(u.replies), 0) as messages_total,
        coalesce(sum(u.input_tokens + u.output_tokens) filter (where u.day = ${today}), 0) as tokens_day,
        coalesce(sum(u.input_tokens + u.output_tokens) filter (where u.day >= ${thisMonth}), 0) as tokens_month,
        coalesce(sum(u.input_tokens + u.output_tokens), 0) as tokens_total
      from ${usage} u
      where u.user_id = ${mine} and u.day >= case
        when exists (select from quota where period = 'total' and kind <> 'bytes') then date '-infinity' else ${thisMonth} end
    ),
    quota_use as materialized (
      select q.number, q.most,
        case q.kind
          when 'bytes' then (select coalesce(sum(m.bytes), 0) from ${message} m where m.user_id = ${mine})
            + (select coalesce(sum(k.size), 0) from ${fileContent} k where k.user_id = ${mine})
          when 'tokens' then case q.period when 'day' then s.tokens_day when 'month' then s.tokens_month else s.tokens_total end
          else case q.period when 'day' then s.messages_day when 'month' then s.messages_month else s.messages_total end
            + (select count(*) from ${run} r where r.user_id = ${mine} and r.status = 'running')
        end as used,
        case q.period
          when 'day' then date_part('epoch', (${today} + 1)::timestamp at time zone 'UTC') * 1000
          when 'month' then date_part('epoch', (${thisMonth} + interval '1 month') at time zone 'UTC') * 1000
        end as renews_at
      from quota q
      cross join spent s
    ),
    quota_over as materialized (
      select number, used, renews_at, renews_at - date_part('epoch', clock_timestamp()) * 1000 as renews_in
      from quota_use
      where used >= most
      order by renews_at desc nulls first, number
      limit 1
    )`;
}

const today = sql`(statement_timestamp() at time zone 'UTC')::date`;
const thisMonth = sql`date_trunc('month', statement_timestamp() at time zone 'UTC')::date`;

/** Of a row of `quota_over`. */
export function quotaRefusal(quotas: readonly Quota[], [number, used, at, renewsIn]: readonly unknown[]): Error {
  const { of, per, limit, renewsAt, ...rest } = useOf(quotas, number, used, at);
  const period = { day: " a day", month: " a month", total: "" }[per];
  const until = renewsAt
    ? `go on after ${renewsAt.toISOString()}`
    : `${of === "bytes" ? "delete conversations, or " : ""}ask the operator for more`;
  const details = {
    quota: of,
    per,
    limit,
    used: rest.used,
    ...(renewsAt && { retryAt: renewsAt.toISOString(), retryAfter: Math.max(1, Math.ceil(Number(renewsIn) / 1_000)) }),
  };
  return new RateLimitedError(`The quota of ${limit} ${of}${period} is used up: ${until}.`, { details });
}

function useOf(quotas: readonly Quota[], number: unknown, used: unknown, renewsAt: unknown): QuotaUse {
  const { of, per = "total", limit } = quotas[Number(number) - 1] as Quota;
  const at = renewsAt === null || renewsAt === undefined ? null : new Date(Math.round(Number(renewsAt)));
  return { of, per, limit, used: Number(used), renewsAt: at };
}
