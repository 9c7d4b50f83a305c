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
  const rows = await statement.execute({ ownerId, conversationId: id, limit: limit + 1, from });
  if (rows.length === 0) throw new NotFoundError("conversation", id);
  const found = rows.filter((row) => row !== undefined).sort((a, b) => a.seq - b.seq);
  const items = forward ? found.slice(0, limit) : found.slice(-limit);
  const last = forward ? items.at(-1) : items[0];
  return { items, nextCursor: found.length > limit && last ? String(last.seq) : null };
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

/**
 * Reads a stretch of message_conversation_id_seq_key. Since `seq` has no gaps the stretch has two ends, so that no plan
 * can read the whole conversation. An empty conversation gives one row without a message, an absent one gives none.
 */
function pageStatement(chat: Chat, name: string, stretch: (models: ChatModels) => SQL, order: (column: SQL) => SQL) {
  const build = () => {
    const { db, models } = chat;
    const { conversation, message } = models;
    const owner = sql.placeholder("ownerId");
    const page = db
      .select(messageColumns(models))
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
      .select(columnsOf(page))
      .from(conversation)
      .leftJoinLateral(page, sql`true`)
      .where(and(eq(conversation.id, sql`${sql.placeholder("conversationId")}::uuid`), eq(conversation.userId, owner)));
  };
  return preparedRows(chat, name, build, messageFrom);
}
