/** Reading messages by `seq`: a page costs the same at the end of a chat of ten and of ten thousand. */
import { and, asc, desc, eq, type SQL, sql } from "drizzle-orm";
import { z } from "zod";
import { type Chat, preparedRows } from "../database.ts";
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { parse } from "../input.ts";
import type { ChatModels, Message, UserId } from "../models/chat.ts";
import { limits } from "../models/limits.ts";
import { idSchema, limitSchema, seqSchema } from "../models/schemas.ts";
import { columnsOf, messageColumns, messageFrom } from "./columns.ts";

/** A page of a list. `nextCursor` leads to the next one in the same direction, and is `null` on the last. */
export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

export interface MessagePageOptions {
  /** 1 to 100; 50 when left out. */
  limit?: number | undefined;
  /** Only messages with a smaller `seq`. Not together with `after`. */
  before?: number | undefined;
  /** Only messages with a larger `seq`. */
  after?: number | undefined;
}

const optionsSchema = z
  .object(
    { limit: limitSchema.optional(), before: seqSchema.optional(), after: seqSchema.optional() },
    "must be an object",
  )
  .nullish();

const beginning = 0;
const end = 2_147_483_647;

/**
 * The last page of a conversation, or the one before or after a `seq`; always in ascending order of `seq`.
 * `nextCursor` is the `before` of the next older page; with `after` it is the `after` of the next newer one.
 * @throws invalid_input, not_found
 */
export async function listMessages(
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  options?: MessagePageOptions,
): Promise<Page<Message>> {
  const id = parse(idSchema, conversationId, "conversationId");
  const { limit = limits.messagesPerPage, before, after } = parse(optionsSchema, options, "options") ?? {};
  if (before !== undefined && after !== undefined) {
    throw new InvalidInputError("Give before or after, not both: a page lies on one side of a message.");
  }
  const forward = after !== undefined;
  const statement = forward ? pageAfter(chat) : pageBefore(chat);
  const from = forward ? (after ?? beginning) : (before ?? end);
  const [conversation, ...others] = await statement.execute({ ownerId, conversationId: id, limit, from });
  if (!conversation) throw new NotFoundError("conversation", id);
  const items = [conversation, ...others].flatMap(({ message }) => message ?? []).sort((a, b) => a.seq - b.seq);
  // Since seq has no gaps, it tells whether there are more.
  const last = forward ? items.at(-1) : items[0];
  const hasMore = last && (forward ? last.seq < conversation.messageCount : last.seq > 1);
  return { items, nextCursor: hasMore ? String(last.seq) : null };
}

const pageBefore = (chat: Chat) =>
  pageStatement(
    chat,
    "messages_before",
    ({ conversation, message }) => sql`
      ${message.seq} < ${from} and ${message.seq} >= least(${from}, ${conversation.messageCount} + 1) - ${limit}`,
    desc,
  );

const pageAfter = (chat: Chat) =>
  pageStatement(
    chat,
    "messages_after",
    ({ message }) => sql`${message.seq} > ${from} and ${message.seq} <= ${from} + ${limit}`,
    asc,
  );

const from = sql`${sql.placeholder("from")}::bigint`;
const limit = sql`${sql.placeholder("limit")}::bigint`;

interface PageRow {
  message: Message | undefined;
  messageCount: number;
}

/**
 * Reads a stretch of message_conversation_id_seq_key. Since `seq` has no gaps the stretch has two ends, so that no plan
 * can read the whole conversation. It ends where it has enough bytes, of which only their numbers are read.
 * An empty conversation gives one row without a message, an absent one gives none.
 */
function pageStatement(chat: Chat, name: string, stretch: (models: ChatModels) => SQL, order: (column: SQL) => SQL) {
  const build = () => {
    const { db, models } = chat;
    const { conversation, message } = models;
    const owner = sql.placeholder("ownerId");
    const sofar = sql<number>`sum(${message.bytes}) over (order by ${order(sql`${message.seq}`)} rows unbounded preceding)`;
    const page = db
      .select({ ...messageColumns(models), earlierBytes: sql<number>`${sofar} - ${message.bytes}`.as("earlier_bytes") })
      .from(message)
      .where(
        and(
          eq(message.conversationId, sql`${sql.placeholder("conversationId")}::uuid`),
          eq(message.userId, owner),
          stretch(models),
        ),
      )
      .orderBy(order(sql`${message.seq}`))
      .limit(sql.placeholder("limit"))
      .as("page");
    return db
      .select({ ...columnsOf(page), messageCount: conversation.messageCount })
      .from(conversation)
      .leftJoinLateral(page, sql`page.earlier_bytes < ${sql.raw(String(limits.pageBytes))}`)
      .where(and(eq(conversation.id, sql`${sql.placeholder("conversationId")}::uuid`), eq(conversation.userId, owner)));
  };
  const read = (columns: unknown[]): PageRow => ({
    message: messageFrom(columns),
    messageCount: columns.at(-1) as number,
  });
  return preparedRows(chat, name, build, read);
}
