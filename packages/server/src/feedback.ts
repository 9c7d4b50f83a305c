/** What users think of answers: good or bad, with tags and a comment. Every function takes the owner. */
import {
  type Connection,
  InvalidInputError,
  idSchema,
  limitSchema,
  NotFoundError,
  type Page,
  type Store,
} from "chatkeep";
import { conversationName, encodeCursor, isStorable, keyOf, parse } from "chatkeep/internal";
import { and, asc, desc, eq, type SQL, sql } from "drizzle-orm";
import { z } from "zod";
import type { Database } from "./database.ts";
import { feedback, ratings } from "./models/index.ts";

const max = { tags: 10, tagCharacters: 50, commentCharacters: 4_000 };

const text = (most: number) =>
  z
    .string("must be a text")
    .trim()
    .min(1, "must not be empty")
    .max(most, `must have at most ${most} characters`)
    .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");

export const newFeedbackSchema = z.strictObject({
  rating: z.enum(ratings, "must be good or bad"),
  /** What was good or bad about it, in words of the host's choice. */
  tags: z
    .array(text(max.tagCharacters), "must be a list of texts")
    .max(max.tags, `must be at most ${max.tags} tags`)
    .transform((tags) => [...new Set(tags)])
    .optional(),
  comment: text(max.commentCharacters).nullable().optional(),
});

export type NewFeedback = z.output<typeof newFeedbackSchema>;

const columns = {
  conversationId: feedback.conversationId,
  messageId: feedback.messageId,
  rating: feedback.rating,
  tags: feedback.tags,
  comment: feedback.comment,
  createdAt: feedback.createdAt,
  updatedAt: feedback.updatedAt,
};

export type Feedback = Pick<typeof feedback.$inferSelect, keyof typeof columns>;

/** In the place of what was thought of it before. @throws not_found; invalid_input for what is no answer */
export async function giveFeedback(
  db: Database,
  store: Store,
  userId: string,
  place: { conversationId: string; messageId: string },
  given: NewFeedback,
): Promise<Feedback> {
  const mine = store.forUser(userId);
  const { id } = await mine.conversations.get(place.conversationId);
  const message = await mine.messages.get(id, place.messageId);
  if (message.role !== "assistant" || message.status === "deleted") {
    throw new InvalidInputError("Feedback is for answers: this message is none, or was deleted.");
  }
  const { rating, tags = [], comment = null } = given;
  const rowId = conversationName(userId, id).id;
  const [row] = await db
    .insert(feedback)
    .values({
      conversationRowId: rowId,
      conversationId: id,
      messageId: message.id,
      userId,
      rating,
      tags,
      comment,
    })
    .onConflictDoNothing()
    .returning(columns);
  if (row) return row;
  const ofThisAnswer = and(
    eq(feedback.userId, userId),
    eq(feedback.conversationRowId, rowId),
    eq(feedback.messageId, message.id),
  );
  const changes = { rating, tags, comment, updatedAt: sql`now()` };
  const [changed] = await db.update(feedback).set(changes).where(ofThisAnswer).returning(columns);
  if (!changed) throw new NotFoundError("conversation", id);
  return changed;
}

/** Takes it back; nothing happens where there is none. */
export async function takeBackFeedback(
  db: Database,
  userId: string,
  { conversationId, messageId }: { conversationId: string; messageId: string },
): Promise<void> {
  const rowId = conversationName(userId, parse(idSchema, conversationId, "id")).id;
  const id = parse(idSchema, messageId, "messageId");
  await db
    .delete(feedback)
    .where(and(eq(feedback.userId, userId), eq(feedback.conversationRowId, rowId), eq(feedback.messageId, id)));
}

const perPage = 100;

export interface FeedbackPageOptions {
  conversationId?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** All of a user, or of one conversation, newest first; 100 to a page. @throws invalid_input */
export async function listFeedback(
  db: Database,
  userId: string,
  { conversationId, limit: wanted, cursor }: FeedbackPageOptions = {},
): Promise<Page<Feedback>> {
  const limit = parse(limitSchema, wanted ?? perPage, "limit");
  const rowId = conversationId === undefined ? undefined : conversationName(userId, conversationId).id;
  const rows = await db
    .select({ ...columns, id: feedback.id })
    .from(feedback)
    .where(
      and(
        eq(feedback.userId, userId),
        rowId === undefined ? undefined : eq(feedback.conversationRowId, rowId),
        cursor === undefined ? undefined : below(cursor),
      ),
    )
    .orderBy(desc(feedback.createdAt), desc(feedback.id))
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  return {
    items: items.map(({ id: _, ...each }) => each),
    nextCursor: last ? encodeCursor([last.createdAt.getTime(), last.id]) : null,
  };
}

function below(cursor: string): SQL {
  const { time, id } = keyOf(cursor);
  return sql`(${feedback.createdAt}, ${feedback.id}) < (${time}::timestamptz, ${id}::uuid)`;
}

/** Of one conversation, in the order in which it was given: for an export. */
export async function feedbackOf(db: Database, userId: string, conversationId: string): Promise<Feedback[]> {
  return await db
    .select(columns)
    .from(feedback)
    .where(
      and(eq(feedback.userId, userId), eq(feedback.conversationRowId, conversationName(userId, conversationId).id)),
    )
    .orderBy(asc(feedback.createdAt), asc(feedback.messageId));
}

/** Of which conversations there is any. */
export async function conversationsWithFeedback(db: Database, userId: string): Promise<Set<string>> {
  const rows = await db
    .selectDistinct({ id: feedback.conversationId })
    .from(feedback)
    .where(eq(feedback.userId, userId));
  return new Set(rows.map(({ id }) => id));
}

/** Of a conversation that was restored just now. */
export async function restoreFeedback(
  db: Database,
  userId: string,
  conversationId: string,
  all: readonly (NewFeedback & Pick<Feedback, "messageId" | "createdAt" | "updatedAt">)[],
): Promise<void> {
  if (all.length === 0) return;
  const conversationRowId = conversationName(userId, conversationId).id;
  await db
    .insert(feedback)
    .values(
      all.map(({ messageId, rating, tags = [], comment = null, createdAt, updatedAt }) => {
        return { conversationRowId, conversationId, messageId, userId, rating, tags, comment, createdAt, updatedAt };
      }),
    )
    .onConflictDoNothing();
}

type Row = readonly unknown[];

/** Before conversations go to an owner on another node of a cluster: it would go with what is removed here. */
export async function takeAllFeedback(connection: Connection, userId: string): Promise<Row[]> {
  return await connection.query(
    `delete from feedback where user_id = $1::uuid
    returning conversation_id, message_id, rating, tags, comment, created_at, updated_at`,
    [userId],
  );
}

interface FeedbackMove {
  from: string;
  to: string;
  conversations: Awaited<ReturnType<Store["system"]["moveConversations"]>>;
  /** What was taken before; where it was not, the rows change their owner. */
  taken: readonly Row[] | undefined;
}

/** What was thought of answers goes along with them. */
export async function moveFeedback(connection: Connection, { from, to, conversations, taken }: FeedbackMove) {
  const renamed = new Map(
    conversations.flatMap(({ id, formerId }) => (formerId === undefined ? [] : [[formerId, id] as const])),
  );
  for (const [conversationId, ...row] of taken ?? []) {
    const id = renamed.get(String(conversationId)) ?? String(conversationId);
    await connection.query(
      `insert into feedback (user_id, conversation_row_id, conversation_id, message_id, rating, tags, comment, created_at, updated_at)
      values ($1::uuid, $2::uuid, $3, $4, $5, $6::text::json, $7, $8::timestamptz, $9::timestamptz)`,
      [to, conversationName(to, id).id, id, ...(row as string[])],
    );
  }
  if (taken) return;
  await connection.query("update feedback set user_id = $2::uuid where user_id = $1::uuid", [from, to]);
  for (const [formerId, id] of renamed) {
    const text =
      "update feedback set conversation_id = $3 where user_id = $1::uuid and conversation_id = $2 and conversation_row_id = $4::uuid";
    await connection.query(text, [to, formerId, id, conversationName(to, id).id]);
  }
}
