/** The end of conversations whose time is over: temporary ones, those in the trash, and those whose removal another process left. */
import { raw, sql } from "../../sql/sql.ts";
import { type Context, prepared, type Runner } from "../context.ts";
import { sweep, sweptOf } from "../owners.ts";
import { userIdFrom } from "../tables/tables.ts";
import { eraseLease, eraseRows, noRows } from "./erase.ts";

const atOnce = 100;
/** Larger ones, and those in the index of search, are removed in batches. */
const fewMessages = 100;

/** Those that another server has in hand are passed over. */
export async function removeExpired(run: Runner): Promise<number> {
  let total = 0;
  for (;;) {
    const removed = await run(async (context) => {
      const some = await sweep(context, dueIn(context, "expired"), (ownerId) =>
        removeStatement(context).execute({ ownerId }),
      );
      for (const change of some) context.changed(change);
      return some;
    });
    total += removed.length;
    if (removed.length < atOnce) break;
  }
  for (;;) {
    const due = await run(async (context) => {
      const some = await sweep(context, dueIn(context, "taken"), (ownerId) =>
        takeStatement(context).execute({ ownerId }),
      );
      for (const { userId, conversationId } of some) context.changed({ userId, conversationId });
      return some;
    });
    if (due.length === 0) return total;
    for (const { userId, rowId } of due) await eraseRows(run, userId, rowId, noRows());
    total += due.length;
  }
}

const isDue = raw("expires_at is not null and expires_at < clock_timestamp()");
const dueIn = ({ tables }: Context, name: string) => ({ name, table: tables.conversation, due: isDue });

/** Reads conversation_expires_at_idx. */
function removeStatement(context: Context) {
  const { conversation, file, fileUse } = context.tables;
  const build = () => sql`
    with expired as (
      select c.user_id, c.id
      from ${conversation} c
      where c.expires_at is not null and c.expires_at < clock_timestamp()
        and c.message_count <= ${raw(String(fewMessages))} and c.indexed_count = 0 ${sweptOf(context, "c")}
      order by c.expires_at
      limit ${raw(String(atOnce))}
      for update skip locked
    ),
    waiting as (
      update ${file} f
      set check_at = clock_timestamp()
      from expired
      join ${fileUse} u on u.user_id = expired.user_id and u.conversation_id = expired.id
      where f.user_id = expired.user_id and f.id = u.attachment_id
    )
    delete from ${conversation} c
    using expired
    where c.user_id = expired.user_id and c.id = expired.id
    returning c.user_id, coalesce(c.external_id, c.id::text)`;
  return prepared(context, "remove_expired", build, ([userId, conversationId]) => ({
    userId: userIdFrom(context.tables, userId),
    conversationId: conversationId as string,
  }));
}

/** Marks one that is due, so that it is absent, and nobody else takes it for a while. */
function takeStatement(context: Context) {
  const { conversation } = context.tables;
  const build = () => sql`
    with due as (
      select c.user_id, c.id
      from ${conversation} c
      where c.expires_at is not null and c.expires_at < clock_timestamp() ${sweptOf(context, "c")}
      order by c.expires_at
      limit 1
      for no key update skip locked
    )
    update ${conversation} c
    set deleted_at = '-infinity', expires_at = clock_timestamp() + ${eraseLease}
    from due
    where c.user_id = due.user_id and c.id = due.id
    returning c.user_id, c.id, coalesce(c.external_id, c.id::text)`;
  return prepared(context, "take_expired", build, ([userId, rowId, conversationId]) => ({
    userId: userIdFrom(context.tables, userId),
    rowId: rowId as string,
    conversationId: conversationId as string,
  }));
}
