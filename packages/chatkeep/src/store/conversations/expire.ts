/** The end of temporary conversations. */
import { raw, sql } from "../../sql/sql.ts";
import { type Context, prepared } from "../context.ts";
import { userIdFrom } from "../tables/tables.ts";

const atOnce = 100;

/** Removes temporary conversations whose day is over, some in each statement; those that another server has in hand are passed over. */
export async function removeExpired(context: Context): Promise<number> {
  for (let total = 0; ; ) {
    const removed = await removeStatement(context).execute();
    for (const change of removed) context.changed(change);
    total += removed.length;
    if (removed.length < atOnce) return total;
  }
}

/** Reads conversation_expires_at_idx. */
function removeStatement(context: Context) {
  const { conversation, file, fileUse } = context.tables;
  const build = () => sql`
    with expired as (
      select c.user_id, c.id
      from ${conversation} c
      where c.expires_at is not null and c.expires_at < clock_timestamp()
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
