/**
 * The trash: what is deleted stays there for some days, and is as absent from everything else as if it never was. It has an
 * `expires_at`, as temporary conversations have, which keeps it out of lists, search and export, and says when it is removed.
 */
import { ConflictError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { isTrue, select } from "../../sql/columns.ts";
import { encodeCursor, keyOf } from "../../sql/cursor.ts";
import { param, raw, sql } from "../../sql/sql.ts";
import { type Context, changing, owner, prepared } from "../context.ts";
import { conversationName } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import type { Page } from "../messages/page.ts";
import { findRunningRun } from "../runs/end.ts";
import { endAsStored } from "../runs/expire.ts";
import { cursorSchema, limitSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import { type Conversation, conversationColumns, conversationFrom } from "../tables/conversation.ts";
import type { UserId } from "../tables/tables.ts";

/** A conversation in the trash; `expiresAt` says when it is gone for good. */
export interface TrashedConversation extends Conversation {
  deletedAt: Date;
}

/** Which page of the trash. */
export interface TrashPageOptions {
  /** 1 to 100; 20 when left out. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | null | undefined;
}

const optionsSchema = strictObject({ limit: limitSchema.optional(), cursor: cursorSchema.nullish() }).nullish();

/** In the trash, and not yet on the way out; whoever is being removed has "-infinity". */
export const isInTrash = raw("c.deleted_at > '-infinity' and c.expires_at > clock_timestamp()");

/** `false` when it is not to be kept, and nothing has happened to it. @throws invalid_input, not_found */
export async function trashConversation(context: Context, ownerId: UserId, conversationId: string): Promise<boolean> {
  const givenId = parseId(conversationId, "conversationId");
  const given = { ownerId, conversationId: conversationName(ownerId, givenId).id };
  const isKept = await changing(context, async (through) => {
    // Before the lock of the conversation, in the order in which the end of a reply takes both.
    await stopReply(through, ownerId, givenId);
    const [found] = await lockStatement(through).execute(given);
    if (!found) throw new NotFoundError("conversation", givenId);
    if (found.isTemporary || context.trashDays === 0) return false;
    // One that began while the lock was waited for; from now on none does.
    await stopReply(through, ownerId, givenId);
    await trashStatement(through).execute({ ...given, days: context.trashDays });
    return true;
  });
  if (isKept) context.changed({ userId: ownerId, conversationId: givenId });
  return isKept;
}

async function stopReply(context: Context, ownerId: UserId, conversationId: string): Promise<void> {
  const running = await findRunningRun(context, ownerId, conversationId);
  if (running) await endAsStored(context, ownerId, running, "stopped");
}

function lockStatement(context: Context) {
  const build = () => sql`
    select c.expires_at is not null
    from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")} and c.deleted_at is null
    for no key update`;
  return prepared(context, "trash_lock", build, ([isTemporary]) => ({ isTemporary: isTrue(isTemporary) }));
}

function trashStatement(context: Context) {
  const build = () => sql`
    update ${context.tables.conversation} c
    set deleted_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(days => ${param("days", "int")})
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")}`;
  return prepared(context, "trash", build, () => undefined);
}

/** @throws invalid_input; not_found; conflict when it is not in the trash */
export async function restoreFromTrash(
  context: Context,
  ownerId: UserId,
  conversationId: string,
): Promise<Conversation> {
  const givenId = parseId(conversationId, "conversationId");
  const { id } = conversationName(ownerId, givenId);
  const build = () => sql`
    update ${context.tables.conversation} c
    set deleted_at = null, expires_at = null
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")} and ${isInTrash}
    returning ${select(conversationColumns, "c")}`;
  const statement = prepared(context, "restore_trashed", build, (row) => conversationFrom(row));
  const [row] = await statement.execute({ ownerId, conversationId: id });
  if (!row) throw await whyNotInTrash(context, ownerId, givenId);
  context.changed({ userId: ownerId, conversationId: givenId });
  return row;
}

/** Reads conversation_trash_idx backward. @throws invalid_input */
export async function listTrash(
  context: Context,
  ownerId: UserId,
  options?: TrashPageOptions,
): Promise<Page<TrashedConversation>> {
  const { limit = limits.conversationsPerPage, cursor } = parse(optionsSchema, options, "options") ?? {};
  const key = cursor ? keyOf(cursor) : undefined;
  const rows = await listStatement(context, key !== undefined).execute({ ownerId, limit: limit + 1, ...key });
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  const idOf = ({ id }: Conversation) => conversationName(ownerId, id).id;
  return { items, nextCursor: last ? encodeCursor([last.deletedAt.getTime(), idOf(last)]) : null };
}

function listStatement(context: Context, hasKey: boolean) {
  const key = sql`and (c.deleted_at, c.id) < (${param("time", "timestamptz")}, ${param("id", "uuid")})`;
  const build = () => sql`
    select date_part('epoch', c.deleted_at) * 1000, ${select(conversationColumns, "c")}
    from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.deleted_at is not null and ${isInTrash} ${hasKey ? key : raw("")}
    order by c.deleted_at desc, c.id desc
    limit ${param("limit", "int")}`;
  return prepared(context, hasKey ? "trash_next" : "trash_list", build, (row): TrashedConversation => {
    return { ...conversationFrom(row, 1), deletedAt: new Date(Math.round(Number(row[0]))) };
  });
}

/** What stands in the way of whoever looks for it in the trash. */
export async function whyNotInTrash(context: Context, ownerId: UserId, conversationId: string) {
  const place = await placeOf(context, ownerId, conversationId);
  if (place !== "list") return new NotFoundError("conversation", conversationId);
  return new ConflictError(`The conversation ${conversationId} is not in the trash: delete it first.`);
}

/** @throws conflict when the id is of a conversation in the trash */
export async function requireNotInTrash(context: Context, ownerId: UserId, conversationId: string): Promise<void> {
  const place = await placeOf(context, ownerId, conversationId);
  if (place === "trash") {
    throw new ConflictError(
      `The conversation ${conversationId} is in the trash: restore it to go on with it, or purge it, or choose another id.`,
    );
  }
  if (place === "leaving")
    throw new ConflictError(`The conversation ${conversationId} is being removed: try again in a minute.`);
}

async function placeOf(context: Context, ownerId: UserId, conversationId: string) {
  const build = () => sql`
    select case when c.deleted_at is null then 'list' when ${isInTrash} then 'trash' else 'leaving' end
    from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")}`;
  const statement = prepared(context, "place", build, ([place]) => place as "list" | "trash" | "leaving");
  const [place] = await statement.execute({ ownerId, conversationId: conversationName(ownerId, conversationId).id });
  return place;
}
