/** Rows of signing in that mean nothing any more: whoever tries to sign in, or is signed in for long, leaves some. */
import { and, eq, lt, notExists, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { apiKey, claim, rateLimit, refreshToken, session, user, verification } from "./models/index.ts";

/** Longer than any window in which attempts are counted. */
const attemptsMs = 3_600_000;

/** For so long a key that has expired is listed as such. */
const expiredKeyDays = 30;

/** Removes sessions and verifications that have ended, and counts of attempts that nobody asks for again. */
export async function removeExpiredRows(db: Database): Promise<void> {
  await db.delete(session).where(lt(session.expiresAt, sql`now()`));
  await db.delete(verification).where(lt(verification.expiresAt, sql`now()`));
  await db.delete(refreshToken).where(lt(refreshToken.expiresAt, sql`now()`));
  await db.delete(apiKey).where(lt(apiKey.expiresAt, sql`now() - make_interval(days => ${expiredKeyDays})`));
  await db.delete(claim).where(lt(claim.createdAt, sql`now() - interval '90 days'`));
  await db.delete(rateLimit).where(lt(rateLimit.lastRequest, Date.now() - attemptsMs));
}

/** Removes anonymous users, with all they have, whose last sign of life is older than so many days. */
export async function removeAnonymousUsers(db: Database, days: number): Promise<void> {
  const since = sql`now() - make_interval(days => ${days})`;
  const alive = db
    .select({ id: session.id })
    .from(session)
    .where(and(eq(session.userId, user.id), sql`${session.updatedAt} >= ${since}`));
  await db.delete(user).where(and(user.isAnonymous, lt(user.createdAt, since), notExists(alive)));
}
