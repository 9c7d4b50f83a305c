/** Reading one branch of a conversation's tree: from a message up to the first question. */
import { and, eq, sql } from "drizzle-orm";
import { z } from "zod";
import { type Chat, prepared, preparedRows } from "../database.ts";
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { parse } from "../input.ts";
import type { Message, UserId } from "../models/chat.ts";
import { limits } from "../models/limits.ts";
import { idSchema, limitSchema } from "../models/schemas.ts";
import { messageColumns, messageFrom, toMessage } from "./columns.ts";
import type { Page } from "./page.ts";

export interface BranchOptions {
  /** The last message of the branch; the conversation's `headId` when left out. */
  leafId?: string | undefined;
  /** Give the messages above this one, which is a `nextCursor` of a page before. Not together with `leafId`. */
  before?: string | undefined;
  /** 1 to 100; 50 when left out. */
  limit?: number | undefined;
}

const optionsSchema = z
  .object(
    { limit: limitSchema.optional(), leafId: idSchema.optional(), before: idSchema.optional() },
    "must be an object",
  )
  .nullish();

/**
 * The last messages of a branch, in the order in which they were said; `nextCursor` is the `before` of the page above.
 * The cost grows with the page, not with the conversation.
 * @throws invalid_input, not_found when the conversation or the message is not there
 */
export async function listBranch(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  options?: BranchOptions,
): Promise<Page<Message>> {
  const id = parse(idSchema, conversationId, "conversationId");
  const { limit = limits.messagesPerPage, leafId, before } = parse(optionsSchema, options, "options") ?? {};
  if (leafId && before) {
    throw new InvalidInputError("Give leafId or before, not both: a page begins at one message.");
  }
  const start = before ?? leafId ?? null;
  // One more than asked when reading above a message that is itself left out.
  const depth = limit + (before ? 1 : 0);
  const rows = await branchStatement(chat).execute({
    ownerId,
    conversationId: id,
    start,
    depth,
    isLeftOut: Boolean(before),
  });
  if (rows.length === 0) throw new NotFoundError("conversation", id);
  const path = rows.filter((row) => row !== undefined).reverse();
  if (start && path.length === 0) throw new NotFoundError("message", start);
  const items = before ? path.slice(0, -1) : path;
  const oldest = items[0];
  return { items, nextCursor: oldest?.parentId ? oldest.id : null };
}

/** A message of a branch, and the ids of all messages that follow the same one with the same role, itself too, by `seq`. */
export interface BranchMessage extends Message {
  siblings: string[];
}

/** The same, and what else could stand in place of each message. @throws invalid_input, not_found */
export async function listBranchWithSiblings(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  options?: BranchOptions,
): Promise<Page<BranchMessage>> {
  const { items, nextCursor } = await listBranch(chat, ownerId, conversationId, options);
  const parentIds = items.flatMap(({ parentId }) => parentId ?? []);
  const hasRoot = items.some(({ parentId }) => parentId === null);
  const rows = await siblingsStatement(chat).execute({ ownerId, conversationId, parentIds, hasRoot });
  const siblings = Map.groupBy(rows, placeOf);
  return {
    items: items.map((item) => ({ ...item, siblings: siblings.get(placeOf(item))?.map(({ id }) => id) ?? [item.id] })),
    nextCursor,
  };
}

function placeOf({ parentId, role }: Pick<Message, "parentId" | "role">): string {
  return `${parentId} ${role}`;
}

/**
 * Shows the branch that this message is on: the conversation's `headId` becomes the newest message below it.
 * @throws invalid_input, not_found
 */
export async function showBranch(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  messageId: string,
): Promise<void> {
  const id = parse(idSchema, conversationId, "conversationId");
  const target = parse(idSchema, messageId, "headId");
  const rows = await showStatement(chat).execute({ ownerId, conversationId: id, messageId: target });
  if (rows.length === 0) throw new NotFoundError("message", target);
  chat.changed({ userId: ownerId, conversationId: id });
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
  const build = () => {
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
        select m.id, m.parent_id, 1 as depth,
          case when ${sql.placeholder("isLeftOut")}::boolean then 0 else m.bytes end::bigint as bytes
        from place
        join ${message} m on m.user_id = ${owner} and m.id = place.start_id
        where (m.conversation_id = ${conversationId}) is true
        union all
        select m.id, m.parent_id, climb.depth + 1, climb.bytes + m.bytes
        from climb
        join ${message} m on m.user_id = ${owner} and m.id = climb.parent_id
        where climb.depth < ${sql.placeholder("depth")}::int and climb.bytes < ${sql.raw(String(limits.pageBytes))}
      )
      select id, depth from climb`);

    return db
      .with(place, path)
      .select(messageColumns(models))
      .from(sql`place left join path on true`)
      .leftJoin(message, and(eq(message.userId, owner), eq(message.id, sql`path.id`)))
      .orderBy(sql`path.depth`);
  };
  return preparedRows(chat, "branch", build, messageFrom);
}

/** Reads message_conversation_id_parent_id_idx, once for each message of the page. */
function siblingsStatement(chat: Chat) {
  return prepared(chat, "siblings", () => {
    const { db, models } = chat;
    const mine = sql`m.user_id = ${sql.placeholder("ownerId")} and m.conversation_id = ${sql.placeholder("conversationId")}::uuid`;
    return db
      .select({
        id: sql<string>`s.id`,
        parentId: sql<string | null>`s.parent_id`,
        role: sql<Message["role"]>`s.role`,
      })
      .from(
        sql`(
          select m.id, m.parent_id, m.role, m.seq
          from unnest(${sql.placeholder("parentIds")}::uuid[]) as parent(id)
          join ${models.message} m on ${mine} and m.parent_id = parent.id
          union all
          select m.id, m.parent_id, m.role, m.seq
          from ${models.message} m
          where ${sql.placeholder("hasRoot")}::boolean and ${mine} and m.parent_id is null
        ) s`,
      )
      .orderBy(sql`s.seq`);
  });
}

/** Goes down from the message, each time to the newest that follows. */
function showStatement(chat: Chat) {
  return prepared(chat, "show_branch", () => {
    const { db, models } = chat;
    const owner = sql.placeholder("ownerId");
    const conversationId = sql`${sql.placeholder("conversationId")}::uuid`;
    const path = db.$with("path", {}).as(sql`
      with recursive down as (
        select m.id, 1 as depth
        from ${models.message} m
        where m.user_id = ${owner} and m.id = ${sql.placeholder("messageId")}::uuid and m.conversation_id = ${conversationId}
        union all
        select next.id, down.depth + 1
        from down
        cross join lateral (
          select m.id
          from ${models.message} m
          where m.user_id = ${owner} and m.conversation_id = ${conversationId} and m.parent_id = down.id
          order by m.seq desc
          limit 1
        ) next
      )
      select id from down order by depth desc limit 1`);
    const shown = db.$with("shown", {}).as(sql`
      update ${models.conversation} c
      set head_id = path.id
      from path
      where c.user_id = ${owner} and c.id = ${conversationId}
      returning c.id`);
    return db.with(path, shown).select({ id: sql<string>`shown.id` }).from(sql`shown`);
  });
}
