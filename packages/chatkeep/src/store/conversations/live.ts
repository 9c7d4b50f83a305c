/** Conversations as they are now, for servers that tell open pages of changes: for all users of a server in one statement. */

import { select } from "../../sql/columns.ts";
import { list, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, prepared } from "../context.ts";
import { conversationName } from "../ids.ts";
import { parse } from "../input.ts";
import { ownerSchemas } from "../owner-schemas.ts";
import { ofOwners, userOf } from "../owners.ts";
import { type Conversation, conversationColumns, conversationFrom } from "../tables/conversation.ts";
import { type UserId, userIdFrom } from "../tables/tables.ts";

/** Names a conversation and its owner. */
export interface ConversationKey {
  userId: UserId;
  conversationId: string;
}

/** A conversation as it is now, with its owner and the run that is running in it. */
export interface LiveConversation {
  userId: UserId;
  conversation: Conversation;
  /** The reply that is being written. */
  runId: string | null;
}

/** Of each user; what is older changes only when it becomes newer, or is deleted. */
const newest = 20;

/** These conversations, found by their primary key. */
export async function readLive(context: Context, given: readonly ConversationKey[]): Promise<LiveConversation[]> {
  const keys = parse(ownerSchemas(context.tables).conversationKeys, given, "keys");
  if (keys.length === 0) return [];
  return await ofOwners(
    context,
    keys,
    ({ userId }) => userId,
    (some, ownerId) =>
      liveStatement(context).execute({
        ownerId,
        userIds: some.map(({ userId }) => userId),
        conversationIds: some.map(({ userId, conversationId }) => conversationName(userId, conversationId).id),
      }),
  );
}

/** The newest conversations of these users. */
export async function readRecent(context: Context, given: readonly UserId[]): Promise<LiveConversation[]> {
  const userIds = parse(ownerSchemas(context.tables).userIds, given, "userIds");
  if (userIds.length === 0) return [];
  return await ofOwners(
    context,
    userIds,
    (userId) => userId,
    (some, ownerId) => recentStatement(context).execute({ ownerId, userIds: [...some] }),
  );
}

function liveStatement(context: Context) {
  const { conversation, userType } = context.tables;
  return selectLive(
    context,
    "read_live",
    sql`unnest(${list("userIds", userType)}, ${list("conversationIds", "uuid")}) as key(user_id, conversation_id)
      join ${conversation} c on c.user_id = ${userOf(context, "key")} and c.id = key.conversation_id and c.deleted_at is null`,
  );
}

/** Reads conversation_user_id_archived_updated_at_id_idx backward, for each user. */
function recentStatement(context: Context) {
  const { conversation, userType } = context.tables;
  return selectLive(
    context,
    "read_recent",
    sql`unnest(${list("userIds", userType)}) as owner(user_id)
      cross join lateral (
        select *
        from ${conversation} mine
        where mine.user_id = ${userOf(context, "owner")} and not mine.archived and mine.expires_at is null
        order by mine.updated_at desc, mine.id desc
        limit ${raw(String(newest))}
      ) c`,
  );
}

function selectLive(context: Context, name: string, from: Sql) {
  const build = () => sql`
    select c.user_id, r.id as run_id, ${select(conversationColumns, "c")}
    from ${from}
    left join ${context.tables.run} r on r.user_id = ${userOf(context, "c")} and r.conversation_id = c.id and r.status = 'running'`;
  return prepared(
    context,
    name,
    build,
    (row): LiveConversation => ({
      userId: userIdFrom(context.tables, row[0]),
      runId: row[1] as string | null,
      conversation: conversationFrom(row, 2),
    }),
  );
}
