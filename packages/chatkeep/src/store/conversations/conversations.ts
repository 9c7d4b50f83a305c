/** What a user can do with conversations. Every function takes the owner: there is no way to a conversation without one. */
import { ConflictError, InvalidInputError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { names, nth, rows, select, valuesOf } from "../../sql/columns.ts";
import { join, param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, inLane, inTransaction, owner, prepared, within, withTakenIds } from "../context.ts";
import { usesIn, usingFiles } from "../files/uses.ts";
import { conversationName, newId } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import { areStored } from "../messages/append-slow.ts";
import { insertRows } from "../messages/insert-rows.ts";
import { metadataJson, type OutgoingMessage, outgoing } from "../messages/outgoing.ts";
import {
  type ConversationChanges,
  conversationChangesSchema,
  flagSchema,
  type NewConversation,
  newConversationSchema,
  titleSchema,
} from "../schemas.ts";
import { type Conversation, conversationColumns, conversationFrom } from "../tables/conversation.ts";
import { placedColumns } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { titleFrom } from "./titles.ts";

const takenId = "An id of this conversation or of its messages is in use already: choose new ones.";

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
  const givenId = given.id ?? newId();
  const { id, externalId } = conversationName(ownerId, givenId);
  const sent = outgoing(ownerId, id, messages);
  requireEarlierParents(sent);
  const title = given.title ?? titleFrom(messages);
  const { pinned = false, archived = false, temporary = false, model = null, instructions = null } = given;
  const last = sent.at(-1);
  const about = [id, ownerId, externalId, title, last?.id ?? null, last?.externalId ?? null];
  const titleBy = given.title == null ? null : "person";
  const more = [pinned, archived, metadataJson(given.metadata), model, instructions, temporary, titleBy];
  const values = [...about, ...more, ...valuesOf(placedColumns, sent)];
  const create = (through: Context) =>
    through.isDistributed
      ? createApart(through, ownerId, values, sent)
      : createStatement(through, sent.length).execute(values);
  const [row] = await inLane(context, ownerId, undefined, () =>
    usingFiles(context, ownerId, usesIn(sent, messages), "required", (through) =>
      withTakenIds(through, create, takenId),
    ),
  );
  if (row) {
    context.changed({ userId: ownerId, conversationId: givenId });
    return row;
  }
  const existing = await findConversation(context, ownerId, givenId);
  const isRepeated =
    existing &&
    hadTitle(existing, given.title) &&
    temporary === (existing.expiresAt !== null) &&
    (await areStored(context, ownerId, id, sent));
  if (isRepeated) return existing;
  if (!existing) await (await import("./trash.ts")).requireNotInTrash(context, ownerId, givenId);
  throw new ConflictError(takenId);
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
  const id = parseId(conversationId, "conversationId");
  const name = conversationName(ownerId, id);
  const [row] = await getStatement(context).execute({ ownerId, conversationId: name.id });
  return row;
}

/**
 * Gives a conversation a title of 1 to 200 characters, which nothing overwrites but another rename.
 * @throws invalid_input, not_found
 */
export async function renameConversation(context: Context, ownerId: UserId, conversationId: string, title: string) {
  const changes = { title: parse(titleSchema, title, "title") };
  return await updateConversation(context, ownerId, conversationId, changes);
}

/** Keeps a conversation above the others, or no more. @throws invalid_input, not_found */
export async function pinConversation(context: Context, ownerId: UserId, conversationId: string, pinned: boolean) {
  const changes = { pinned: parse(flagSchema, pinned, "pinned") };
  return await updateConversation(context, ownerId, conversationId, changes);
}

/** Takes a conversation out of the list, or back into it; nothing else changes. @throws invalid_input, not_found */
export async function archiveConversation(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  archived: boolean,
) {
  const changes = { archived: parse(flagSchema, archived, "archived") };
  return await updateConversation(context, ownerId, conversationId, changes);
}

/**
 * Changes what is given of a conversation, and nothing else.
 * @throws invalid_input, too_large, not_found
 */
export async function updateConversation(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  input: ConversationChanges,
): Promise<Conversation> {
  const given = parse(conversationChangesSchema, input, "changes");
  const keys = changeable.filter((key) => given[key] !== undefined);
  const sets = keys.map((key) => sql`${raw(key)} = ${param(key, changeableTypes[key])}`);
  if (given.title !== undefined) sets.push(raw(renamedAt), raw("title_by = 'person'"));
  const values = { ...given, metadata: metadataJson(given.metadata) };
  return await changed(context, ownerId, conversationId, `update_${keys.join("_")}`, join(sets), values);
}

const changeableTypes = {
  title: "text",
  pinned: "boolean",
  archived: "boolean",
  metadata: "json",
  model: "text",
  instructions: "text",
} as const;

const changeable = Object.keys(changeableTypes) as (keyof typeof changeableTypes)[];

/** Its place in the list stays, and one that was renamed can still be told from one that was just made. */
const renamedAt =
  "updated_at = greatest(c.updated_at, (c.created_at at time zone 'UTC' + interval '1 millisecond') at time zone 'UTC')";

async function changed(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  verb: string,
  changes: Sql,
  values: Record<string, unknown>,
): Promise<Conversation> {
  const givenId = parseId(conversationId, "conversationId");
  const { id } = conversationName(ownerId, givenId);
  const build = () => sql`
    update ${context.tables.conversation} c
    set ${changes}
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")} and c.deleted_at is null
    returning ${select(conversationColumns, "c")}`;
  const statement = prepared(context, verb, build, (row) => conversationFrom(row));
  const [row] = await statement.execute({ ...values, ownerId, conversationId: id });
  if (!row) throw new NotFoundError("conversation", givenId);
  context.changed({ userId: ownerId, conversationId: givenId });
  return row;
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

/** Without a conflict target, so that a table sharded by user_id, whose key is (user_id, id), takes it too. */
/** In two statements on one node of a cluster. */
async function createApart(
  context: Context,
  ownerId: UserId,
  values: readonly unknown[],
  sent: readonly OutgoingMessage[],
): Promise<Conversation[]> {
  return await inTransaction(context.connection, async (inside) => {
    const through = within(context, inside);
    const rows = await createStatement(through, sent.length).execute(values);
    const [made] = rows;
    const place = { conversationId: String(values[0]), createdAt: made?.createdAt.toISOString() ?? "" };
    if (made && sent.length > 0)
      await insertRows(
        through,
        ownerId,
        sent.map((row, index) => ({ ...row, ...place, seq: index + 1 })),
      );
    return rows;
  });
}

function createStatement(context: Context, count: number) {
  const { conversation, message, userType } = context.tables;
  const build = () => {
    const about = [
      nth(0, "uuid"),
      nth(1, userType),
      nth(2, "text"),
      nth(3, "text"),
      raw(String(count)),
      nth(4, "uuid"),
      nth(5, "text"),
      nth(6, "boolean"),
      nth(7, "boolean"),
      nth(8, "json"),
      nth(9, "text"),
      nth(10, "text"),
      sql`case when ${nth(11, "boolean")} then now() + ${raw(`interval '${limits.temporaryHours} hours'`)} end`,
      nth(12, "text"),
    ];
    const insert = sql`
      insert into ${conversation} (id, user_id, external_id, title, message_count, head_id, head_external_id,
        pinned, archived, metadata, model, instructions, expires_at, title_by)
      values (${join(about)})
      on conflict do nothing`;
    if (context.isDistributed) return sql`${insert} returning ${select(conversationColumns)}`;
    const created = sql`with created as (${insert} returning *)`;
    const appended = sql`,
      appended as (
        insert into ${message} (conversation_id, user_id, seq, created_at, ${names(placedColumns)})
        select created.id, created.user_id, m.number, created.created_at, ${names(placedColumns, "m")}
        from created
        cross join ${rows(placedColumns, "m", count, 13)}
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
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")} and c.deleted_at is null`;
  return prepared(context, "get", build, (row) => conversationFrom(row));
}
