/** Conversations as they are now, for servers that tell open pages of changes: for all users of a server in one statement. */
import { type SQL, sql } from "drizzle-orm";
import { type Chat, prepared, userIdsIn } from "./database.ts";
import { parse } from "./input.ts";
import type { Conversation, UserId } from "./models/chat.ts";
import { ownerSchemas } from "./models/owner-schemas.ts";

export interface LivePlace {
  userId: UserId;
  conversationId: string;
}

export interface LiveConversation {
  userId: UserId;
  conversation: Conversation;
  /** The reply that is being written. */
  runId: string | null;
}

/** Of each user; what is older changes only when it becomes newer, or is deleted. */
const newest = 20;

/** These conversations, found by their primary key. */
export async function readLive(chat: Chat, given: readonly LivePlace[]): Promise<LiveConversation[]> {
  const places = parse(ownerSchemas(chat.models).livePlaces, given, "places");
  if (places.length === 0) return [];
  const rows = await liveStatement(chat).execute({
    userIds: places.map(({ userId }) => userId),
    conversationIds: places.map(({ conversationId }) => conversationId),
  });
  return rows.map(toLive);
}

/** The newest conversations of these users. */
export async function readRecent(chat: Chat, given: readonly UserId[]): Promise<LiveConversation[]> {
  const userIds = parse(ownerSchemas(chat.models).userIds, given, "userIds");
  if (userIds.length === 0) return [];
  return (await recentStatement(chat).execute({ userIds })).map(toLive);
}

function liveStatement(chat: Chat) {
  return prepared(chat, "read_live", () =>
    select(
      chat,
      sql`unnest(${userIdsIn(chat)}, ${sql.placeholder("conversationIds")}::uuid[]) as place(user_id, conversation_id)
        join ${chat.models.conversation} c on c.user_id = place.user_id and c.id = place.conversation_id`,
    ),
  );
}

/** Reads conversation_user_id_archived_updated_at_id_idx backward, for each user. */
function recentStatement(chat: Chat) {
  return prepared(chat, "read_recent", () =>
    select(
      chat,
      sql`unnest(${userIdsIn(chat)}) as owner(user_id)
        cross join lateral (
          select *
          from ${chat.models.conversation} mine
          where mine.user_id = owner.user_id and not mine.archived
          order by mine.updated_at desc, mine.id desc
          limit ${sql.raw(String(newest))}
        ) c`,
    ),
  );
}

function select({ db, models }: Chat, from: SQL) {
  const { createdAt, updatedAt } = models.conversation;
  return db
    .select({
      userId: sql<UserId>`c.user_id`,
      id: sql<string>`c.id`,
      title: sql<string | null>`c.title`,
      messageCount: sql<number>`c.message_count`,
      headId: sql<string | null>`c.head_id`,
      pinned: sql<boolean>`c.pinned`,
      archived: sql<boolean>`c.archived`,
      createdAt: sql<Date>`c.created_at`.mapWith(createdAt),
      updatedAt: sql<Date>`c.updated_at`.mapWith(updatedAt),
      runId: sql<string | null>`r.id`,
    })
    .from(
      sql`${from}
        left join ${models.run} r
          on r.user_id = c.user_id and r.conversation_id = c.id and r.status = 'running'`,
    );
}

function toLive({ userId, runId, ...conversation }: Conversation & Omit<LiveConversation, "conversation">) {
  return { userId, conversation, runId };
}
