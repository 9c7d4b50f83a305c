/** Messages by their ids alone, for clients whose protocol names no conversation beside them. */
import * as z from "zod";
import { select } from "../../sql/columns.ts";
import { list, param, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { listConversationIds } from "../conversations/list.ts";
import { conversationName, isUuid, messageName } from "../ids.ts";
import { parse } from "../input.ts";
import { idSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import { type Message, messageColumns, messageFrom } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";

export interface FindMessagesOptions {
  /** Only in this conversation; in all of them when left out. */
  conversationId?: string | undefined;
}

/** As many as one statement looks for. */
const most = 100;

const idsSchema = z
  .array(idSchema, "must be a list of ids")
  .max(most, `must be at most ${most} ids: ask for the others in a further call`);
const optionsSchema = strictObject({ conversationId: idSchema.optional() }).nullish();

/**
 * Those of these messages that are there, in no particular order. A text that is no UUID may name one in each conversation, and
 * without a conversation is looked for in all that are in lists: then the cost grows with their number.
 * @throws invalid_input
 */
export async function findMessages(
  context: Context,
  ownerId: UserId,
  messageIds: readonly string[],
  options?: FindMessagesOptions,
): Promise<Message[]> {
  const ids = [...new Set(parse(idsSchema, messageIds, "messageIds"))];
  const { conversationId } = parse(optionsSchema, options, "options") ?? {};
  const inside = conversationId === undefined ? null : conversationName(ownerId, conversationId).id;
  const found = (names: string[]) => findStatement(context).execute({ ownerId, names, inside });
  if (inside !== null) return await found(ids.map((id) => messageName(ownerId, inside, id).id));
  const texts = ids.filter((id) => !isUuid(id));
  const uuids = ids.filter(isUuid);
  const all = uuids.length > 0 ? await found(uuids) : [];
  if (texts.length === 0) return all;
  for (let after: string | undefined; ; ) {
    const page = await listConversationIds(context, ownerId, { after });
    const rows = page.items.map((each) => conversationName(ownerId, each).id);
    for (const text of texts) all.push(...(await found(rows.map((row) => messageName(ownerId, row, text).id))));
    if (page.nextCursor === null) return all;
    after = page.nextCursor;
  }
}

/** One look-up of the primary key each: with a limit no plan reads all messages of the owner. */
function findStatement(context: Context) {
  const { conversation, message } = context.tables;
  const build = () => sql`
    select coalesce(c.external_id, c.id::text), ${select(messageColumns, "m")}
    from unnest(${list("names", "uuid")}) as wanted(id)
    cross join lateral (
      select * from ${message} each where each.user_id = ${owner(context)} and each.id = wanted.id limit 1
    ) m
    join ${conversation} c on c.user_id = ${owner(context)} and c.id = m.conversation_id
    where c.deleted_at is null and coalesce(c.id = ${param("inside", "uuid")}, true)`;
  return prepared(context, "find_messages", build, (row) => messageFrom(row, row[0] as string, 1));
}
