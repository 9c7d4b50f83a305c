/** Reading one branch of a conversation's tree: from a message up to the first question. */
import { InvalidInputError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type ColumnsOf, isTrue, reader, select } from "../../sql/columns.ts";
import { list, param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { conversationName, messageName } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import { idSchema, messageLimitSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import { type Message, type MessageRow, messageColumns, messageFrom } from "../tables/message.ts";
import { type Run, runColumns } from "../tables/run.ts";
import type { UserId } from "../tables/tables.ts";
import type { Page } from "./page.ts";

export interface BranchOptions {
  /** The last message of the branch; the conversation's `headId` when left out. */
  leafId?: string | undefined;
  /** Give the messages above this one, which is a `nextCursor` of a page before. Not together with `leafId`. */
  before?: string | undefined;
  /**
   * Give the messages below this one instead, or the first ones for `null`, as far as the conversation's `headId`; `nextCursor` is
   * then the `after` of the page below. Not together with the others.
   */
  after?: string | null | undefined;
  /** 1 to 500; 50 when left out. */
  limit?: number | undefined;
}

const optionsSchema = strictObject({
  limit: messageLimitSchema.optional(),
  leafId: idSchema.optional(),
  before: idSchema.optional(),
  after: idSchema.nullable().optional(),
}).nullish();

/**
 * The last messages of a branch, in the order in which they were said; `nextCursor` is the `before` of the page above.
 * The cost grows with the page, not with the conversation.
 * @throws invalid_input, not_found when the conversation or the message is not there
 */
export async function listBranch(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  options?: BranchOptions,
): Promise<Page<Message>> {
  const id = parseId(conversationId, "conversationId");
  const { limit = limits.messagesPerPage, leafId, before, after } = parse(optionsSchema, options, "options") ?? {};
  if ([leafId, before, after].filter((each) => each !== undefined).length > 1) {
    throw new InvalidInputError("Give only one of leafId, before and after: a page begins at one message.");
  }
  if (after !== undefined) return await listBelow(context, ownerId, id, after, limit);
  const start = before ?? leafId ?? null;
  const inside = conversationName(ownerId, id).id;
  // One more than asked when reading above a message that is itself left out.
  const depth = limit + (before ? 1 : 0);
  const rows = await branchStatement(context, id).execute({
    ownerId,
    conversationId: inside,
    start: start && messageName(ownerId, inside, start).id,
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

async function listBelow(
  context: Context,
  ownerId: UserId,
  id: string,
  after: string | null,
  limit: number,
): Promise<Page<Message>> {
  const inside = conversationName(ownerId, id).id;
  const start = after === null ? null : messageName(ownerId, inside, after).id;
  const rows = await belowStatement(context, id).execute({ ownerId, conversationId: inside, start, limit });
  const [first] = rows;
  if (!first) throw new NotFoundError("conversation", id);
  if (after !== null && !first.isStartThere) throw new NotFoundError("message", after);
  const items = rows.flatMap(({ message }) => message ?? []);
  const last = items.at(-1);
  return { items, nextCursor: last && !rows.at(-1)?.isHead ? last.id : null };
}

/** A message of a branch, and what else is known of it. */
export interface BranchMessage extends Message {
  /** The ids of all messages that follow the same one with the same role, itself too, by `seq`. */
  siblings: string[];
  /** The name of the model that wrote it, as it was called then; `null` where no run did. */
  model: string | null;
}

/** The same, and what else could stand in place of each message. @throws invalid_input, not_found */
export async function listBranchWithSiblings(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  options?: BranchOptions,
): Promise<Page<BranchMessage>> {
  const { items, nextCursor } = await listBranch(context, ownerId, conversationId, options);
  const inside = conversationName(ownerId, parseId(conversationId, "conversationId")).id;
  const rowOf = (id: string) => messageName(ownerId, inside, id).id;
  const parentIds = items.flatMap(({ parentId }) => (parentId === null ? [] : rowOf(parentId)));
  const hasRoot = items.some(({ parentId }) => parentId === null);
  const rows = await siblingsStatement(context).execute({ ownerId, conversationId: inside, parentIds, hasRoot });
  const models = new Map(rows.map(({ id, model }) => [id, model]));
  const siblings = Map.groupBy(rows, ({ parentId, role }) => familyOf(parentId, role));
  const siblingsOf = ({ id, parentId, role }: Message) =>
    siblings.get(familyOf(parentId && rowOf(parentId), role))?.map((each) => each.externalId ?? each.id) ?? [id];
  return {
    items: items.map((item) => ({ ...item, siblings: siblingsOf(item), model: models.get(rowOf(item.id)) ?? null })),
    nextCursor,
  };
}

function familyOf(parentId: string | null, role: string): string {
  return `${parentId} ${role}`;
}

/**
 * Shows the branch that this message is on: the conversation's `headId` becomes the newest message below it.
 * @throws invalid_input, not_found
 */
export async function showBranch(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  messageId: string,
): Promise<void> {
  const id = parseId(conversationId, "conversationId");
  const target = parseId(messageId, "headId");
  const inside = conversationName(ownerId, id).id;
  const messageRow = messageName(ownerId, inside, target).id;
  const rows = await showStatement(context).execute({ ownerId, conversationId: inside, messageId: messageRow });
  if (rows.length === 0) throw new NotFoundError("message", target);
  context.changed({ userId: ownerId, conversationId: id });
}

/**
 * One message of the owner's.
 * @throws invalid_input, not_found
 */
export async function getMessage(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  messageId: string,
): Promise<Message> {
  const id = parseId(messageId, "messageId");
  const givenId = parseId(conversationId, "conversationId");
  const inside = conversationName(ownerId, givenId).id;
  const values = { ownerId, messageId: messageName(ownerId, inside, id).id, conversationId: inside };
  const [row] = await getStatement(context, givenId).execute(values);
  if (!row) throw new NotFoundError("message", id);
  return row;
}

function getStatement(context: Context, givenId: string) {
  const build = () => sql`
    select ${select(messageColumns, "m")}
    from ${context.tables.message} m
    join ${context.tables.conversation} c on c.user_id = m.user_id and c.id = m.conversation_id and c.deleted_at is null
    where m.user_id = ${owner(context)} and m.id = ${param("messageId", "uuid")}
      and m.conversation_id = ${param("conversationId", "uuid")}`;
  return prepared(context, "message", build, (row) => messageFrom(row, givenId));
}

/** Climbs from parent to parent by id, one index look-up each; "is true" keeps the plan from reading the conversation. */
function branchStatement(context: Context, givenId: string) {
  const { conversation, message } = context.tables;
  const [mine, conversationId] = [owner(context), param("conversationId", "uuid")];
  const build = () => sql`
    with recursive start as (
      select coalesce(${param("start", "uuid")}, c.head_id) as id
      from ${conversation} c
      where c.user_id = ${mine} and c.id = ${conversationId} and c.deleted_at is null
    ),
    climb as (
      select m.id, m.parent_id, 1 as depth,
        case when ${param("isLeftOut", "boolean")} then 0 else m.bytes end::bigint as bytes
      from start
      join ${message} m on m.user_id = ${mine} and m.id = start.id
      where (m.conversation_id = ${conversationId}) is true
      union all
      select m.id, m.parent_id, climb.depth + 1, climb.bytes + m.bytes
      from climb
      -- With a limit no plan reads all messages of the owner, as one does that has no statistics yet.
      cross join lateral (
        select up.id, up.parent_id, up.bytes from ${message} up where up.user_id = ${mine} and up.id = climb.parent_id limit 1
      ) m
      where climb.depth < ${param("depth", "int")} and climb.bytes < ${raw(String(limits.pageBytes))}
    )
    select ${select(messageColumns, "m")}
    from start
    left join climb on true
    left join lateral (
      select * from ${message} each where each.user_id = ${mine} and each.id = climb.id limit 1
    ) m on true
    order by climb.depth`;
  return prepared(context, "branch", build, (row) => (row[0] === null ? undefined : messageFrom(row, givenId)));
}

/**
 * Goes down from message to message, so that a page costs the same wherever it lies. Only where several follow one message it climbs
 * from the head to see which of them is meant; of a branch that is not shown, the newest one is.
 */
function belowStatement(context: Context, givenId: string) {
  const { conversation, message } = context.tables;
  const [mine, conversationId] = [owner(context), param("conversationId", "uuid")];
  const start = param("start", "uuid");
  const child = (above: Sql, isBelow: Sql) => sql`
    select case when (
        select count(*) from (
          select 1 from ${message} m
          where m.user_id = ${mine} and m.conversation_id = ${conversationId} and ${isBelow} limit 2
        ) two
      ) < 2 then null else (
        with recursive up as (
          select m.id, m.parent_id from ${message} m where m.user_id = ${mine} and m.id = head.head_id
          union all
          select upper.id, upper.parent_id from up
          -- With a limit no plan reads all messages for each step.
          cross join lateral (
            select m.id, m.parent_id from ${message} m where m.user_id = ${mine} and m.id = up.parent_id limit 1
          ) upper
          where up.parent_id is distinct from ${above}
        )
        select up.id from up where up.parent_id is not distinct from ${above} limit 1
      ) end as id`;
  const next = (above: Sql, isBelow: Sql) => sql`
    cross join lateral (${child(above, isBelow)}) meant
    cross join lateral (
      select m.id, m.bytes from ${message} m
      where m.user_id = ${mine} and m.conversation_id = ${conversationId} and ${isBelow}
        and m.id = coalesce(meant.id, m.id)
      -- No index has this order, so that the one on parents is read.
      order by m.seq + 0 desc
      limit 1
    ) next`;
  const first = (isHere: Sql, isBelow: Sql) => sql`
      select next.id, 1 as depth, next.bytes::bigint as bytes
      from head
      ${next(start, isBelow)}
      where ${isHere} and head.head_id is not null and head.head_id is distinct from ${start}`;
  const build = () => sql`
    with recursive head as (
      select c.head_id, exists (
        select from ${message} m where m.user_id = ${mine} and m.id = ${start} and m.conversation_id = ${conversationId}
      ) as is_start_there
      from ${conversation} c
      where c.user_id = ${mine} and c.id = ${conversationId} and c.deleted_at is null
    ),
    down as (
      ${first(sql`${start} is null`, sql`m.parent_id is null`)}
      union all
      ${first(sql`${start} is not null`, sql`m.parent_id = ${start}`)}
      union all
      select next.id, down.depth + 1, down.bytes + next.bytes
      from down
      cross join head
      ${next(sql`down.id`, sql`m.parent_id = down.id`)}
      where down.id <> head.head_id and down.depth < ${param("limit", "int")}
        and down.bytes < ${raw(String(limits.pageBytes))}
    )
    select head.is_start_there, down.id = head.head_id, ${select(messageColumns, "m")}
    from head
    left join down on true
    left join ${message} m on m.user_id = ${mine} and m.id = down.id
    order by down.depth`;
  return prepared(context, "branch_below", build, (row) => ({
    isStartThere: isTrue(row[0]),
    isHead: isTrue(row[1]),
    message: row[2] === null ? undefined : messageFrom(row, givenId, 2),
  }));
}

/** Reads message_conversation_id_parent_id_idx, once for each message of the page. */
function siblingsStatement(context: Context) {
  const { message, run } = context.tables;
  const mine = sql`m.user_id = ${owner(context)} and m.conversation_id = ${param("conversationId", "uuid")}`;
  const build = () => sql`
    select s.id, s.external_id, s.parent_id, s.role, written.model
    from (
      select m.id, m.external_id, m.parent_id, m.role, m.seq, m.created_at
      from unnest(${list("parentIds", "uuid")}) as parent(id)
      join ${message} m on ${mine} and m.parent_id = parent.id
      union all
      select m.id, m.external_id, m.parent_id, m.role, m.seq, m.created_at
      from ${message} m
      where ${param("hasRoot", "boolean")} and ${mine} and m.parent_id is null
    ) s
    -- A run begins with its draft: the times keep this from reading all runs of a long conversation.
    left join lateral (
      select r.model
      from ${run} r
      where r.user_id = ${owner(context)} and r.conversation_id = ${param("conversationId", "uuid")} and r.message_id = s.id
        and r.started_at between s.created_at - interval '10 minutes' and s.created_at + interval '10 minutes'
      order by r.started_at
      limit 1
    ) written on s.role = 'assistant'
    order by s.seq`;
  return prepared(context, "siblings", build, reader(siblingColumns));
}

type Sibling = Pick<MessageRow, "id" | "externalId" | "parentId" | "role"> & Pick<Run, "model">;

const siblingColumns: ColumnsOf<Sibling> = {
  id: messageColumns.id,
  externalId: messageColumns.externalId,
  parentId: messageColumns.parentId,
  role: messageColumns.role,
  model: runColumns.model,
};

/** Goes down from the message, each time to the newest that follows. */
function showStatement(context: Context) {
  const { conversation, message } = context.tables;
  const [mine, conversationId] = [owner(context), param("conversationId", "uuid")];
  const build = () => sql`
    with recursive down as (
      select m.id, m.external_id, 1 as depth
      from ${message} m
      where m.user_id = ${mine} and m.id = ${param("messageId", "uuid")} and m.conversation_id = ${conversationId}
      union all
      select next.id, next.external_id, down.depth + 1
      from down
      cross join lateral (
        select m.id, m.external_id
        from ${message} m
        where m.user_id = ${mine} and m.conversation_id = ${conversationId} and m.parent_id = down.id
        order by m.seq desc
        limit 1
      ) next
    ),
    last as (
      select id, external_id from down order by depth desc limit 1
    )
    update ${conversation} c
    set head_id = last.id, head_external_id = last.external_id
    from last
    where c.user_id = ${mine} and c.id = ${conversationId} and c.deleted_at is null
    returning c.id`;
  return prepared(context, "show_branch", build, ([id]) => id as string);
}
