/** Reading messages by `seq`: a page costs the same at the end of a chat of ten and of ten thousand. */
import { InvalidInputError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { select } from "../../sql/columns.ts";
import { param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { conversationName } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import { messageLimitSchema, seqSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import { type Message, messageColumns, messageFrom } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";

/** A page of a list. `nextCursor` leads to the next one in the same direction, and is `null` on the last. */
export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

export interface MessagePageOptions {
  /** 1 to 500; 50 when left out. */
  limit?: number | undefined;
  /** Only messages with a smaller `seq`. Not together with `after`. */
  before?: number | undefined;
  /** Only messages with a larger `seq`. */
  after?: number | undefined;
}

const optionsSchema = strictObject({
  limit: messageLimitSchema.optional(),
  before: seqSchema.optional(),
  after: seqSchema.optional(),
}).nullish();

const beginning = 0;
const end = 2_147_483_647;

/**
 * The last page of a conversation, or the one before or after a `seq`; always in ascending order of `seq`.
 * `nextCursor` is the `before` of the next older page; with `after` it is the `after` of the next newer one.
 * @throws invalid_input, not_found
 */
export async function listMessages(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  options?: MessagePageOptions,
): Promise<Page<Message>> {
  const id = parseId(conversationId, "conversationId");
  const { limit = limits.messagesPerPage, before, after } = parse(optionsSchema, options, "options") ?? {};
  if (before !== undefined && after !== undefined) {
    throw new InvalidInputError("Give before or after, not both: a page lies on one side of a message.");
  }
  const forward = after !== undefined;
  const side = forward ? "after" : "before";
  const name = conversationName(ownerId, id);
  const values = { ownerId, conversationId: name.id, limit, from: forward ? (after ?? beginning) : (before ?? end) };
  let rows = await pageStatement(context, side, id).execute(values);
  const [conversation] = rows;
  if (!conversation) throw new NotFoundError("conversation", id);
  if (conversation.bytes >= limits.pageBytes) rows = await shortPageStatement(context, side, id).execute(values);
  const items = rows.flatMap(({ message }) => message ?? []).sort((a, b) => a.seq - b.seq);
  // Since seq has no gaps, it tells whether there are more.
  const last = forward ? items.at(-1) : items[0];
  const hasMore = last && (forward ? last.seq < conversation.messageCount : last.seq > 1);
  return { items, nextCursor: hasMore ? String(last.seq) : null };
}

type Side = "before" | "after";

interface PageRow {
  message: Message | undefined;
  messageCount: number;
  /** Of all messages of the page. */
  bytes: number;
}

const [conversationId, from, limit] = [
  param("conversationId", "uuid"),
  param("from", "bigint"),
  param("limit", "bigint"),
];

/** Of message_conversation_id_seq_key. Since `seq` has no gaps it has two ends, so that no plan can read the whole conversation. */
function stretch(context: Context, side: Side): Sql {
  const own = sql`m.conversation_id = ${conversationId} and m.user_id = ${owner(context)}`;
  return side === "before"
    ? sql`${own} and m.seq < ${from} and m.seq >= least(${from}, c.message_count + 1) - ${limit}`
    : sql`${own} and m.seq > ${from} and m.seq <= ${from} + ${limit}`;
}

/** From its near end on. The limit says to the planner what the two ends do not: that it is short. */
function near(side: Side): Sql {
  return sql`order by ${raw(side === "before" ? "m.seq desc" : "m.seq")} limit ${limit}`;
}

/**
 * A page, unless it is too large: then one row without a message. So does an empty page; an absent conversation gives none.
 * How large it would be is looked at before it is read.
 */
function pageStatement(context: Context, side: Side, givenId: string) {
  const { conversation, message } = context.tables;
  const build = () => sql`
    select ${select(messageColumns, "page")}, c.message_count, size.bytes as page_bytes
    from ${conversation} c
    cross join lateral (
      select coalesce(sum(near.bytes), 0) as bytes
      from (select m.bytes from ${message} m where ${stretch(context, side)} ${near(side)}) near
    ) size
    left join lateral (
      select m.*
      from ${message} m
      where size.bytes < ${raw(String(limits.pageBytes))} and ${stretch(context, side)}
      ${near(side)}
    ) page on true
    where c.id = ${conversationId} and c.user_id = ${owner(context)} and c.deleted_at is null`;
  return prepared(context, `messages_${side}`, build, (row) => pageRowFrom(row, givenId));
}

/** The same as far as it is not too large, and one message at least. */
function shortPageStatement(context: Context, side: Side, givenId: string) {
  const { conversation, message } = context.tables;
  const order = raw(side === "before" ? "m.seq desc" : "m.seq");
  const build = () => sql`
    select ${select(messageColumns, "page")}, c.message_count, 0 as page_bytes
    from ${conversation} c
    left join lateral (
      select m.*, sum(m.bytes) over (order by ${order} rows unbounded preceding) - m.bytes as earlier_bytes
      from ${message} m
      where ${stretch(context, side)}
      ${near(side)}
    ) page on page.earlier_bytes < ${raw(String(limits.pageBytes))}
    where c.id = ${conversationId} and c.user_id = ${owner(context)} and c.deleted_at is null`;
  return prepared(context, `messages_${side}_short`, build, (row) => pageRowFrom(row, givenId));
}

function pageRowFrom(row: readonly unknown[], givenId: string): PageRow {
  return {
    message: row[0] === null ? undefined : messageFrom(row, givenId),
    messageCount: Number(row.at(-2)),
    bytes: Number(row.at(-1)),
  };
}
