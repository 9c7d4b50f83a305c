/**
 * Anonymous users: people who begin without an account. What they have goes to the account that they sign up or in to, or goes
 * away with them. Tokens of theirs that renew access are kept as hashes, and each is used once.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import {
  type Change,
  createStore,
  InvalidInputError,
  isDistributed,
  type Notifier,
  UnauthenticatedError,
  uuidSchema,
} from "chatkeep";
import { fromDrizzle } from "chatkeep/drizzle";
import { inTransaction, parse } from "chatkeep/internal";
import { and, eq, gt, isNull, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { moveFeedback, takeAllFeedback } from "./feedback.ts";
import { claim, models, refreshToken, session, user } from "./models/index.ts";

/** How clients that keep no cookie begin without an account. */
export interface AnonymousTokens {
  /** A new anonymous user, and tokens for it. Times are ISO 8601. */
  create(): Promise<TokenPair>;
  /** New tokens for the same user; the refresh token given is used up (rotation; a short grace for a repeated request whose answer was lost). @throws unauthenticated */
  refresh(refreshToken: string): Promise<TokenPair>;
  /** Moves what the anonymous user of this token has to `userId`, and ends the anonymous user; gives how many conversations moved. Again gives 0. @throws unauthenticated */
  claim(refreshToken: string, userId: string): Promise<{ moved: number }>;
}

/** `accessToken` is a JWT of a quarter of an hour. */
interface TokenPair {
  accessToken: string;
  refreshToken: { token: string; expiresAt: string };
}

/** What has changed, or that the sessions of an anonymous user have ended. */
export type Told = Parameters<Notifier["publish"]>[0];

/** What anonymous users stand on. */
export interface AnonymousOptions {
  db: Database;
  /** Signs a JWT for a session of a user. */
  signToken(claims: { sub: string; sid: string }): Promise<string>;
  /** Told after the commit what has moved. */
  onChange(change: Told): void;
  /** For so many days a refresh token holds, and an anonymous user is kept who does nothing. */
  days: number;
}

/** For an answer that was lost: a client that has heard nothing asks again with the token that it has. */
const graceSeconds = 60;
const refused = () => new UnauthenticatedError("This refresh token is not valid any more: begin anew.");

/** Makes the tokens of anonymous users. */
export function createAnonymousTokens({ db, signToken, onChange, days }: AnonymousOptions): AnonymousTokens {
  const end = sql`now() + make_interval(days => ${days})`;

  async function pair(userId: string, sessionId: string): Promise<TokenPair> {
    const token = randomBytes(32).toString("base64url");
    const [made] = await db
      .insert(refreshToken)
      .values({ userId, sessionId, hash: hashOf(token), expiresAt: end })
      .returning({ expiresAt: refreshToken.expiresAt });
    if (!made) throw refused();
    const accessToken = await signToken({ sub: userId, sid: sessionId });
    return { accessToken, refreshToken: { token, expiresAt: made.expiresAt.toISOString() } };
  }

  return {
    create: async () => {
      const { userId, sessionId } = await db.transaction(async (tx) => {
        const userId = randomUUID();
        await tx.insert(user).values({ id: userId, ...anonymousPerson(userId), isAnonymous: true });
        const token = randomBytes(24).toString("base64url");
        const [made] = await tx
          .insert(session)
          .values({ userId, token, expiresAt: end })
          .returning({ sessionId: session.id });
        return { userId, sessionId: made?.sessionId ?? "" };
      });
      return await pair(userId, sessionId);
    },
    refresh: async (given) => {
      const hash = hashOf(given);
      const { userId, sessionId, usedAt, expiresAt } = refreshToken;
      const isValid = and(eq(refreshToken.hash, hash), gt(expiresAt, sql`now()`));
      const first = await db
        .update(refreshToken)
        .set({ usedAt: sql`now()` })
        .where(and(isValid, isNull(usedAt)))
        .returning({ userId, sessionId });
      const again = () =>
        db
          .select({ userId, sessionId })
          .from(refreshToken)
          .where(and(isValid, gt(usedAt, sql`now() - make_interval(secs => ${graceSeconds})`)));
      const [used] = first.length > 0 ? first : await again();
      if (!used) throw refused();
      await db.update(session).set({ expiresAt: end, updatedAt: sql`now()` }).where(eq(session.id, used.sessionId));
      return await pair(used.userId, used.sessionId);
    },
    claim: async (given, toUserId) => {
      const userId = parse(uuidSchema, toUserId, "userId");
      const hash = hashOf(given);
      const [earlier] = await db.select({ userId: claim.userId }).from(claim).where(eq(claim.hash, hash));
      if (earlier?.userId === userId) return { moved: 0 };
      const [found] = await db
        .select({ userId: refreshToken.userId })
        .from(refreshToken)
        .where(and(eq(refreshToken.hash, hash), gt(refreshToken.expiresAt, sql`now()`)));
      if (!found) throw refused();
      return { moved: await moveAnonymous(db, { from: found.userId, to: userId, hash, onChange }) };
    },
  };
}

/** What is asked of `moveAnonymous`. */
export interface AnonymousMove {
  from: string;
  to: string;
  /** Of the token that was shown for it. */
  hash?: string | undefined;
  onChange(change: Told): void;
}

/**
 * Moves conversations, feedback, projects and tasks of an anonymous user to an account, and ends that user, in one transaction; gives the number of
 * conversations. @throws unauthenticated when the user is gone; invalid_input when one is no account, or not anonymous
 */
export async function moveAnonymous(db: Database, { from, to, hash, onChange }: AnonymousMove): Promise<number> {
  let changes: Change[] = [];
  const moved = await inTransaction(fromDrizzle(db), async (inside) => {
    changes = [];
    // Whoever writes a row for this user waits, and then finds that user gone. In one order, for two at once.
    const owners = await inside.query(
      `select id::text, is_anonymous::text from "user" where id in ($1::uuid, $2::uuid) order by id for update`,
      [from, to],
    );
    const isAnonymous = new Map(owners.map(([id, flag]) => [String(id), flag === "true"]));
    if (!isAnonymous.has(from) || !isAnonymous.has(to)) throw refused();
    if (!isAnonymous.get(from) || isAnonymous.get(to)) {
      throw new InvalidInputError("Chats go from an anonymous user to an account: sign up or in first.");
    }
    // It says whose each statement is whether the policies are on or not.
    const distributed = await isDistributed(inside, models);
    const store = createStore(inside, models, { rowLevelSecurity: !distributed, distributed });
    store.onChange((change) => void changes.push(change));
    const taken = distributed ? await takeAllFeedback(inside, from) : undefined;
    const conversations = await store.system.moveConversations(from, to);
    await moveFeedback(inside, { from, to, conversations, taken });
    await inside.query("update project set user_id = $2::uuid where user_id = $1::uuid", [from, to]);
    await inside.query("update task set user_id = $2::uuid where user_id = $1::uuid", [from, to]);
    await inside.query(
      `update preference set user_id = $2::uuid
      where user_id = $1::uuid and not exists (select from preference p where p.user_id = $2::uuid)`,
      [from, to],
    );
    if (hash) await inside.query("insert into claim (hash, user_id) values ($1::text, $2::uuid)", [hash, to]);
    await inside.query(`delete from "user" where id = $1::uuid`, [from]);
    return conversations.length;
  });
  for (const change of changes) onChange(change);
  onChange({ userId: from, isSignedOut: true });
  return moved;
}

/** Nobody can sign up with this address: `invalid` is a name that nobody has. */
export function anonymousPerson(id: string): { name: string; email: string } {
  return { name: "Guest", email: `${id}@anonymous.invalid` };
}

function hashOf(token: string): string {
  return createHash("sha256").update(String(token)).digest("base64url");
}
