/** Retention: conversations in which nothing has happened for long are let go, without the trash; pinned ones stay. */
import * as z from "zod";
import { list, param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { parse } from "../input.ts";
import { ownerSchemas } from "../owner-schemas.ts";
import { ofOwners, userOf } from "../owners.ts";
import { strictObject } from "../strict-object.ts";
import { type UserId, userIdFrom } from "../tables/tables.ts";

const ownersAtOnce = 500;
const conversationsAtOnce = 200;
/** A hundred years: a clock for those who have none. */
const never = 36_500;

/** Which conversations are let go: at least one of both clocks. */
export interface RetentionOptions {
  /** Days, 1 to 36,500, after the last thing that happened in a conversation, whether it is in the archive or not. */
  days?: number | undefined;
  /** The same for those in the archive. */
  archivedDays?: number | undefined;
  /** Owners after this one: the `next` of the call before. */
  after?: UserId | undefined;
}

/** What a call of `retain` has done. */
export interface RetainedConversations {
  /** Conversations that were let go. */
  removed: number;
  /** From where to go on; `null` when all owners were looked at. */
  next: UserId | null;
}

const rule = `must be a whole number of days from 1 to ${never}`;
const daysSchema = z.int(rule).min(1, rule).max(never, rule).optional();

/** @throws invalid_input */
export async function retainConversations(context: Context, options: RetentionOptions): Promise<RetainedConversations> {
  const schema = strictObject({
    days: daysSchema,
    archivedDays: daysSchema,
    after: ownerSchemas(context.tables).userId.optional(),
  }).refine(
    ({ days, archivedDays }) => days !== undefined || archivedDays !== undefined,
    "must have days or archivedDays",
  );
  const { days = never, archivedDays = never, after } = parse(schema, options, "options");
  const owners = await ownersStatement(context, after !== undefined).execute({ after });
  let removed = 0;
  for (;;) {
    const ages = { days, archivedDays: Math.min(days, archivedDays) };
    const some = await ofOwners(
      context,
      owners,
      (id) => id,
      (theirs, ownerId) => letGoStatement(context).execute({ ...ages, owners: [...theirs], ownerId }),
    );
    for (const change of some) context.changed(change);
    removed += some.length;
    if (some.length < conversationsAtOnce) break;
  }
  return { removed, next: owners.length === ownersAtOnce ? (owners.at(-1) ?? null) : null };
}

/** Goes from owner to owner in conversation_user_id_archived_updated_at_id_idx, whatever each has. */
function ownersStatement(context: Context, hasAfter: boolean) {
  const { conversation, userType } = context.tables;
  const next = (after: Sql) => sql`
    select c.user_id from ${conversation} c where c.expires_at is null ${after} order by c.user_id limit 1`;
  const all = () => sql`
    select distinct c.user_id from ${conversation} c
    where c.expires_at is null ${hasAfter ? sql`and c.user_id > ${param("after", userType)}` : raw("")}
    order by c.user_id limit ${raw(String(ownersAtOnce))}`;
  const walk = () => sql`
    with recursive owner as (
      (${next(hasAfter ? sql`and c.user_id > ${param("after", userType)}` : raw(""))})
      union all
      select next.user_id
      from owner
      cross join lateral (${next(sql`and c.user_id > owner.user_id`)}) next
    )
    select user_id from owner limit ${raw(String(ownersAtOnce))}`;
  const build = context.isDistributed ? all : walk;
  return prepared(context, hasAfter ? "retain_owners_next" : "retain_owners", build, ([id]) =>
    userIdFrom(context.tables, id),
  );
}

/** By the clock of the database. They are due at once, for whoever removes what is over. */
function letGoStatement(context: Context) {
  const { conversation, run, userType } = context.tables;
  const owners = context.isDistributed ? sql`(select ${owner(context)})` : sql`unnest(${list("owners", userType)})`;
  const old = (archived: boolean, days: string) => sql`
    (select c.id
    from ${conversation} c
    where c.user_id = ${userOf(context, "owner")} and c.archived = ${raw(String(archived))} and c.expires_at is null and not c.pinned
      and c.updated_at < clock_timestamp() - make_interval(days => ${param(days, "int")})
      and not exists (
        select from ${run} r where r.user_id = ${userOf(context, "c")} and r.conversation_id = c.id and r.status = 'running')
    order by c.updated_at
    limit ${raw(String(conversationsAtOnce))})`;
  const build = () => sql`
    with old as (
      select owner.user_id, found.id
      from ${owners} as owner(user_id)
      cross join lateral (${old(false, "days")} union all ${old(true, "archivedDays")}) found
      limit ${raw(String(conversationsAtOnce))}
    ),
    locked as (
      select c.user_id, c.id
      from old
      join ${conversation} c on c.user_id = ${userOf(context, "old")} and c.id = old.id
      where c.expires_at is null and not c.pinned
        and c.updated_at < clock_timestamp() - make_interval(days => ${param("archivedDays", "int")})
      for no key update of c skip locked
    )
    update ${conversation} c
    set deleted_at = '-infinity', expires_at = clock_timestamp()
    from locked
    where c.user_id = ${userOf(context, "locked")} and c.id = locked.id
    returning c.user_id, coalesce(c.external_id, c.id::text)`;
  return prepared(context, "retain", build, ([userId, conversationId]) => ({
    userId: userIdFrom(context.tables, userId),
    conversationId: conversationId as string,
  }));
}
