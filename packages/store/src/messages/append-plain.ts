/**
 * Appends that hold no surprise: their conversation is there and free, their ids are new, and their parents are known without
 * looking. One statement stores one of them, or many of different conversations. What it does not answer it did not store;
 * that is for `appendChecked`. It waits for no row of a conversation, and with others in it for nothing longer than `lockWait`.
 */
import { type SQL, sql } from "drizzle-orm";
import { type Chat, preparedRows, userIdsIn } from "../database.ts";
import type { Message } from "../models/chat.ts";
import { partsFrom, timeFrom, toMessage } from "./columns.ts";
import { insertedColumns, messageRows, messageValues, nth, parentOf } from "./message-rows.ts";
import type { Append, Outgoing } from "./outgoing.ts";

/** More than that is bulk, for which nobody should have to wait. */
const most = { messages: 8, characters: 64 * 1024 };
/** For an id that somebody else is storing, or for a user who is being deleted. */
const lockWait = "250ms";

/** How the conversation of an append was before it, and when it was stored. */
interface Place {
  /** Of the append, in the list that was given. */
  index: number;
  messageCount: number;
  headId: string | null;
  storedAt: Date;
}

export function isPlain({ columns }: Append): boolean {
  const { ids, parentIds, placed } = columns;
  if (ids.length > most.messages || charactersOf(columns) > most.characters) return false;
  return parentIds.every((id, index) => !placed[index] || id === null || ids.slice(0, index).includes(id));
}

/** How much an append weighs among others. */
export function charactersOf({ contents, parts }: Outgoing): number {
  let sum = 0;
  for (const text of contents) sum += text.length;
  for (const text of parts) sum += text?.length ?? 0;
  return sum;
}

/**
 * Stores appends of different conversations, and gives for each its messages, or `undefined` where something is in the way.
 * @throws what the driver throws; then none of them is stored
 */
export async function appendPlain(chat: Chat, appends: readonly Append[]): Promise<(Message[] | undefined)[]> {
  const [first] = appends;
  const places = first && appends.length === 1 ? await appendOne(chat, first) : await appendMany(chat, appends);
  const stored: (Message[] | undefined)[] = Array(appends.length).fill(undefined);
  for (const place of places) {
    const append = appends[place.index];
    if (append) stored[place.index] = messagesOf(append, place);
  }
  return stored;
}

/** As they are stored, which is how they were sent but for what the conversation gave them. */
function messagesOf({ conversationId, columns }: Append, { messageCount, headId, storedAt }: Place): Message[] {
  return columns.ids.map((id, index) =>
    toMessage({
      id,
      conversationId,
      role: columns.roles[index] as Message["role"],
      content: columns.contents[index] ?? "",
      parts: partsFrom(columns.parts[index]),
      seq: messageCount + index + 1,
      parentId: followsHead(columns, index) ? headId : parentOf(columns, index),
      status: columns.statuses[index] as Message["status"],
      createdAt: new Date(storedAt),
      finishReason: null,
    }),
  );
}

function followsHead({ placed }: Outgoing, index: number): boolean {
  return index === 0 && !placed[index];
}

/** Every message has parameters of its own: for so few that is cheaper than lists, here and in the database. */
function appendOne(chat: Chat, { ownerId, conversationId, columns, expectedSeq, title }: Append): Promise<Place[]> {
  const { ids } = columns;
  const values = [ownerId, conversationId, expectedSeq, title, followsHead(columns, 0), ids.at(-1)];
  return oneStatement(chat, ids.length).execute([...values, ...messageValues(columns)]);
}

function oneStatement(chat: Chat, count: number) {
  return preparedRows(
    chat,
    `append_${count}`,
    () => {
      const { conversation, message } = chat.models;
      const [owner, conversationId, expectedSeq, title, follows, lastId] = [
        nth(0),
        nth(1, "uuid"),
        nth(2, "int"),
        nth(3, "text"),
        nth(4, "boolean"),
        nth(5, "uuid"),
      ];
      return sql`
        with locked as (
          select c.head_id, c.message_count
          from ${conversation} c
          where c.user_id = ${owner} and c.id = ${conversationId}
          for no key update skip locked
        ),
        touched as (
          update ${conversation} c
          set message_count = locked.message_count + ${sql.raw(String(count))},
            head_id = ${lastId},
            title = coalesce(c.title, ${title}),
            updated_at = greatest(c.updated_at, clock_timestamp())
          from locked
          where c.user_id = ${owner} and c.id = ${conversationId} and ${isAsExpected(expectedSeq)}
          returning c.id, c.user_id, locked.message_count, locked.head_id, c.updated_at
        ),
        appended as (
          insert into ${message} (${insertedColumns})
          select m.id, touched.id, touched.user_id, touched.message_count + m.number,
            case when m.number = 1 and ${follows} then touched.head_id else m.parent_id end,
            m.role, m.status, m.content, m.parts, touched.updated_at
          from touched
          cross join ${messageRows(count, 6)}
        )
        select 0, message_count, head_id, updated_at
        from touched`;
    },
    placeFrom,
  );
}

/** An append is a row of some lists, a message a row of others; `position` says which belong together. */
function appendMany(chat: Chat, appends: readonly Append[]): Promise<Place[]> {
  const columns = appends.map((append) => append.columns);
  return manyStatement(chat).execute({
    conversationIds: appends.map(({ conversationId }) => conversationId),
    userIds: appends.map(({ ownerId }) => ownerId),
    counts: columns.map(({ ids }) => ids.length),
    lastIds: columns.map(({ ids }) => ids.at(-1)),
    titles: appends.map(({ title }) => title),
    expectedSeqs: appends.map(({ expectedSeq }) => expectedSeq),
    positions: columns.flatMap(({ ids }, index) => ids.map(() => index + 1)),
    numbers: columns.flatMap(({ ids }) => ids.map((_, index) => index + 1)),
    ids: columns.flatMap(({ ids }) => ids),
    parentIds: columns.flatMap((each) => each.ids.map((_, index) => parentOf(each, index))),
    // As texts: postgres.js takes a list of booleans for one boolean.
    follows: columns.flatMap((each) => each.ids.map((_, index) => String(followsHead(each, index)))),
    roles: columns.flatMap(({ roles }) => roles),
    statuses: columns.flatMap(({ statuses }) => statuses),
    contents: columns.flatMap(({ contents }) => contents),
    parts: columns.flatMap(({ parts }) => parts),
  });
}

function manyStatement(chat: Chat) {
  return preparedRows(
    chat,
    "append_many",
    () => {
      const { conversation, message } = chat.models;
      return sql`
        with ${patience},
        input as materialized (
          select *
          from unnest(${list("conversationIds", "uuid")}, (select ${userIdsIn(chat)}), ${list("counts", "int")},
              ${list("lastIds", "uuid")}, ${list("titles", "text")}, ${list("expectedSeqs", "int")})
            with ordinality as input(conversation_id, user_id, count, last_id, title, expected_seq, position)
        ),
        m as materialized (
          select *
          from unnest(${list("positions", "int")}, ${list("numbers", "int")}, ${list("ids", "uuid")},
              ${list("parentIds", "uuid")}, ${list("follows", "text")}::boolean[], ${list("roles", "text")},
              ${list("statuses", "text")}, ${list("contents", "text")}, ${list("parts", "text")})
            as m(position, number, id, parent_id, follows, role, status, content, parts)
        ),
        taken as materialized (
          select m.position
          from m
          join input on input.position = m.position
          join ${message} stored on stored.user_id = input.user_id and stored.id = m.id
        ),
        locked as (
          select c.id, c.user_id, c.head_id, c.message_count,
            input.position, input.count, input.last_id, input.title, input.expected_seq
          from patience
          cross join input
          join ${conversation} c on c.user_id = input.user_id and c.id = input.conversation_id
          where not exists (select from taken where taken.position = input.position)
          for no key update of c skip locked
        ),
        touched as (
          update ${conversation} c
          set message_count = locked.message_count + locked.count,
            head_id = locked.last_id,
            title = coalesce(c.title, locked.title),
            updated_at = greatest(c.updated_at, clock_timestamp())
          from locked
          where c.user_id = locked.user_id and c.id = locked.id and ${isAsExpected(sql`locked.expected_seq`)}
          returning locked.position, c.id, c.user_id, locked.message_count, locked.head_id, c.updated_at
        ),
        appended as (
          insert into ${message} (${insertedColumns})
          select m.id, touched.id, touched.user_id, touched.message_count + m.number,
            case when m.follows then touched.head_id else m.parent_id end,
            m.role, m.status, m.content, m.parts::json, touched.updated_at
          from touched
          join m on m.position = touched.position
          order by m.position, m.number
        )
        select position::int - 1, message_count, head_id, updated_at
        from touched`;
    },
    placeFrom,
  );
}

const patience = sql`patience as materialized (select set_config('lock_timeout', '${sql.raw(lockWait)}', true))`;

function isAsExpected(expectedSeq: SQL): SQL {
  return sql`(${expectedSeq} is null or ${expectedSeq} = locked.message_count)`;
}

function given(name: string, type: string): SQL {
  return sql`${sql.placeholder(name)}::${sql.raw(type)}`;
}

/** In a select, so that the planner does not see how long the list is: it would plan anew each time. */
function list(name: string, type: string): SQL {
  return sql`(select ${given(name, `${type}[]`)})`;
}

function placeFrom([index, messageCount, headId, storedAt]: unknown[]): Place {
  return {
    index: index as number,
    messageCount: messageCount as number,
    headId: headId as string | null,
    storedAt: timeFrom(storedAt),
  };
}
