/** What a user can do with conversations. Every function takes the owner: there is no way to a conversation without one. */
import { ConflictError, InvalidInputError, NotFoundError } from "../../errors.ts";
import { type ColumnsOf, names, nth, rows, select, uuid, valuesOf } from "../../sql/columns.ts";
import { param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, inLane, owner, prepared, withTakenIds } from "../context.ts";
import { parse } from "../input.ts";
import { areStored } from "../messages/append-slow.ts";
import { type OutgoingMessage, outgoing, parentIn } from "../messages/outgoing.ts";
import { flagSchema, idSchema, type NewConversation, newConversationSchema, titleSchema } from "../schemas.ts";
import { type Conversation, conversationColumns, conversationFrom } from "../tables/conversation.ts";
import { type SentMessage, sentColumns } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { titleFrom } from "./titles.ts";

const takenId = "An id of this conversation or of its messages is in use already: choose new UUIDs.";

/**
 * Creates a conversation, with its first messages if any are given, all in one statement.
 * Without a title it gets one from the first question that is appended.
 * The same id with the same payload again gives the conversation as it is now.
 * @throws invalid_input, too_large, conflict when an id is in use for something else
 */
export async function createConversation(
  context: Context,
  ownerId: UserId,
  input: NewConversation = {},
): Promise<Conversation> {
  const given = parse(newConversationSchema, input, "conversation");
  const messages = given.messages ?? [];
  const sent = outgoing(messages);
  requireEarlierParents(sent);
  const id = given.id ?? crypto.randomUUID();
  const title = given.title ?? titleFrom(messages);
  const firsts = sent.map((row, index) => ({ ...row, parentId: parentIn(sent, index) }));
  const values = [id, ownerId, title, sent.at(-1)?.id ?? null, ...valuesOf(firstColumns, firsts)];
  const create = (through: Context) => createStatement(through, sent.length).execute(values);
  const [row] = await inLane(context, ownerId, undefined, () => withTakenIds(context, create, takenId));
  if (row) {
    context.changed({ userId: ownerId, conversationId: id });
    return row;
  }
  const existing = await findConversation(context, ownerId, id);
  const isRepeated = existing && hadTitle(existing, given.title) && (await areStored(context, ownerId, id, sent));
  if (!isRepeated) throw new ConflictError(takenId);
  return existing;
}

/**
 * A conversation of the owner's.
 * @throws invalid_input, not_found also when it is someone else's
 */
export async function getConversation(
  context: Context,
  ownerId: UserId,
  conversationId: string,
): Promise<Conversation> {
  const row = await findConversation(context, ownerId, conversationId);
  if (!row) throw new NotFoundError("conversation", conversationId);
  return row;
}

/** A conversation of the owner's, or `undefined`. */
export async function findConversation(
  context: Context,
  ownerId: UserId,
  conversationId: string,
): Promise<Conversation | undefined> {
  const id = parse(idSchema, conversationId, "conversationId");
  const [row] = await getStatement(context).execute({ ownerId, conversationId: id });
  return row;
}

/**
 * Gives a conversation a title of 1 to 200 characters, which nothing overwrites but another rename.
 * @throws invalid_input, not_found
 */
export function renameConversation(context: Context, ownerId: UserId, conversationId: string, title: string) {
  // Its place in the list stays, and one that was renamed can still be told from one that was just made.
  const changes = sql`title = ${param("value", "text")},
    updated_at = greatest(c.updated_at, c.created_at + interval '1 millisecond')`;
  return update(context, ownerId, conversationId, "rename", changes, parse(titleSchema, title, "title"));
}

/** Keeps a conversation above the others, or no more. @throws invalid_input, not_found */
export function pinConversation(context: Context, ownerId: UserId, conversationId: string, pinned: boolean) {
  const changes = sql`pinned = ${param("value", "boolean")}`;
  return update(context, ownerId, conversationId, "pin", changes, parse(flagSchema, pinned, "pinned"));
}

/** Takes a conversation out of the list, or back into it; nothing else changes. @throws invalid_input, not_found */
export function archiveConversation(context: Context, ownerId: UserId, conversationId: string, archived: boolean) {
  const changes = sql`archived = ${param("value", "boolean")}`;
  return update(context, ownerId, conversationId, "archive", changes, parse(flagSchema, archived, "archived"));
}

async function update(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  verb: string,
  changes: Sql,
  value: string | boolean,
): Promise<Conversation> {
  const id = parse(idSchema, conversationId, "conversationId");
  const build = () => sql`
    update ${context.tables.conversation} c
    set ${changes}
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")}
    returning ${select(conversationColumns, "c")}`;
  const statement = prepared(context, verb, build, (row) => conversationFrom(row));
  const [row] = await statement.execute({ ownerId, conversationId: id, value });
  if (!row) throw new NotFoundError("conversation", conversationId);
  context.changed({ userId: ownerId, conversationId: id });
  return row;
}

/**
 * Deletes a conversation with its messages and runs.
 * @throws invalid_input, not_found
 */
export async function deleteConversation(context: Context, ownerId: UserId, conversationId: string): Promise<void> {
  const id = parse(idSchema, conversationId, "conversationId");
  const build = () => sql`
    delete from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")}
    returning c.id`;
  const [deleted] = await prepared(context, "delete", build, ([id]) => id).execute({ ownerId, conversationId: id });
  if (!deleted) throw new NotFoundError("conversation", conversationId);
  context.changed({ userId: ownerId, conversationId: id });
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

const firstColumns: ColumnsOf<SentMessage & { parentId: string | null }> = {
  ...sentColumns,
  parentId: uuid<string | null>("parent_id"),
};

/** Without a conflict target, so that a table sharded by user_id, whose key is (user_id, id), takes it too. */
function createStatement(context: Context, count: number) {
  const { conversation, message, userType } = context.tables;
  const build = () => {
    const created = sql`
      with created as (
        insert into ${conversation} (id, user_id, title, message_count, head_id)
        values (${nth(0, "uuid")}, ${nth(1, userType)}, ${nth(2, "text")}, ${raw(String(count))}, ${nth(3, "uuid")})
        on conflict do nothing
        returning *
      )`;
    const appended = sql`,
      appended as (
        insert into ${message} (conversation_id, user_id, seq, created_at, ${names(firstColumns)})
        select created.id, created.user_id, m.number, created.created_at, ${names(firstColumns, "m")}
        from created
        cross join ${rows(firstColumns, "m", count, 4)}
      )`;
    return sql`${created}${count > 0 ? appended : raw("")}
      select ${select(conversationColumns)}
      from created`;
  };
  return prepared(context, `create_${count}`, build, (row) => conversationFrom(row));
}

function getStatement(context: Context) {
  const build = () => sql`
    select ${select(conversationColumns, "c")}
    from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")}`;
  return prepared(context, "get", build, (row) => conversationFrom(row));
}
