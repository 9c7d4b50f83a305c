/** What a user can do with conversations. Every function takes the owner: there is no way to a conversation without one. */
import { randomUUID } from "node:crypto";
import { and, eq, sql } from "drizzle-orm";
import { type Chat, preparedRows, withTakenIds } from "./database.ts";
import { ConflictError, InvalidInputError, NotFoundError } from "./errors.ts";
import { parse } from "./input.ts";
import { areStored } from "./messages/append-checked.ts";
import { timeFrom } from "./messages/columns.ts";
import { insertedColumns, messageRows, messageValues, nth } from "./messages/message-rows.ts";
import { type Outgoing, outgoing } from "./messages/outgoing.ts";
import type { ChatModels, Conversation, UserId } from "./models/chat.ts";
import { idSchema, markSchema, type NewConversation, newConversationSchema, titleSchema } from "./models/schemas.ts";
import { titleFrom } from "./titles.ts";

const takenId = "An id of this conversation or of its messages is in use already: choose new UUIDs.";

/**
 * Creates a conversation, with its first messages if any are given, all in one statement.
 * Without a title it gets one from the first question that is appended.
 * The same id with the same payload again gives the conversation as it is now.
 * @throws invalid_input, too_large, conflict when an id is in use for something else
 */
export async function createConversation(
  chat: Chat,
  ownerId: UserId,
  input: NewConversation = {},
): Promise<Conversation> {
  const given = parse(newConversationSchema, input, "conversation");
  const messages = given.messages ?? [];
  const columns = outgoing(messages);
  requireEarlierParents(columns);
  const id = given.id ?? randomUUID();
  const title = given.title ?? titleFrom(messages);
  const values = [id, ownerId, title, columns.ids.at(-1) ?? null, ...messageValues(columns)];
  const create = (through: Chat) => createStatement(through, messages.length).execute(values);
  const [row] = await withTakenIds(chat, create, takenId);
  if (row) {
    chat.changed({ userId: ownerId, conversationId: id });
    return row;
  }
  const existing = await findConversation(chat, ownerId, id);
  const isRepeated = existing && hadTitle(existing, given.title) && (await areStored(chat, ownerId, id, columns));
  if (!isRepeated) throw new ConflictError(takenId);
  return existing;
}

/**
 * A conversation of the owner's.
 * @throws invalid_input, not_found also when it is someone else's
 */
export async function getConversation(chat: Chat, ownerId: UserId, conversationId: string): Promise<Conversation> {
  const row = await findConversation(chat, ownerId, conversationId);
  if (!row) throw new NotFoundError("conversation", conversationId);
  return row;
}

/** A conversation of the owner's, or `undefined`. */
export async function findConversation(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
): Promise<Conversation | undefined> {
  const id = parse(idSchema, conversationId, "conversationId");
  const [row] = await getStatement(chat).execute({ ownerId, conversationId: id });
  return row;
}

/**
 * Gives a conversation a title of 1 to 200 characters, which nothing overwrites but another rename.
 * @throws invalid_input, not_found
 */
export async function renameConversation(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  title: string,
): Promise<Conversation> {
  const { db, models } = chat;
  const { conversation } = models;
  const [row] = await db
    .update(conversation)
    .set({
      title: parse(titleSchema, title, "title"),
      // Its place in the list stays, and one that was renamed can still be told from one that was just made.
      updatedAt: sql`greatest(${conversation.updatedAt}, ${conversation.createdAt} + interval '1 millisecond')`,
    })
    .where(owned(chat, ownerId, conversationId))
    .returning(conversationColumns(models));
  if (!row) throw new NotFoundError("conversation", conversationId);
  chat.changed({ userId: ownerId, conversationId: row.id });
  return row;
}

/** Keeps a conversation above the others, or no more. @throws invalid_input, not_found */
export function pinConversation(chat: Chat, ownerId: UserId, conversationId: string, pinned: boolean) {
  return mark(chat, ownerId, conversationId, { pinned: parse(markSchema, pinned, "pinned") });
}

/** Takes a conversation out of the list, or back into it; nothing else changes. @throws invalid_input, not_found */
export function archiveConversation(chat: Chat, ownerId: UserId, conversationId: string, archived: boolean) {
  return mark(chat, ownerId, conversationId, { archived: parse(markSchema, archived, "archived") });
}

async function mark(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  marks: { pinned: boolean } | { archived: boolean },
): Promise<Conversation> {
  const [row] = await chat.db
    .update(chat.models.conversation)
    .set(marks)
    .where(owned(chat, ownerId, conversationId))
    .returning(conversationColumns(chat.models));
  if (!row) throw new NotFoundError("conversation", conversationId);
  chat.changed({ userId: ownerId, conversationId: row.id });
  return row;
}

/**
 * Deletes a conversation with its messages and runs.
 * @throws invalid_input, not_found
 */
export async function deleteConversation(chat: Chat, ownerId: UserId, conversationId: string): Promise<void> {
  const { db, models } = chat;
  const [deleted] = await db
    .delete(models.conversation)
    .where(owned(chat, ownerId, conversationId))
    .returning({ id: models.conversation.id });
  if (!deleted) throw new NotFoundError("conversation", conversationId);
  chat.changed({ userId: ownerId, conversationId: deleted.id });
}

/** Whether it was created with this title; one that was changed since may have been renamed. */
function hadTitle({ title, createdAt, updatedAt }: Conversation, given: string | null | undefined): boolean {
  return given == null || given === title || updatedAt > createdAt;
}

function owned({ models: { conversation } }: Chat, ownerId: UserId, conversationId: string) {
  const id = parse(idSchema, conversationId, "conversationId");
  return and(eq(conversation.userId, ownerId), eq(conversation.id, id));
}

/** In the order in which `conversationFrom` reads them. */
export function conversationColumns({ conversation }: ChatModels) {
  return {
    id: conversation.id,
    title: conversation.title,
    messageCount: conversation.messageCount,
    headId: conversation.headId,
    pinned: conversation.pinned,
    archived: conversation.archived,
    createdAt: conversation.createdAt,
    updatedAt: conversation.updatedAt,
  };
}

/** A conversation of a row of those columns. */
export function conversationFrom(columns: readonly unknown[]): Conversation {
  const [id, title, messageCount, headId, pinned, archived, createdAt, updatedAt] = columns;
  return {
    id: id as string,
    title: title as string | null,
    messageCount: messageCount as number,
    headId: headId as string | null,
    pinned: pinned as boolean,
    archived: archived as boolean,
    createdAt: timeFrom(createdAt),
    updatedAt: timeFrom(updatedAt),
  };
}

function requireEarlierParents({ ids, parentIds }: Outgoing): void {
  for (const [position, parentId] of parentIds.entries()) {
    if (parentId && !ids.slice(0, position).includes(parentId)) {
      throw new InvalidInputError(`messages.${position}.parentId must be the id of a message before it.`);
    }
  }
}

/** Without a conflict target, so that a table sharded by user_id, whose key is (user_id, id), takes it too. */
function createStatement(chat: Chat, count: number) {
  const build = () => {
    const { conversation, message } = chat.models;
    const created = sql`
      with created as (
        insert into ${conversation} (id, user_id, title, message_count, head_id)
        values (${nth(0, "uuid")}, ${nth(1)}, ${nth(2, "text")}, ${sql.raw(String(count))}, ${nth(3, "uuid")})
        on conflict do nothing
        returning *
      )`;
    const appended = sql`,
      appended as (
        insert into ${message} (${insertedColumns})
        select m.id, created.id, created.user_id, m.number, m.parent_id, m.role, m.status, m.content, m.parts,
          created.created_at
        from created
        cross join ${messageRows(count, 4)}
      )`;
    return sql`${created}${count > 0 ? appended : sql``}
      select id, title, message_count, head_id, pinned, archived, created_at, updated_at
      from created`;
  };
  return preparedRows(chat, `create_${count}`, build, conversationFrom);
}

function getStatement(chat: Chat) {
  const build = () => {
    const { conversation } = chat.models;
    return chat.db
      .select(conversationColumns(chat.models))
      .from(conversation)
      .where(
        and(
          eq(conversation.userId, sql.placeholder("ownerId")),
          eq(conversation.id, sql`${sql.placeholder("conversationId")}::uuid`),
        ),
      );
  };
  return preparedRows(chat, "get", build, conversationFrom);
}
