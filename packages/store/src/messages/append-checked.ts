/**
 * An append with every check and every answer, in one SQL statement: it finds what is stored already, checks the owner and
 * the parents, takes the row lock of the conversation, and under that lock gives the `seq`s, so that their order is the
 * order of commits and has no gap.
 */
import { and, eq, sql } from "drizzle-orm";
import { type Chat, prepared, withTakenIds } from "../database.ts";
import { ConflictError, InvalidInputError, NotFoundError, UnavailableError } from "../errors.ts";
import type { ChatModels, Message, UserId } from "../models/chat.ts";
import { toMessage } from "./columns.ts";
import { insertedColumns } from "./message-rows.ts";
import { type Append, adoptStoredForms, type Outgoing } from "./outgoing.ts";

const attempts = 4;
const takenId = "A message id is in use already, for another message: choose a new UUID.";

/** @throws not_found, conflict, invalid_input */
export async function appendChecked(chat: Chat, append: Append): Promise<Message[]> {
  const { columns, ownerId, conversationId, expectedSeq, title } = append;
  const values = { ...columns, placed: asTexts(columns), ownerId, conversationId, expectedSeq, title, writes: true };
  for (let attempt = 1; ; attempt += 1) {
    const rows = await withTakenIds(chat, (through) => appendStatement(through).execute(values), takenId);
    const changed = rows.filter((row) => !row.same);
    if (changed.length > 0 && !adoptStoredForms(columns, changed)) throw new ConflictError(takenId);
    if (changed.length === 0 && rows.length === columns.ids.length) {
      return rows.map(({ same: _, ...row }) => toMessage(row));
    }
    // What a statement sees is older than the lock that it waited for: the next one sees what was committed meanwhile.
    if (changed.length > 0 || attempt === 1) continue;
    const reason = await whyNothing(chat, append);
    if (reason) throw reason;
    if (attempt === attempts) throw new UnavailableError("The conversation changes too fast: try again.");
  }
}

/** The stored messages of these ids if all of them are in this conversation with this payload; writes nothing. */
export async function areStored(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  columns: Outgoing,
): Promise<boolean> {
  const values = {
    ...columns,
    placed: asTexts(columns),
    ownerId,
    conversationId,
    expectedSeq: null,
    title: null,
    writes: false,
  };
  const rows = await appendStatement(chat).execute(values);
  return rows.length === columns.ids.length && rows.every((row) => row.same);
}

/** postgres.js takes a list of booleans for one boolean. */
function asTexts({ placed }: Outgoing): string[] {
  return placed.map(String);
}

/** The rows of `Outgoing`, numbered; `previous_id` is the message before it in the same append. */
function inputRows() {
  return sql`
    select input.*, lag(input.id) over (order by position) as previous_id
    from unnest(
      (select ${sql.placeholder("ids")}::uuid[]), (select ${sql.placeholder("roles")}::text[]), (select ${sql.placeholder("statuses")}::text[]),
      (select ${sql.placeholder("contents")}::text[]), (select ${sql.placeholder("parts")}::text[]),
      (select ${sql.placeholder("parentIds")}::uuid[]), (select ${sql.placeholder("placed")}::text[])::boolean[]
    ) with ordinality as input(id, role, status, content, parts, parent_id, placed, position)`;
}

function appendStatement(chat: Chat) {
  return prepared(chat, "append", () => {
    const { db, models } = chat;
    const owner = sql.placeholder("ownerId");
    const conversationId = sql`${sql.placeholder("conversationId")}::uuid`;
    const expected = sql`${sql.placeholder("expectedSeq")}::int`;

    const input = db.$with("input", {}).as(inputRows());

    // Found through message_user_id_id_idx, and not by conversation, so that a long one costs the same.
    const saved = db.$with("saved", {}).as(sql`
      select ${columnList("m")}, input.position,
        m.conversation_id = ${conversationId} and m.role = input.role and m.content = input.content
          and m.parts::text is not distinct from input.parts
          and (not input.placed or m.parent_id is not distinct from input.parent_id) as same
      from input
      join ${models.message} m on m.user_id = ${owner} and m.id = input.id`);

    const fresh = db.$with("fresh", {}).as(sql`
      select input.*, row_number() over (order by position)::int as number
      from input
      where ${sql.placeholder("writes")}::boolean
        and not exists (select from saved where saved.id = input.id)
        and not exists (select from saved where not saved.same)`);

    const locked = db.$with("locked", {}).as(sql`
      select c.id, c.head_id, c.message_count
      from ${models.conversation} c
      where c.user_id = ${owner} and c.id = ${conversationId} and exists (select from fresh)
      for no key update`);

    const touched = db.$with("touched", {}).as(sql`
      update ${models.conversation} c
      set message_count = locked.message_count + (select count(*) from fresh)::int,
        head_id = (select id from fresh order by position desc limit 1),
        title = coalesce(c.title, ${sql.placeholder("title")}::text),
        updated_at = greatest(c.updated_at, clock_timestamp())
      from locked
      where c.user_id = ${owner} and c.id = locked.id
        and (${expected} is null or ${expected} = locked.message_count)
        and not exists (${danglingParents(models)})
      returning c.id, c.user_id, locked.message_count, locked.head_id, c.updated_at`);

    const appended = db.$with("appended", {}).as(sql`
      insert into ${models.message}
        (${insertedColumns})
      select fresh.id, touched.id, touched.user_id, touched.message_count + fresh.number,
        case when fresh.placed then fresh.parent_id else coalesce(fresh.previous_id, touched.head_id) end,
        fresh.role, fresh.status, fresh.content, fresh.parts::json, touched.updated_at
      from touched
      cross join fresh
      order by fresh.number
      returning ${columnList()}`);

    return db
      .with(input, saved, fresh, locked, touched, appended)
      .select(returned(models))
      .from(
        sql`(
          select * from saved
          union all
          select appended.*, input.position, true from appended join input on input.id = appended.id
        ) stored`,
      )
      .orderBy(sql`stored.position`);
  });
}

const columnNames = [
  "id",
  "conversation_id",
  "role",
  "content",
  "parts",
  "seq",
  "parent_id",
  "status",
  "created_at",
  "finish_reason",
] as const;

function columnList(table?: string) {
  return sql.raw(columnNames.map((name) => (table ? `${table}.${name}` : name)).join(", "));
}

function returned({ message }: ChatModels) {
  return {
    id: sql<string>`stored.id`,
    conversationId: sql<string>`stored.conversation_id`,
    role: sql<Message["role"]>`stored.role`,
    content: sql<string>`stored.content`,
    parts: sql<Message["parts"]>`stored.parts`,
    seq: sql<number>`stored.seq`,
    parentId: sql<string | null>`stored.parent_id`,
    status: sql<Message["status"]>`stored.status`,
    createdAt: sql<Date>`stored.created_at`.mapWith(message.createdAt),
    finishReason: sql<Message["finishReason"]>`stored.finish_reason`,
    same: sql<boolean>`stored.same`,
  };
}

/** Parents that were named and are neither in the conversation nor earlier in the same append; "is true" keeps the plan from reading the conversation. */
function danglingParents(models: ChatModels) {
  return sql`
    select from input child
    where child.placed and child.parent_id is not null
      and not exists (
        select from input parent where parent.id = child.parent_id and parent.position < child.position)
      and not exists (
        select from ${models.message} parent
        where parent.user_id = ${sql.placeholder("ownerId")} and parent.id = child.parent_id
          and (parent.conversation_id = ${sql.placeholder("conversationId")}::uuid) is true)`;
}

/** Read after an append that wrote nothing: which of its conditions does not hold; `undefined` when all hold by now. */
async function whyNothing(
  { db, models: { conversation, message } }: Chat,
  { ownerId, conversationId, columns: { ids, parentIds }, expectedSeq }: Append,
) {
  const [row] = await db
    .select({ messageCount: conversation.messageCount })
    .from(conversation)
    .where(and(eq(conversation.userId, ownerId), eq(conversation.id, conversationId)));
  if (!row) return new NotFoundError("conversation", conversationId);
  if (expectedSeq !== null && row.messageCount !== expectedSeq) {
    return new ConflictError(
      `The conversation has ${row.messageCount} messages, not ${expectedSeq}: read the new ones and try again.`,
      { details: { messageCount: row.messageCount } },
    );
  }
  const outside = parentIds.filter((parentId, position) => parentId && !ids.slice(0, position).includes(parentId));
  for (const parentId of outside) {
    const found = await db
      .select({ id: message.id })
      .from(message)
      .where(
        and(eq(message.userId, ownerId), eq(message.id, parentId ?? ""), eq(message.conversationId, conversationId)),
      );
    if (found.length === 0) {
      return new InvalidInputError(`parentId must be a message of this conversation, which ${parentId} is not.`);
    }
  }
  return undefined;
}
