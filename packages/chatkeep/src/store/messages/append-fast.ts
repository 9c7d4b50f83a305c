/**
 * The fast path of appends, for those that hold no surprise: their conversation is there and free, their ids are new, and their
 * parents are known without looking. One statement stores one of them, or many of different conversations. What it does not
 * answer it did not store; that is for the slow path. It waits for no row of a conversation, and with others in it for nothing
 * longer than `lockTimeout`.
 */
import {
  type Column,
  type Columns,
  type ColumnsOf,
  flag,
  integer,
  listsOf,
  names,
  nth,
  rows,
  text,
  unnest,
  uuid,
  values,
  valuesOf,
} from "../../sql/columns.ts";
import { raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, prepared } from "../context.ts";
import { lockTimeout } from "../group-commit.ts";
import { type Message, type PlacedMessage, placedColumns, sentColumns, storedMessage } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { type Append, followsHead, isShort } from "./outgoing.ts";
import { type Stored, storedFrom } from "./stored.ts";

export function isPlain(append: Append): boolean {
  const { rows } = append;
  if (!isShort(rows)) return false;
  const isEarlier = (id: string, index: number) => rows.slice(0, index).some((row) => row.id === id);
  return rows.every(({ hasParent, parentId }, index) => !hasParent || parentId === null || isEarlier(parentId, index));
}

/**
 * Stores appends of different conversations, and gives for each its messages, or `undefined` where something is in the way.
 * @throws what the driver throws; then none of them is stored
 */
export async function appendFast(context: Context, appends: readonly Append[]): Promise<(Message[] | undefined)[]> {
  const all = await storeAll(context, appends);
  const answers: (Message[] | undefined)[] = Array(appends.length).fill(undefined);
  for (const stored of all) {
    const append = appends[stored.index];
    if (append) answers[stored.index] = messagesOf(append, stored);
  }
  return answers;
}

async function storeAll(context: Context, appends: readonly Append[]): Promise<Stored[]> {
  const [first] = appends;
  if (!first || appends.length > 1) return await appendMany(context, appends);
  if (!context.isDistributed) return await appendOne(context, first);
  const { appendApart } = await import("./append-apart.ts");
  return [await appendApart(context, first)].flatMap((stored) => stored ?? []);
}

function messagesOf({ givenId, rows }: Append, stored: Stored): Message[] {
  const { messageCount, headId, headExternalId, storedAt } = stored;
  const head = { parentId: headId, parentExternalId: headExternalId };
  return rows.map((row, index) => {
    const { parentId, parentExternalId } = index === 0 && followsHead(rows) ? head : row;
    const [seq, createdAt] = [messageCount + index + 1, new Date(storedAt)];
    return storedMessage(row, { conversationId: givenId, seq, createdAt, parentId, parentExternalId });
  });
}

/** Every message has parameters of its own: for so few that is cheaper than lists, here and in the database. */
function appendOne(context: Context, append: Append): Promise<Stored[]> {
  const { ownerId, conversationId, rows, expectedSeq, title } = append;
  const form = formOf(append);
  const about: unknown[] = [ownerId, conversationId, title];
  if (!form.isChain) about.push(followsHead(rows));
  if (form.isExpected) about.push(expectedSeq);
  return oneStatement(context, rows.length, form).execute([...about, ...valuesOf(columnsOf(form), rows)]);
}

/** What an append has of what most have not: its statement is given nothing else. */
interface Form {
  /** Each message follows the one before it, and the first what the conversation ends with: no parent has to be given. */
  isChain: boolean;
  isNamed: boolean;
  hasParts: boolean;
  hasMetadata: boolean;
  isExpected: boolean;
}

/** Longer ones are rare, and have one form for each length: every statement is kept by every connection. */
const maxMessagesOfForms = 2;

function formOf({ rows, expectedSeq }: Append): Form {
  const isLong = rows.length > maxMessagesOfForms;
  const has = (key: keyof PlacedMessage) => isLong || rows.some((row) => row[key] !== null);
  return {
    isChain: !isLong && rows.every(({ hasParent }) => !hasParent),
    isNamed: has("externalId") || has("parentExternalId"),
    hasParts: has("parts"),
    hasMetadata: has("metadata"),
    isExpected: isLong || expectedSeq !== null,
  };
}

const { externalId, parentId, parentExternalId, parts, metadata, ...always } = placedColumns;

function columnsOf({ isChain, isNamed, hasParts, hasMetadata }: Form): Partial<ColumnsOf<PlacedMessage>> {
  return {
    ...always,
    ...(isNamed && { externalId }),
    ...(!isChain && { parentId }),
    ...(!isChain && isNamed && { parentExternalId }),
    ...(hasParts && { parts }),
    ...(hasMetadata && { metadata }),
  };
}

function oneStatement(context: Context, count: number, form: Form) {
  const { isChain, isNamed, hasParts, hasMetadata, isExpected } = form;
  const has = [
    !isChain && "placed",
    isNamed && "named",
    hasParts && "parts",
    hasMetadata && "metadata",
    isExpected && "expected",
  ];
  const name = ["append", ...has.filter(Boolean), count].join("_");
  return prepared(context, name, () => oneText(context, count, form), storedFrom);
}

function oneText(context: Context, count: number, form: Form): Sql {
  const { conversation, message, userType } = context.tables;
  const columns = columnsOf(form) as Columns;
  const { parentId: _parentId, parentExternalId: _parentExternalId, ...sent } = columns;
  const [owner, conversationId, title] = [nth(0, userType), nth(1, "uuid"), nth(2, "text")];
  const follows = form.isChain ? raw("true") : nth(3, "boolean");
  const start = 3 + Number(!form.isChain) + Number(form.isExpected);
  const expected = form.isExpected ? sql`and ${isAsExpected(nth(start - 1, "int"))}` : raw("");
  /** The parameter of a message, the first of which is at 0; a message before that is none. */
  const fieldOf = (key: "id" | "externalId", index: number) => {
    const place = start + Object.keys(columns).length * index + Object.keys(columns).indexOf(key);
    return index >= 0 && key in columns ? nth(place, placedColumns[key].type) : raw(`null::${placedColumns[key].type}`);
  };
  const before = form.isChain && {
    parent_id: (index: number) => fieldOf("id", index - 1),
    parent_external_id: (index: number) => fieldOf("externalId", index - 1),
  };
  return sql`
      with locked as (
        select c.head_id, c.head_external_id, c.message_count
        from ${conversation} c
        where c.user_id = ${owner} and c.id = ${conversationId} and c.deleted_at is null
        for no key update skip locked
      ),
      touched as (
        update ${conversation} c
        set message_count = locked.message_count + ${raw(String(count))},
          head_id = ${fieldOf("id", count - 1)},
          head_external_id = ${fieldOf("externalId", count - 1)},
          title = coalesce(c.title, ${title}),
          updated_at = greatest(c.updated_at, clock_timestamp())
        from locked
        where c.user_id = ${owner} and c.id = ${conversationId} ${expected}
        returning c.id, c.user_id, locked.message_count, locked.head_id, locked.head_external_id, c.updated_at
      ),
      appended as (
        insert into ${message} (conversation_id, user_id, seq, parent_id, parent_external_id, created_at, ${names(sent)})
        select touched.id, touched.user_id, touched.message_count + m.number,
          case when m.number = 1 and ${follows} then touched.head_id else m.parent_id end,
          case when m.number = 1 and ${follows} then touched.head_external_id ${raw(form.isNamed ? "else m.parent_external_id" : "")} end,
          touched.updated_at, ${names(sent, "m")}
        from touched
        cross join ${rows(columns, "m", count, start, before || {})}
      )
      select 0 as index, message_count, head_id, head_external_id, date_part('epoch', updated_at) * 1000 as stored_at
      from touched`;
}

/** An append among others: what it says of its conversation. Its keys are none of a message's: both name parameters. */
interface AppendRow {
  conversationId: string;
  userId: UserId;
  count: number;
  lastId: string;
  lastExternalId: string | null;
  title: string | null;
  expectedSeq: number | null;
}

const appendColumns = (userType: string): ColumnsOf<AppendRow> => ({
  conversationId: uuid("conversation_id"),
  userId: { name: "user_id", type: userType } satisfies Column<UserId>,
  count: integer("count"),
  lastId: uuid("last_id"),
  lastExternalId: text<string | null>("last_external_id"),
  title: text<string | null>("title"),
  expectedSeq: integer<number | null>("expected_seq"),
});

interface MemberRow extends PlacedMessage {
  /** Of its append. */
  position: number;
  number: number;
  follows: boolean;
}

const memberColumns: ColumnsOf<MemberRow> = {
  position: integer("position"),
  number: integer("number"),
  follows: flag("follows"),
  ...placedColumns,
};

/** An append is a row of some lists, a message a row of others; `position` says which belong together. */
function appendMany(context: Context, appends: readonly Append[]): Promise<Stored[]> {
  const columns = appendColumns(context.tables.userType);
  const about = appends.map(({ conversationId, ownerId, rows, title, expectedSeq }) => {
    const { id: lastId = "", externalId: lastExternalId = null } = rows.at(-1) ?? {};
    return { conversationId, userId: ownerId, count: rows.length, lastId, lastExternalId, title, expectedSeq };
  });
  const members = appends.flatMap(({ rows }, index) =>
    rows.map((row, at): MemberRow => {
      return { ...row, position: index + 1, number: at + 1, follows: at === 0 && followsHead(rows) };
    }),
  );
  return manyStatement(context).execute({ ...listsOf(columns, about), ...listsOf(memberColumns, members) });
}

function manyStatement(context: Context) {
  const { conversation, message, userType } = context.tables;
  const build = () => sql`
    with lock_timeout as materialized (select set_config('lock_timeout', '${raw(lockTimeout)}', true)),
    input as materialized (
      select * from ${unnest(appendColumns(userType), "input", { ordinality: "position" })}
    ),
    m as materialized (
      select * from ${unnest(memberColumns, "m")}
    ),
    taken as materialized (
      select m.position
      from m
      join input on input.position = m.position
      join ${message} stored on stored.user_id = input.user_id and stored.id = m.id
    ),
    locked as (
      select c.id, c.user_id, c.head_id, c.head_external_id, c.message_count,
        input.position, input.count, input.last_id, input.last_external_id, input.title, input.expected_seq
      from lock_timeout
      cross join input
      join ${conversation} c on c.user_id = input.user_id and c.id = input.conversation_id
      where c.deleted_at is null and not exists (select from taken where taken.position = input.position)
      for no key update of c skip locked
    ),
    touched as (
      update ${conversation} c
      set message_count = locked.message_count + locked.count,
        head_id = locked.last_id,
        head_external_id = locked.last_external_id,
        title = coalesce(c.title, locked.title),
        updated_at = greatest(c.updated_at, clock_timestamp())
      from locked
      where c.user_id = locked.user_id and c.id = locked.id and ${isAsExpected(raw("locked.expected_seq"))}
      returning locked.position, c.id, c.user_id, locked.message_count, locked.head_id, locked.head_external_id,
        c.updated_at
    ),
    appended as (
      insert into ${message} (conversation_id, user_id, seq, parent_id, parent_external_id, created_at, ${names(sentColumns)})
      select touched.id, touched.user_id, touched.message_count + m.number,
        case when m.follows then touched.head_id else m.parent_id end,
        case when m.follows then touched.head_external_id else m.parent_external_id end,
        touched.updated_at, ${values(sentColumns, "m")}
      from touched
      join m on m.position = touched.position
      order by m.position, m.number
    )
    select position::int - 1 as index, message_count, head_id, head_external_id, date_part('epoch', updated_at) * 1000 as stored_at
    from touched`;
  return prepared(context, "append_many", build, storedFrom);
}

function isAsExpected(expectedSeq: Sql): Sql {
  return sql`(${expectedSeq} is null or ${expectedSeq} = locked.message_count)`;
}
