/** What a user can do with conversations. Every function takes the owner: there is no way to a conversation without one. */
import { NotFoundError } from "../../errors.ts";
import { select } from "../../sql/columns.ts";
import { join, param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { conversationName } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import { metadataJson } from "../messages/outgoing.ts";
import { type ConversationChanges, conversationChangesSchema, flagSchema, titleSchema } from "../schemas.ts";
import { type Conversation, conversationColumns, conversationFrom } from "../tables/conversation.ts";
import type { UserId } from "../tables/tables.ts";

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

function getStatement(context: Context) {
  const build = () => sql`
    select ${select(conversationColumns, "c")}
    from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")} and c.deleted_at is null`;
  return prepared(context, "get", build, (row) => conversationFrom(row));
}
