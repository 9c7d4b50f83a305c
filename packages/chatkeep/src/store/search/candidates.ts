/** Where the messages are that a search must read: those that no block has yet, and those that the blocks name. */
import { isTrue } from "../../sql/columns.ts";
import { list, param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import type { MessageRole, Part } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { beginningOf, bucketOf, placesOf } from "./blocks.ts";
import type { Query } from "./query.ts";
import type { SearchField } from "./texts.ts";
import type { Needle } from "./words.ts";

/** What narrows a search. Times in milliseconds. */
export interface Filter {
  ownerId: UserId;
  conversationId: string | undefined;
  role: MessageRole | undefined;
  archived: boolean | undefined;
  after: Date | undefined;
  before: Date | undefined;
  fields: readonly SearchField[];
}

/** A message that may be one that is looked for. */
export interface Candidate {
  rowId: string;
  id: string;
  conversationRowId: string;
  conversationId: string;
  title: string | null;
  archived: boolean;
  seq: number;
  role: MessageRole;
  createdAt: number;
  /** Of content and parts. */
  bytes: number;
  content: string;
  parts: Part[] | null;
}

const batch = { rows: 500, bytes: 8 * 1024 * 1024 };

/** Messages that no block has, a batch at a time, in no order that matters. */
export async function* unindexed(context: Context, filter: Filter): AsyncGenerator<Candidate[]> {
  for (let last: Candidate | undefined; ; ) {
    const rows: Candidate[] = await unindexedStatement(context, filter, last !== undefined).execute({
      ...valuesOf(filter),
      lastConversationId: last?.conversationRowId,
      lastSeq: last?.seq,
    });
    if (rows.length > 0) yield rows;
    last = rows.at(-1);
    const isFull = rows.length === batch.rows || rows.reduce((sum, { bytes }) => sum + bytes, 0) >= batch.bytes;
    if (!last || !isFull) return;
  }
}

/** Messages whose block was dissolved. */
export async function* pending(context: Context, filter: Filter, known: Set<string>): AsyncGenerator<Candidate[]> {
  const ids = (await pendingStatement(context).execute({ ownerId: filter.ownerId })).filter((id) => !known.has(id));
  for (const id of ids) known.add(id);
  yield* messagesOf(context, filter, ids);
}

/** These messages as they are now, a batch at a time. */
export async function* messagesOf(
  context: Context,
  filter: Filter,
  ids: readonly string[],
): AsyncGenerator<Candidate[]> {
  for (let rest = ids; rest.length > 0; ) {
    const some = rest.slice(0, batch.rows);
    const rows = await messagesStatement(context, filter).execute({ ...valuesOf(filter), ids: some });
    const bodies = rows.filter(({ isRead }) => isRead);
    if (bodies.length > 0) yield bodies;
    const unread = rows.filter(({ isRead }) => !isRead).map(({ rowId }) => rowId);
    rest = [...unread, ...rest.slice(some.length)];
  }
}

/** A block of which messages may have all the needles. */
export interface FoundBlock {
  id: string;
  newest: number;
  /** Of messages. */
  ids: string[];
}

const pageSizes = [16, 64, 256, 1024];

/** Blocks with messages that have all the needles and none that they must be without, newest first; `until` is the time of the newest message of the blocks that are still to come. */
export async function* indexed(
  context: Context,
  filter: Filter,
  query: Pick<Query, "needles" | "without">,
): AsyncGenerator<{ blocks: FoundBlock[]; until: number | undefined }> {
  const isOfText = filter.fields.includes("text");
  const needles = [...query.needles, ...(isOfText ? query.without : [])];
  const wanted = query.needles.length;
  let last: { time: string; id: string } | undefined;
  for (let page = 0; ; page += 1) {
    const limit = pageSizes[Math.min(page, pageSizes.length - 1)] as number;
    const rows = await blocksStatement(context, filter, last !== undefined).execute({
      ...valuesOf(filter),
      ...(last && { time: last.time, id: last.id }),
      limit,
      numbers: needles.map((_, index) => index),
      beginnings: needles.map(beginningOf),
      buckets: needles.map(({ token }) => bucketOf(token)),
      wanted,
    });
    const end = rows.at(-1);
    const isLast = !end || end.seen < limit;
    yield { blocks: blocksIn(rows, needles, wanted, filter), until: isLast ? undefined : end.lastNewest };
    if (isLast || !end) return;
    last = { time: end.lastTime, id: end.lastId };
  }
}

interface BlockRow {
  blockId: string | null;
  newest: number;
  memberIds: string[];
  number: number;
  words: string;
  seen: number;
  lastId: string;
  lastTime: string;
  lastNewest: number;
}

/** `needles` begins with those that are wanted. */
function blocksIn(rows: readonly BlockRow[], needles: readonly Needle[], wanted: number, filter: Filter): FoundBlock[] {
  const where = withParts(filter) ? "anywhere" : "text";
  const blocks = new Map<string, { row: BlockRow; places: Set<number> }>();
  // Those that are wanted come first: of what they have found, the others take away.
  for (const row of rows.toSorted((one, other) => one.number - other.number)) {
    const needle = needles[row.number];
    if (row.blockId === null || !needle) continue;
    const isWanted = row.number < wanted;
    const places = placesOf(needle, row.words, isWanted ? where : "text");
    const known = blocks.get(row.blockId);
    const left = known && [...known.places].filter((place) => places.has(place) === isWanted);
    blocks.set(row.blockId, { row: known?.row ?? row, places: left ? new Set(left) : places });
  }
  return [...blocks].map(([id, { row, places }]) => ({
    id,
    newest: row.newest,
    ids: row.memberIds.filter((_, index) => places.has(index)),
  }));
}

function blocksStatement(context: Context, filter: Filter, hasKey: boolean) {
  const { searchBlock, searchWords } = context.tables;
  const conditions: (Sql | false)[] = [
    hasKey && sql`and (b.newest, b.id) < (${param("time", "timestamptz")}, ${param("id", "uuid")})`,
    filter.after !== undefined && sql`and b.newest >= ${param("after", "timestamptz")}`,
    filter.before !== undefined && sql`and b.oldest <= ${param("before", "timestamptz")}`,
    filter.conversationId !== undefined && sql`and ${param("conversationId", "uuid")} = any (b.conversation_ids)`,
  ];
  const build = () => sql`
    with block as materialized (
      select b.id, b.newest
      from ${searchBlock} b
      where b.user_id = ${owner(context)} ${all(conditions)}
      order by b.newest desc, b.id desc
      limit ${param("limit", "int")}
    ),
    needle as materialized (
      select *
      from unnest(${list("numbers", "int")}, ${list("beginnings", "text")}, ${list("buckets", "int")})
        as needle(number, beginning, bucket)
    ),
    last as (
      select block.id, block.newest, (select count(*) from block) as seen
      from block
      order by block.newest, block.id
      limit 1
    ),
    matched as (
      select block.id, block.newest, needle.number,
        substr(w.words, strpos(w.words, needle.beginning)) as words,
        count(*) filter (where needle.number < ${param("wanted", "int")}) over (partition by block.id) as found
      from block
      cross join needle
      join ${searchWords} w on w.block_id = block.id and w.bucket = needle.bucket
      where strpos(w.words, needle.beginning) > 0
    )
    select b.id, date_part('epoch', b.newest) * 1000, case when matched.number = 0 then array_to_string(b.message_ids, ',') end, matched.number,
      matched.words, last.seen, last.id, to_char(last.newest at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      date_part('epoch', last.newest) * 1000
    from last
    left join matched on matched.found = ${param("wanted", "int")}
    left join ${searchBlock} b on b.user_id = ${owner(context)} and b.id = matched.id`;
  const name = ["search_blocks", ...conditions.map((each) => (each ? 1 : 0))].join("_");
  return prepared(context, name, build, (row): BlockRow => {
    const [blockId, newest, memberIds, number, words, seen, lastId, lastTime, lastNewest] = row;
    return {
      blockId: blockId as string | null,
      newest: Number(newest),
      memberIds: ((memberIds ?? "") as string).split(","),
      number: Number(number),
      words: words as string,
      seen: Number(seen),
      lastId: lastId as string,
      lastTime: lastTime as string,
      lastNewest: Number(lastNewest),
    };
  });
}

function unindexedStatement(context: Context, filter: Filter, hasKey: boolean) {
  const { conversation, message } = context.tables;
  const lastId = param("lastConversationId", "uuid");
  const key = sql`and (m.conversation_id > ${lastId} or m.seq > ${param("lastSeq", "int")})`;
  const build = () => sql`
    select ${candidateColumns(filter)}, true
    from (
      select found.*, sum(found.bytes) over (order by found.conversation_id, found.seq) - found.bytes as before
      from (
        select m.*, c.external_id as c_external_id, c.title as c_title, c.archived as c_archived
        from ${conversation} c
        cross join lateral (
          -- With its own order and limit, so that each conversation is read by its own index.
          select m.*
          from ${message} m
          where m.user_id = ${owner(context)} and m.conversation_id = c.id and m.seq > c.indexed_count and ${isWanted(filter)}
            ${hasKey ? key : raw("")}
          order by m.seq
          limit ${raw(String(batch.rows))}
        ) m
        where c.user_id = ${owner(context)} and c.message_count > c.indexed_count and c.expires_at is null
          ${hasKey ? sql`and c.id >= ${lastId}` : raw("")}
        order by c.id, m.seq
        limit ${raw(String(batch.rows))}
      ) found
    ) m
    where m.before < ${raw(String(batch.bytes))}
    order by m.conversation_id, m.seq`;
  return prepared(context, `search_unindexed_${hasKey}_${nameOf(filter)}`, build, candidateFrom);
}

function messagesStatement(context: Context, filter: Filter) {
  const { conversation, message } = context.tables;
  const isRead = raw(`m.before < ${batch.bytes}`);
  const build = () => sql`
    select ${candidateColumns(filter, isRead)}, ${isRead}
    from (
      select m.*, c.external_id as c_external_id, c.title as c_title, c.archived as c_archived,
        sum(m.bytes) over (order by m.id) - m.bytes as before
      from unnest(${list("ids", "uuid")}) as wanted(id)
      cross join lateral (
        -- A limit keeps each read by its key, whatever the owner has.
        select * from ${message} m where m.user_id = ${owner(context)} and m.id = wanted.id limit 1
      ) m
      cross join lateral (
        select *
        from ${conversation} c
        where c.user_id = ${owner(context)} and c.id = m.conversation_id and c.expires_at is null
        limit 1
      ) c
      where ${isWanted(filter)}
    ) m`;
  return prepared(context, `search_messages_of_${nameOf(filter)}`, build, (row) => ({
    ...candidateFrom(row),
    isRead: isTrue(row[candidateLength]),
  }));
}

function pendingStatement(context: Context) {
  const build = () => sql`
    select p.message_id from ${context.tables.searchPending} p where p.user_id = ${owner(context)}`;
  return prepared(context, "search_pending", build, ([id]) => id as string);
}

const candidateLength = 12;

function candidateColumns(filter: Filter, isRead?: Sql): Sql {
  const body = (column: string) => (isRead ? sql`case when ${isRead} then ${raw(column)} end` : raw(column));
  return sql`m.id, m.external_id, m.conversation_id, m.c_external_id, m.c_title, m.c_archived, m.seq, m.role,
    date_part('epoch', m.created_at) * 1000 as created_at, ${body("m.content")}, ${withParts(filter) ? body("m.parts::text") : raw("null")},
    m.bytes`;
}

function candidateFrom(row: readonly unknown[]): Candidate {
  const [id, externalId, conversationId, givenId, title, archived, seq, role, createdAt, content, parts, bytes] = row;
  return {
    rowId: id as string,
    id: (externalId ?? id) as string,
    conversationRowId: conversationId as string,
    conversationId: (givenId ?? conversationId) as string,
    title: title as string | null,
    archived: isTrue(archived),
    seq: Number(seq),
    role: role as MessageRole,
    createdAt: Number(createdAt),
    bytes: Number(bytes),
    content: (content ?? "") as string,
    parts: typeof parts === "string" ? (JSON.parse(parts) as Part[]) : null,
  };
}

function isWanted(filter: Filter): Sql {
  return sql`m.status not in ('streaming', 'deleted') ${all([
    filter.conversationId !== undefined && sql`and m.conversation_id = ${param("conversationId", "uuid")}`,
    filter.role !== undefined && sql`and m.role = ${param("role", "text")}`,
    filter.archived !== undefined && sql`and c.archived = ${param("archived", "boolean")}`,
    filter.after !== undefined && sql`and m.created_at >= ${param("after", "timestamptz")}`,
    filter.before !== undefined && sql`and m.created_at <= ${param("before", "timestamptz")}`,
  ])}`;
}

function all(conditions: readonly (Sql | false)[]): Sql {
  return conditions.reduce<Sql>((sum, next) => (next ? sql`${sum} ${next}` : sum), raw(""));
}

/** Words alone are in the content. */
function withParts({ fields }: Filter): boolean {
  return fields.some((field) => field !== "text");
}

function nameOf(filter: Filter): string {
  const { conversationId, role, archived, after, before } = filter;
  return [conversationId, role, archived, after, before, withParts(filter) || undefined]
    .map((each) => (each === undefined ? 0 : 1))
    .join("");
}

function valuesOf({ ownerId, conversationId, role, archived, after, before }: Filter) {
  return { ownerId, conversationId, role, archived, after: after?.toISOString(), before: before?.toISOString() };
}
