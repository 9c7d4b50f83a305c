/** Sharing by link: whoever has the link reads a conversation up to a message, as it is, until its owner ends that. */
import { randomBytes } from "node:crypto";
import {
  ForbiddenError,
  InvalidInputError,
  idSchema,
  type Message,
  NotFoundError,
  type Store,
  type UserStore,
} from "chatkeep";
import { conversationName } from "chatkeep/internal";
import { and, count, desc, eq, gt, isNull, or, sql } from "drizzle-orm";
import { z } from "zod";
import type { Database } from "./database.ts";
import { share, user } from "./models/index.ts";

/** A link as its owner sees it. */
export type Share = Omit<typeof share.$inferSelect, "userId" | "conversationRowId">;

/** Links that a user may have at once. */
const maxPerUser = 200;
const maxDays = 3_650;
const daysRule = `must be a whole number of days from 1 to ${maxDays}`;

export const newShareSchema = z.strictObject({
  conversationId: idSchema,
  /** The last message that is shown; the last one of the branch that its owner sees when left out. */
  messageId: idSchema.optional(),
  /** Without it the link holds until it is ended. */
  expiresInDays: z.int(daysRule).min(1, daysRule).max(maxDays, daysRule).optional(),
});

/**
 * Makes a link. Nothing is copied: what is taken away from the conversation is taken away from whoever reads it.
 * @throws invalid_input for what has no messages, is temporary, or is one too many; forbidden for anonymous users; not_found
 */
export async function createShare(
  db: Database,
  store: Store,
  userId: string,
  { conversationId, messageId, expiresInDays }: z.output<typeof newShareSchema>,
): Promise<Share> {
  const mine = store.forUser(userId);
  const conversation = await mine.conversations.get(conversationId);
  if (conversation.expiresAt) throw new InvalidInputError("A temporary chat cannot be shared: nothing of it is kept.");
  const last = messageId ?? conversation.headId;
  if (last === null) throw new InvalidInputError("There is nothing to share yet: ask something first.");
  await mine.messages.get(conversationId, last);
  return await db.transaction(async (tx) => {
    const [owner] = await tx.select().from(user).where(eq(user.id, userId)).for("no key update");
    if (!owner) throw new NotFoundError("user", userId);
    if (owner.isAnonymous) throw new ForbiddenError("Sharing is for accounts: sign up first, your chats come along.");
    const [{ links } = { links: 0 }] = await tx.select({ links: count() }).from(share).where(eq(share.userId, userId));
    if (links >= maxPerUser)
      throw new InvalidInputError(`${maxPerUser} links are the limit of one user: end one that is not needed.`);
    const [made] = await tx
      .insert(share)
      .values({
        id: randomBytes(16).toString("base64url"),
        userId,
        conversationRowId: conversationName(userId, conversation.id).id,
        conversationId: conversation.id,
        messageId: last,
        ...(expiresInDays !== undefined && { expiresAt: sql`now() + make_interval(days => ${expiresInDays}::int)` }),
      })
      .returning(shown);
    if (!made) throw new NotFoundError("conversation", conversationId);
    return made;
  });
}

const {
  userId: _userId,
  conversationRowId: _rowId,
  ...shown
} = {
  id: share.id,
  userId: share.userId,
  conversationRowId: share.conversationRowId,
  conversationId: share.conversationId,
  messageId: share.messageId,
  createdAt: share.createdAt,
  expiresAt: share.expiresAt,
};

/** All of a user, or of one conversation, newest first, with its title; those that have expired stay for thirty days. */
export async function listShares(
  db: Database,
  store: Store,
  userId: string,
  conversationId?: string,
): Promise<(Share & { title: string | null })[]> {
  const ofOne = conversationId === undefined ? undefined : eq(share.conversationId, conversationId);
  const found = await db
    .select(shown)
    .from(share)
    .where(and(eq(share.userId, userId), ofOne))
    .orderBy(desc(share.createdAt), desc(share.id));
  const { conversations } = store.forUser(userId);
  const titles = new Map<string, string | null>();
  for (const id of new Set(found.map((each) => each.conversationId))) {
    titles.set(id, (await conversations.find(id))?.title ?? null);
  }
  return found.map((each) => ({ ...each, title: titles.get(each.conversationId) ?? null }));
}

/** Ends a link. @throws not_found */
export async function endShare(db: Database, userId: string, id: string): Promise<void> {
  const gone = await db
    .delete(share)
    .where(and(eq(share.id, id), eq(share.userId, userId)))
    .returning({ id: share.id });
  if (gone.length === 0) throw new NotFoundError("share", id);
}

/** What a reader is shown. */
export interface SharedConversation {
  title: string | null;
  createdAt: Date;
  messages: Message[];
  /** Whether messages above are left out, since there are too many. */
  isCut: boolean;
}

const max = { messages: 500, characters: 2_000_000 };

/** `undefined` for a link that is none, was ended or has expired, and for one whose conversation is gone or in the trash. */
export async function readShared(db: Database, store: Store, id: string): Promise<SharedConversation | undefined> {
  if (!/^[\w-]{22}$/.test(id)) return undefined;
  const [found] = await db
    .select()
    .from(share)
    .where(and(eq(share.id, id), or(isNull(share.expiresAt), gt(share.expiresAt, sql`now()`))));
  if (!found) return undefined;
  const theirs = store.forUser(found.userId);
  try {
    const { title } = await theirs.conversations.get(found.conversationId);
    return { title, createdAt: found.createdAt, ...(await branchTo(theirs, found)) };
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return undefined;
  }
}

/** From the end, since that is what was shared. */
async function branchTo(theirs: UserStore, { conversationId, messageId }: Share) {
  const messages: Message[] = [];
  let characters = 0;
  let page = await theirs.messages.branch(conversationId, { leafId: messageId, limit: 100 });
  for (;;) {
    messages.unshift(...page.items);
    characters += page.items.reduce((sum, { content }) => sum + content.length, 0);
    const before = page.nextCursor;
    if (before === null || messages.length >= max.messages || characters >= max.characters)
      return { messages, isCut: before !== null };
    page = await theirs.messages.branch(conversationId, { before, limit: 100 });
  }
}
