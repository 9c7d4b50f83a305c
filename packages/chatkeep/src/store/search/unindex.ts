/** What keeps the index of search true: a block with words that are gone is removed, and its other messages wait for a new one. */
import { param, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import type { UserId } from "../tables/tables.ts";

/**
 * Takes a message out of the index. To be called in the transaction that changes it, after a statement that has locked the
 * conversation: whoever indexes it holds the same lock, and has committed by then.
 */
export async function unindex(context: Context, ownerId: UserId, { messageId }: { messageId: string }): Promise<void> {
  await statement(context).execute({ ownerId, messageId });
}

/** A user has a block for each 64 messages: all of them are looked at. */
function statement(context: Context) {
  const { searchBlock, searchPending, message } = context.tables;
  const build = () => sql`
    with doomed as (
      select b.id
      from ${searchBlock} b
      where b.user_id = ${owner(context)} and ${param("messageId", "uuid")} = any (b.message_ids)
      order by b.id
      for update
    ),
    gone as (
      delete from ${searchBlock} b
      using doomed
      where b.user_id = ${owner(context)} and b.id = doomed.id
      returning b.message_ids
    )
    insert into ${searchPending} (user_id, message_id)
    select ${owner(context)}, m.id
    from gone
    cross join lateral unnest(gone.message_ids) as member(id)
    join ${message} m on m.user_id = ${owner(context)} and m.id = member.id
    on conflict do nothing`;
  return prepared(context, "unindex_message", build, () => undefined);
}

/** Locks a conversation, as everything does that changes it. */
export async function lockConversation(context: Context, ownerId: UserId, conversationId: string): Promise<void> {
  const build = () => sql`
    select c.id
    from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")}
    for no key update`;
  await prepared(context, "lock", build, () => undefined).execute({ ownerId, conversationId });
}
