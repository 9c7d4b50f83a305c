/** Creating conversations, with their first messages. Nearly every one is new and short, and goes together with others that wait. */
import { ConflictError, InvalidInputError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import {
  type ColumnsOf,
  flag,
  integer,
  listsOf,
  names,
  nth,
  rows,
  select,
  unnest,
  values,
  valuesOf,
} from "../../sql/columns.ts";
import { join, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, inLane, inTransaction, prepared, within, withTakenIds } from "../context.ts";
import { usesIn, usingFiles } from "../files/uses.ts";
import { type GroupedWrites, lockTimeout } from "../group-commit.ts";
import { conversationName, newId } from "../ids.ts";
import { parse } from "../input.ts";
import { areStored } from "../messages/append-slow.ts";
import { insertRows } from "../messages/insert-rows.ts";
import { charsOf, isShort, metadataJson, type OutgoingMessage, outgoing } from "../messages/outgoing.ts";
import { type NewConversation, newConversationSchema } from "../schemas.ts";
import { type Conversation, conversationColumns, conversationFrom } from "../tables/conversation.ts";
import { type PlacedMessage, placedColumns } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { findConversation } from "./conversations.ts";
import { type Creation, type NewRow, newColumns } from "./creation.ts";
import { titleFrom } from "./titles.ts";

const takenId = "An id of this conversation or of its messages is in use already: choose new ones.";

/**
 * Creates a conversation, with its first messages if any are given, all in one statement.
 * Without a title it gets one from the first question that is appended.
 * The same id with the same payload again gives the conversation as it is now.
 *
 * INVARIANT: it is answered after its commit, and fails alone, whatever it was stored together with.
 * @throws invalid_input, too_large, conflict when an id is in use for something else
 */
export async function createConversation(
  context: Context,
  ownerId: UserId,
  input: NewConversation = {},
): Promise<Conversation> {
  const given = parse(newConversationSchema, input, "conversation");
  const givenId = given.id ?? newId();
  const { id, externalId } = conversationName(ownerId, givenId);
  const messages = outgoing(ownerId, id, given.messages ?? []);
  requireEarlierParents(messages);
  const last = messages.at(-1);
  const row: NewRow = {
    id,
    userId: ownerId,
    externalId,
    title: given.title ?? titleFrom(given.messages ?? []),
    titleBy: given.title == null ? null : "person",
    messageCount: messages.length,
    headId: last?.id ?? null,
    headExternalId: last?.externalId ?? null,
    pinned: given.pinned ?? false,
    archived: given.archived ?? false,
    metadata: metadataJson(given.metadata),
    model: given.model ?? null,
    instructions: given.instructions ?? null,
  };
  const creation = { ownerId, conversationId: id, row, isTemporary: given.temporary ?? false, messages };
  const uses = usesIn(messages, given.messages ?? []);
  const made = await (context.groupCommit && uses.length === 0 && isShort(messages)
    ? context.groupCommit.create.add(creation)
    : inLane(context, ownerId, undefined, () =>
        usingFiles(context, ownerId, uses, "required", (through) => createAlone(through, creation)),
      ));
  if (made) {
    context.changed({ userId: ownerId, conversationId: givenId });
    return made;
  }
  const existing = await findConversation(context, ownerId, givenId);
  const isRepeated =
    existing &&
    hadTitle(existing, given.title) &&
    creation.isTemporary === (existing.expiresAt !== null) &&
    (await areStored(context, ownerId, id, messages));
  if (isRepeated) return existing;
  if (!existing) await (await import("./trash.ts")).requireNotInTrash(context, ownerId, givenId);
  throw new ConflictError(takenId);
}

export const groupedCreations: GroupedWrites<Creation, Conversation | undefined> = {
  charsOf: ({ row, messages }) => charsOf(messages) + (row.metadata?.length ?? 0) + (row.instructions?.length ?? 0),
  storeTogether: async (context, creations) => {
    const [first] = creations;
    return first && creations.length === 1 ? [await createOne(context, first)] : await createMany(context, creations);
  },
  storeAlone: (context, creation) => inLane(context, creation.ownerId, undefined, () => createAlone(context, creation)),
};

/** Gives `undefined` where a conversation of this id is there. @throws conflict when an id of a message is in use */
function createAlone(context: Context, creation: Creation): Promise<Conversation | undefined> {
  return withTakenIds(context, (through) => createOne(through, creation), takenId);
}

/** Every value has a parameter of its own: for a few that is cheaper than lists. */
async function createOne(context: Context, creation: Creation): Promise<Conversation | undefined> {
  if (context.isDistributed) return await createApart(context, creation);
  return await insertConversation(context, creation, creation.messages);
}

/** In two statements on one node of a cluster. */
async function createApart(context: Context, creation: Creation): Promise<Conversation | undefined> {
  const { ownerId, conversationId, messages } = creation;
  return await inTransaction(context.connection, async (inside) => {
    const through = within(context, inside);
    const made = await insertConversation(through, creation, []);
    if (!made || messages.length === 0) return made;
    const place = { conversationId, createdAt: made.createdAt.toISOString() };
    const inserted = messages.map((message, index) => ({ ...message, ...place, seq: index + 1 }));
    await insertRows(through, ownerId, inserted);
    return made;
  });
}

async function insertConversation(
  context: Context,
  { row, isTemporary }: Creation,
  messages: readonly PlacedMessage[],
): Promise<Conversation | undefined> {
  const columns = newColumns(context.tables.userType);
  const values = [isTemporary, ...valuesOf(columns, [row]), ...valuesOf(placedColumns, messages)];
  const [made] = await oneStatement(context, messages.length).execute(values);
  return made;
}

/** Without a conflict target, so that a table sharded by user_id, whose key is (user_id, id), takes it too. */
function oneStatement(context: Context, count: number) {
  const { conversation, message, userType } = context.tables;
  const build = () => {
    const columns = newColumns(userType);
    const given = Object.values(columns).map(({ type }, index) => nth(index + 1, type));
    const insert = sql`
      insert into ${conversation} (expires_at, ${names(columns)})
      values (${expiresAt(nth(0, "boolean"))}, ${join(given)})
      on conflict do nothing`;
    if (count === 0) return sql`${insert} returning ${select(conversationColumns)}`;
    return sql`
      with created as (${insert} returning *),
      appended as (
        insert into ${message} (conversation_id, user_id, seq, created_at, ${names(placedColumns)})
        select created.id, created.user_id, m.number, created.created_at, ${names(placedColumns, "m")}
        from created
        cross join ${rows(placedColumns, "m", count, given.length + 1)}
      )
      select ${select(conversationColumns)}
      from created`;
  };
  return prepared(context, `create_${count}`, build, (row) => conversationFrom(row));
}

function expiresAt(isTemporary: Sql): Sql {
  return sql`case when ${isTemporary} then now() + ${raw(`interval '${limits.temporaryHours} hours'`)} end`;
}

interface TimedRow extends NewRow {
  isTemporary: boolean;
}

const timedColumns = (userType: string): ColumnsOf<TimedRow> => ({
  ...newColumns(userType),
  isTemporary: flag("is_temporary"),
});

interface MemberRow extends PlacedMessage {
  /** Of its conversation. */
  position: number;
  seq: number;
}

const memberColumns: ColumnsOf<MemberRow> = {
  position: integer("position"),
  seq: integer("seq"),
  ...placedColumns,
};
const ofMembers = "message_";

/** A conversation is a row of some lists, a message a row of others; `position` says which belong together. */
async function createMany(context: Context, creations: readonly Creation[]): Promise<(Conversation | undefined)[]> {
  const about = creations.map(({ row, isTemporary }) => ({ ...row, isTemporary }));
  const members = creations.flatMap(({ messages }, index) =>
    messages.map((message, at): MemberRow => ({ ...message, position: index + 1, seq: at + 1 })),
  );
  const all = await manyStatement(context).execute({
    ...listsOf(timedColumns(context.tables.userType), about),
    ...listsOf(memberColumns, members, ofMembers),
  });
  const answers: (Conversation | undefined)[] = Array(creations.length).fill(undefined);
  for (const { index, conversation } of all) answers[index] = conversation;
  return answers;
}

function manyStatement(context: Context) {
  const { conversation, message, userType } = context.tables;
  const columns = newColumns(userType);
  const build = () => sql`
    with lock_timeout as materialized (select set_config('lock_timeout', '${raw(lockTimeout)}', true)),
    input as materialized (
      select *
      from ${unnest(timedColumns(userType), "input", { ordinality: "position" })}
    ),
    m as materialized (
      select * from ${unnest(memberColumns, "m", { prefix: ofMembers })}
    ),
    created as (
      insert into ${conversation} (expires_at, ${names(columns)})
      select ${expiresAt(raw("is_temporary"))}, ${values(columns, "input")}
      from lock_timeout
      cross join input
      order by position
      on conflict do nothing
      returning *
    ),
    placed as (
      select created.*, input.position
      from created
      join input on input.user_id = created.user_id and input.id = created.id
    ),
    appended as (
      insert into ${message} (conversation_id, user_id, seq, created_at, ${names(placedColumns)})
      select placed.id, placed.user_id, m.seq, placed.created_at, ${values(placedColumns, "m")}
      from placed
      join m on m.position = placed.position
      order by m.position, m.seq
    )
    select position::int - 1 as index, ${select(conversationColumns)}
    from placed`;
  return prepared(context, "create_many", build, ([index, ...columns]) => ({
    index: Number(index),
    conversation: conversationFrom(columns),
  }));
}

/** Whether it was created with this title; one that was changed since may have been renamed. */
function hadTitle({ title, createdAt, updatedAt }: Conversation, given: string | null | undefined): boolean {
  return given == null || given === title || updatedAt > createdAt;
}

function requireEarlierParents(messages: readonly OutgoingMessage[]): void {
  for (const [index, { parentId }] of messages.entries()) {
    if (parentId && !messages.slice(0, index).some(({ id }) => id === parentId)) {
      throw new InvalidInputError(`messages.${index}.parentId must be the id of a message before it.`);
    }
  }
}
