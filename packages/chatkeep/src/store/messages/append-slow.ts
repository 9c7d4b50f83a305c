/**
 * The slow path of appends, with every check and every answer, in one SQL statement: it finds what is stored already, checks the
 * owner and the parents, takes the row lock of the conversation, and under that lock gives the `seq`s, so that their order is
 * the order of commits and has no gap.
 */
import { ConflictError, InvalidInputError, NotFoundError, UnavailableError } from "../../errors.ts";
import { type ColumnsOf, flag, isSame, isTrue, listsOf, names, select, unnest, values } from "../../sql/columns.ts";
import { list, param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared, withTakenIds } from "../context.ts";
import {
  comparedColumns,
  type Message,
  messageColumns,
  messageFrom,
  placedColumns,
  sentColumns,
} from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { type Append, inStoredForms, type OutgoingMessage } from "./outgoing.ts";

const attempts = 4;
const takenId = "A message id is in use already, for another message: choose a new one.";

/** @throws not_found, conflict, invalid_input */
export async function appendSlow(context: Context, append: Append): Promise<Message[]> {
  const { ownerId, conversationId, givenId, expectedSeq, title } = append;
  let { rows } = append;
  for (let attempt = 1; ; attempt += 1) {
    const given = { ...listsOf(inputColumns, rows), ownerId, conversationId, expectedSeq, title, writes: true };
    const found = await withTakenIds(context, (through) => appendStatement(through, givenId).execute(given), takenId);
    const others = found.filter(({ isSame }) => !isSame).map(({ message }) => message);
    const adopted = others.length > 0 ? inStoredForms(rows, others) : rows;
    if (!adopted) throw new ConflictError(takenId);
    if (others.length === 0 && found.length === rows.length) return found.map(({ message }) => message);
    rows = adopted;
    // What a statement sees is older than the lock that it waited for: the next one sees what was committed meanwhile.
    if (others.length > 0 || attempt === 1) continue;
    const reason = await whyNothing(context, append);
    if (reason) throw reason;
    if (attempt === attempts) throw new UnavailableError("The conversation changes too fast: try again.");
  }
}

/** Whether all of these messages are stored in this conversation with this payload; writes nothing. */
export async function areStored(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  rows: readonly OutgoingMessage[],
): Promise<boolean> {
  const given = { ownerId, conversationId, expectedSeq: null, title: null, writes: false };
  const found = await appendStatement(context, conversationId).execute({ ...listsOf(inputColumns, rows), ...given });
  return found.length === rows.length && found.every(({ isSame }) => isSame);
}

const inputColumns: ColumnsOf<OutgoingMessage> = {
  ...placedColumns,
  hasParent: flag("has_parent"),
};

interface FoundMessage {
  message: Message;
  /** As it was given. */
  isSame: boolean;
}

function appendStatement(context: Context, givenId: string) {
  const { conversation, message } = context.tables;
  const [conversationId, expected] = [param("conversationId", "uuid"), param("expectedSeq", "int")];
  const mine = owner(context);
  const build = () => sql`
    with input as (
      select input.*, lag(input.id) over (order by position) as previous_id,
        lag(input.external_id) over (order by position) as previous_external_id
      from ${unnest(inputColumns, "input", { ordinality: "position" })}
    ),
    -- Found through message_user_id_id_idx, and not by conversation, so that a long one costs the same.
    saved as (
      select ${names(messageColumns, "m")}, input.position,
        m.conversation_id = ${conversationId} and ${raw(isSame("m", "input", comparedColumns))}
          and (not input.has_parent or m.parent_id is not distinct from input.parent_id) as same
      from input
      join ${message} m on m.user_id = ${mine} and m.id = input.id
      where not exists (
        select from ${conversation} c where c.user_id = ${mine} and c.id = m.conversation_id and c.deleted_at is not null)
    ),
    fresh as (
      select input.*, row_number() over (order by position)::int as number
      from input
      where ${param("writes", "boolean")}
        and not exists (select from saved where saved.id = input.id)
        and not exists (select from saved where not saved.same)
    ),
    locked as (
      select c.id, c.head_id, c.head_external_id, c.message_count
      from ${conversation} c
      where c.user_id = ${mine} and c.id = ${conversationId} and c.deleted_at is null and exists (select from fresh)
      for no key update
    ),
    touched as (
      update ${conversation} c
      set message_count = locked.message_count + (select count(*) from fresh)::int,
        head_id = (select id from fresh order by position desc limit 1),
        head_external_id = (select external_id from fresh order by position desc limit 1),
        title = coalesce(c.title, ${param("title", "text")}),
        updated_at = greatest(c.updated_at, clock_timestamp())
      from locked
      where c.user_id = ${mine} and c.id = locked.id
        and (${expected} is null or ${expected} = locked.message_count)
        and not exists (${danglingParents(message, mine, conversationId)})
      returning c.id, c.user_id, locked.message_count, locked.head_id, locked.head_external_id, c.updated_at
    ),
    appended as (
      insert into ${message} (conversation_id, user_id, seq, parent_id, parent_external_id, created_at, ${names(sentColumns)})
      select touched.id, touched.user_id, touched.message_count + fresh.number,
        case when fresh.has_parent then fresh.parent_id else coalesce(fresh.previous_id, touched.head_id) end,
        case when fresh.has_parent then fresh.parent_external_id
          when fresh.previous_id is not null then fresh.previous_external_id else touched.head_external_id end,
        touched.updated_at, ${values(sentColumns, "fresh")}
      from touched
      cross join fresh
      order by fresh.number
      returning ${names(messageColumns)}
    )
    select ${select(messageColumns, "stored")}, stored.same
    from (
      select * from saved
      union all
      select appended.*, input.position, true from appended join input on input.id = appended.id
    ) stored
    order by stored.position`;
  return prepared(context, "append", build, (row): FoundMessage => {
    return { message: messageFrom(row, givenId), isSame: isTrue(row.at(-1)) };
  });
}

/** Parents that were named and are neither in the conversation nor earlier in the same append; "is true" keeps the plan from reading the conversation. */
function danglingParents(message: Sql, mine: Sql, conversationId: Sql): Sql {
  return sql`
    select from input child
    where child.has_parent and child.parent_id is not null
      and not exists (
        select from input parent where parent.id = child.parent_id and parent.position < child.position)
      and not exists (
        select from ${message} parent
        where parent.user_id = ${mine} and parent.id = child.parent_id
          and (parent.conversation_id = ${conversationId}) is true)`;
}

/** Read after an append that wrote nothing: which of its conditions does not hold; `undefined` when all hold by now. */
async function whyNothing(context: Context, { ownerId, conversationId, givenId, rows, expectedSeq }: Append) {
  const isOutside = ({ parentId }: OutgoingMessage, index: number) =>
    parentId !== null && !rows.slice(0, index).some(({ id }) => id === parentId);
  const outside = rows.filter(isOutside);
  const parentIds = outside.map(({ parentId }) => parentId);
  const [found] = await whyStatement(context).execute({ ownerId, conversationId, parentIds });
  if (!found) return new NotFoundError("conversation", givenId);
  const { messageCount, missingParent } = found;
  if (expectedSeq !== null && messageCount !== expectedSeq) {
    return new ConflictError(
      `The conversation has ${messageCount} messages, not ${expectedSeq}: read the new ones and try again.`,
      { details: { messageCount } },
    );
  }
  if (missingParent === null) return undefined;
  const named = outside.find(({ parentId }) => parentId === missingParent)?.parentExternalId ?? missingParent;
  return new InvalidInputError(`parentId must be a message of this conversation, which ${named} is not.`);
}

function whyStatement(context: Context) {
  const { conversation, message } = context.tables;
  const build = () => sql`
    select c.message_count, (
        select parent.id
        from unnest(${list("parentIds", "uuid")}) with ordinality as parent(id, position)
        where not exists (
          select from ${message} m
          where m.user_id = ${owner(context)} and m.id = parent.id and (m.conversation_id = c.id) is true)
        order by parent.position
        limit 1
      ) as missing_parent
    from ${conversation} c
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")} and c.deleted_at is null`;
  return prepared(context, "why_nothing", build, ([messageCount, missingParent]) => ({
    messageCount: Number(messageCount),
    missingParent: missingParent as string | null,
  }));
}
