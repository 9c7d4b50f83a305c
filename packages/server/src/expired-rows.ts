/** Rows of signing in that mean nothing any more: whoever tries to sign in, or is signed in for long, leaves some. */
import { lt, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { rateLimit, session, verification } from "./models/index.ts";

/** Longer than any window in which attempts are counted. */
const attemptsMs = 3_600_000;

/** Removes sessions and verifications that have ended, and counts of attempts that nobody asks for again. */
export async function removeExpiredRows(db: Database): Promise<void> {
  await db.delete(session).where(lt(session.expiresAt, sql`now()`));
  await db.delete(verification).where(lt(verification.expiresAt, sql`now()`));
  await db.delete(rateLimit).where(lt(rateLimit.lastRequest, Date.now() - attemptsMs));
}
