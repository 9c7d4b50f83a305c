/**
 * Fills the index of search, apart from appends: by whoever has time. What is not in it yet is read by each search. It holds the
 * locks of the conversations whose messages it reads, and waits for none of them.
 */
import { type ColumnsOf, integer, isTrue, listsOf, text, unnest, uuid } from "../../sql/columns.ts";
import { list, param, raw, sql } from "../../sql/sql.ts";
import { type Context, changing, owner, prepared } from "../context.ts";
import { newId } from "../ids.ts";
import { parse } from "../input.ts";
import { ownerSchemas } from "../owner-schemas.ts";
import { strictObject } from "../strict-object.ts";
import type { MessageStatus, Part } from "../tables/message.ts";
import { type UserId, userIdFrom } from "../tables/tables.ts";
import { blockSize, wordsOf } from "./blocks.ts";
import { searchFields, textsOf } from "./texts.ts";

const max = { conversations: 256, messages: blockSize * 8, bytes: 8 * 1024 * 1024, all: 4096 };
/** Owners that one call looks at. */
const maxOwners = 500;

/** What a call of `indexMessages` looks at. */
export interface IndexMessagesOptions {
  /** Nobody but this owner. */
  userId?: UserId | undefined;
  /** Owners after this one: the `next` of the call before. */
  after?: UserId | undefined;
}

/** What a call of `indexMessages` has done. */
export interface IndexedMessages {
  /** Messages that are in the index now. */
  indexed: number;
  /** From where to go on; `null` at the end, after which it begins anew. */
  next: UserId | null;
}

function optionsSchema({ tables }: Context) {
  const { userId } = ownerSchemas(tables);
  return strictObject({ userId: userId.optional(), after: userId.optional() }).optional();
}

/** Indexes what waits for it of owners who have at least a block of it, up to about 4,000 messages. */
export async function indexMessages(context: Context, options?: IndexMessagesOptions): Promise<IndexedMessages> {
  const given = parse(optionsSchema(context), options, "options") ?? {};
  if (given.userId !== undefined)
    return { indexed: (await indexOwner(context, given.userId, max.all)).indexed, next: null };
  const owners = await ownersStatement(context, given.after !== undefined).execute({ after: given.after });
  let indexed = 0;
  let done = given.after ?? null;
  for (const { id, waiting } of owners) {
    if (waiting >= blockSize) {
      const owner = await indexOwner(context, id, max.all - indexed);
      indexed += owner.indexed;
      if (!owner.isDone) return { indexed, next: done };
    }
    done = id;
  }
  return { indexed, next: owners.length === maxOwners ? done : null };
}

/** Walks conversation_unindexed_idx. */
function ownersStatement(context: Context, hasAfter: boolean) {
  const { conversation, searchPending, userType } = context.tables;
  const after = hasAfter ? sql`and user_id > ${param("after", userType)}` : raw("");
  const build = () => sql`
    select waiting.user_id, sum(waiting.count)
    from (
      (select c.user_id, sum(c.message_count - c.indexed_count) as count
      from ${conversation} c
      where c.message_count > c.indexed_count and c.expires_at is null ${after}
      group by c.user_id
      order by c.user_id
      limit ${raw(String(maxOwners))})
      union all
      (select p.user_id, count(*)
      from ${searchPending} p
      where true ${after}
      group by p.user_id
      order by p.user_id
      limit ${raw(String(maxOwners))})
    ) waiting
    group by waiting.user_id
    order by waiting.user_id
    limit ${raw(String(maxOwners))}`;
  return prepared(context, hasAfter ? "search_owners_next" : "search_owners", build, ([id, waiting]) => ({
    id: userIdFrom(context.tables, id),
    waiting: Number(waiting),
  }));
}

async function indexOwner(context: Context, ownerId: UserId, most: number) {
  let indexed = 0;
  while (indexed < most) {
    const count = await changing(context, (through) => indexSome(through, ownerId));
    indexed += count;
    if (count === 0) return { indexed, isDone: true };
  }
  return { indexed, isDone: false };
}

/** The oldest chats first, so that a block has messages of about one time. What is left over when blocks are full waits for the next time: so few are read sooner than indexed. */
async function indexSome(context: Context, ownerId: UserId): Promise<number> {
  const ids = await lockStatement(context).execute({ ownerId });
  if (ids.length === 0) return 0;
  const settled = upToDrafts(await messagesStatement(context).execute({ ownerId, ids }));
  const texts = settled.filter(({ status }) => status !== "deleted");
  const count = Math.floor(texts.length / blockSize) * blockSize;
  const last = texts[count - 1];
  if (!last) return 0;
  const done = settled.slice(0, settled.indexOf(last) + 1);
  await insertBlocks(context, ownerId, texts.slice(0, count));
  await advanceStatement(context).execute({ ownerId, ...listsOf(doneColumns, done.map(doneRow)) });
  return count;
}

interface Found {
  id: string;
  conversationId: string;
  seq: number;
  isPending: boolean;
  status: MessageStatus;
  createdAt: number;
  content: string;
  parts: Part[] | null;
}

/** A draft is not in the index before its end, and neither is what follows it: up to where a conversation is indexed is a number. */
function upToDrafts(found: readonly Found[]): Found[] {
  const open = new Set<string>();
  return found.filter(({ conversationId, status, isPending }) => {
    if (status === "streaming" && !isPending) open.add(conversationId);
    return status !== "streaming" && (isPending || !open.has(conversationId));
  });
}

function lockStatement(context: Context) {
  const { conversation, message, searchPending } = context.tables;
  const build = () => sql`
    select c.id
    from ${conversation} c
    where c.user_id = ${owner(context)} and c.expires_at is null and c.id in (
      select waiting.id
      from ${conversation} waiting
      where waiting.user_id = ${owner(context)} and waiting.message_count > waiting.indexed_count and waiting.expires_at is null
      union
      select m.conversation_id
      from ${searchPending} p
      join ${message} m on m.user_id = p.user_id and m.id = p.message_id
      where p.user_id = ${owner(context)}
    )
    order by c.created_at, c.id
    limit ${raw(String(max.conversations))}
    for no key update of c skip locked`;
  return prepared(context, "search_lock", build, ([id]) => id as string);
}

function messagesStatement(context: Context) {
  const { conversation, message, searchPending } = context.tables;
  const build = () => sql`
    select m.id, m.conversation_id, m.seq, m.is_pending, m.status, date_part('epoch', m.created_at) * 1000 as created_at,
      m.content, m.parts
    from (
      select waiting.*, sum(waiting.bytes) over (order by waiting.begun_at, waiting.conversation_id, waiting.seq) - waiting.bytes as before
      from (
        select m.*, c.created_at as begun_at
        from unnest(${list("ids", "uuid")}) as locked(id)
        join ${conversation} c on c.user_id = ${owner(context)} and c.id = locked.id
        cross join lateral (
          -- With its own order and limit, so that each conversation is read by its own index.
          (select m.*, false as is_pending
          from ${message} m
          where m.user_id = c.user_id and m.conversation_id = c.id and m.seq > c.indexed_count
          order by m.seq
          limit ${raw(String(max.messages))})
          union all
          select m.*, true as is_pending
          from ${searchPending} p
          join ${message} m on m.user_id = p.user_id and m.id = p.message_id
          where p.user_id = c.user_id and m.conversation_id = c.id and m.seq <= c.indexed_count
        ) m
        order by c.created_at, c.id, m.seq
        limit ${raw(String(max.messages))}
      ) waiting
    ) m
    where m.before < ${raw(String(max.bytes))}
    order by m.begun_at, m.conversation_id, m.seq`;
  return prepared(context, "search_messages", build, (row): Found => {
    const [id, conversationId, seq, isPending, status, createdAt, content, parts] = row;
    return {
      id: id as string,
      conversationId: conversationId as string,
      seq: Number(seq),
      isPending: isTrue(isPending),
      status: status as MessageStatus,
      createdAt: Number(createdAt),
      content: content as string,
      parts: (typeof parts === "string" ? JSON.parse(parts) : parts) as Part[] | null,
    };
  });
}

async function insertBlocks(context: Context, ownerId: UserId, messages: readonly Found[]): Promise<void> {
  const sorted = messages.toSorted((one, other) => one.createdAt - other.createdAt);
  const members: MemberRow[] = [];
  const words: WordsRow[] = [];
  for (let from = 0; from < sorted.length; from += blockSize) {
    const block = sorted.slice(from, from + blockSize);
    const blockId = newId();
    for (const [index, { id, conversationId, createdAt }] of block.entries()) {
      const at = new Date(createdAt).toISOString();
      members.push({ blockId, memberId: id, memberConversationId: conversationId, place: index, at });
    }
    const texts = block.map(({ content, parts }) => textsOf(content, parts, searchFields));
    for (const [bucket, text] of wordsOf(texts)) words.push({ wordsBlockId: blockId, bucket, words: text });
  }
  await insertStatement(context).execute({
    ownerId,
    ...listsOf(memberColumns, members),
    ...listsOf(wordsColumns, words),
  });
}

interface MemberRow {
  blockId: string;
  memberId: string;
  memberConversationId: string;
  place: number;
  at: string;
}

const memberColumns: ColumnsOf<MemberRow> = {
  blockId: uuid("block_id"),
  memberId: uuid("id"),
  memberConversationId: uuid("conversation_id"),
  place: integer("place"),
  at: { name: "at", type: "timestamptz" },
};

interface WordsRow {
  wordsBlockId: string;
  bucket: number;
  words: string;
}

const wordsColumns: ColumnsOf<WordsRow> = {
  wordsBlockId: uuid("block_id"),
  bucket: integer("bucket"),
  words: text("words"),
};

function insertStatement(context: Context) {
  const { searchBlock, searchWords } = context.tables;
  const build = () => sql`
    with block as (
      insert into ${searchBlock} (id, user_id, oldest, newest, message_ids, conversation_ids)
      select m.block_id, ${owner(context)}, min(m.at), max(m.at), array_agg(m.id order by m.place),
        array_agg(distinct m.conversation_id)
      from ${unnest(memberColumns, "m")}
      group by m.block_id
    )
    insert into ${searchWords} (block_id, user_id, bucket, words)
    select w.block_id, ${owner(context)}, w.bucket, w.words
    from ${unnest(wordsColumns, "w")}`;
  return prepared(context, "search_insert", build, () => undefined);
}

interface DoneRow {
  doneId: string;
  doneConversationId: string;
  doneSeq: number;
}

const doneColumns: ColumnsOf<DoneRow> = {
  doneId: uuid("id"),
  doneConversationId: uuid("conversation_id"),
  doneSeq: integer("seq"),
};

function doneRow({ id, conversationId, seq }: Found): DoneRow {
  return { doneId: id, doneConversationId: conversationId, doneSeq: seq };
}

function advanceStatement(context: Context) {
  const { conversation, searchPending } = context.tables;
  const build = () => sql`
    with done as materialized (
      select * from ${unnest(doneColumns, "done")}
    ),
    waited as (
      delete from ${searchPending} p
      using done
      where p.user_id = ${owner(context)} and p.message_id = done.id
    ),
    last as (
      select done.conversation_id, max(done.seq) as seq
      from done
      group by done.conversation_id
    )
    update ${conversation} c
    set indexed_count = greatest(c.indexed_count, last.seq)
    from last
    where c.user_id = ${owner(context)} and c.id = last.conversation_id`;
  return prepared(context, "search_advance", build, () => undefined);
}
