/** Reading one branch of a conversation's tree: from a message up to the first question. */
import { and, eq, sql } from "drizzle-orm";
import { type Chat, prepared } from "../database.ts";
import { NotFoundError } from "../errors.ts";
import { parse } from "../input.ts";
import type { Message, UserId } from "../models/chat.ts";
import { limits } from "../models/limits.ts";
import { idSchema, limitSchema } from "../models/schemas.ts";
import { messageColumns, toMessage } from "./columns.ts";
import type { Page } from "./page.ts";

export interface BranchOptions {
  /** The last message of the branch; the conversation's `headId` when left out. */
  leafId?: string | undefined;
  /** Give the messages above this one, which is a `nextCursor` of a page before. Not together with `leafId`. */
  before?: string | undefined;
  /** 1 to 100; 50 when left out. */
  limit?: number | undefined;
}

/**
 * The last messages of a branch, in the order in which they were said; `nextCursor` is the `before` of the page above.
 * The cost grows with the page, not with the conversation.
 * @throws invalid_input, not_found when the conversation or the message is not there
 */
export async function listBranch(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  options: BranchOptions = {},
): Promise<Page<Message>> {
  const id = parse(idSchema, conversationId, "conversationId");
  const limit = parse(limitSchema, options.limit ?? limits.messagesPerPage, "limit");
  const leafId = parse(idSchema.optional(), options.leafId, "leafId") ?? null;
  const before = parse(idSchema.optional(), options.before, "before") ?? null;
  const start = before ?? leafId;
  // One more than asked when reading above a message that is itself left out.
  const depth = limit + (before ? 1 : 0);
  const rows = await branchStatement(chat).execute({ ownerId, conversationId: id, start, depth });
  const [first] = rows;
  if (!first) throw new NotFoundError("conversation", id);
  if (start && !first.message) throw new NotFoundError("message", start);
  const path = rows.flatMap(({ message }) => (message ? [toMessage(message)] : [])).reverse();
  const items = before ? path.slice(0, -1) : path;
  const oldest = items[0];
  return { items, nextCursor: oldest?.parentId ? oldest.id : null };
}

/**
 * One message of the owner's.
 * @throws invalid_input, not_found
 */
export async function getMessage(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  messageId: string,
): Promise<Message> {
  const id = parse(idSchema, messageId, "messageId");
  const { message } = chat.models;
  const [row] = await chat.db
    .select(messageColumns(chat.models))
    .from(message)
    .where(
      and(
        eq(message.userId, ownerId),
        eq(message.id, id),
        eq(message.conversationId, parse(idSchema, conversationId, "conversationId")),
      ),
    );
  if (!row) throw new NotFoundError("message", id);
  return toMessage(row);
}

/** Climbs from parent to parent by id, one index look-up each; "is true" keeps the plan from reading the conversation. */
function branchStatement(chat: Chat) {
  return prepared(chat, "branch", () => {
    const { db, models } = chat;
    const { conversation, message } = models;
    const owner = sql.placeholder("ownerId");
    const conversationId = sql`${sql.placeholder("conversationId")}::uuid`;

    const place = db.$with("place", {}).as(sql`
      select coalesce(${sql.placeholder("start")}::uuid, c.head_id) as start_id
      from ${conversation} c
      where c.user_id = ${owner} and c.id = ${conversationId}`);

    const path = db.$with("path", {}).as(sql`
      with recursive climb as (
        select m.id, m.parent_id, 1 as depth
        from place
        join ${message} m on m.user_id = ${owner} and m.id = place.start_id
        where (m.conversation_id = ${conversationId}) is true
        union all
        select m.id, m.parent_id, climb.depth + 1
        from climb
        join ${message} m on m.user_id = ${owner} and m.id = climb.parent_id
        where climb.depth < ${sql.placeholder("depth")}::int
      )
      select id, depth from climb`);

    return db
      .with(place, path)
      .select({ message: messageColumns(models) })
      .from(sql`place left join path on true`)
      .leftJoin(message, and(eq(message.userId, owner), eq(message.id, sql`path.id`)))
      .orderBy(sql`path.depth`);
  });
}
