/** Rows of signing in that mean nothing any more: whoever tries to sign in, or is signed in for long, leaves some. */
import type { Store } from "chatkeep";
import { and, eq, lt, notExists, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { eraseUser } from "./erase-user.ts";
import { apiKey, claim, rateLimit, refreshToken, session, share, user, verification } from "./models/index.ts";
import { createRetention, type Retention } from "./retention.ts";

/** Longer than any window in which attempts are counted. */
const attemptsMs = 3_600_000;

/** For so long a key, or a link, that has expired is listed as such. */
const expiredDays = 30;

/** What is cleaned in each sweep. */
export interface CleaningOptions {
  db: Database;
  store: Store;
  retention?: Retention | undefined;
  anonymousDays?: number | undefined;
}

/** To be called in each sweep: one thing after another, whatever becomes of those before. @throws what the first threw that failed */
export function createCleaning({ db, store, retention = {}, anonymousDays }: CleaningOptions): () => Promise<void> {
  const works = [createRetention(store, retention), () => removeExpiredRows(db)];
  if (anonymousDays !== undefined) works.push(() => removeAnonymousUsers(db, store, anonymousDays));
  return async () => {
    const failures: unknown[] = [];
    for (const work of works) await work().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
}

/** Removes sessions and verifications that have ended, and counts of attempts that nobody asks for again. */
async function removeExpiredRows(db: Database): Promise<void> {
  await db.delete(session).where(lt(session.expiresAt, sql`now()`));
  await db.delete(verification).where(lt(verification.expiresAt, sql`now()`));
  await db.delete(refreshToken).where(lt(refreshToken.expiresAt, sql`now()`));
  for (const table of [apiKey, share])
    await db.delete(table).where(lt(table.expiresAt, sql`now() - make_interval(days => ${expiredDays})`));
  await db.delete(claim).where(lt(claim.createdAt, sql`now() - interval '90 days'`));
  await db.delete(rateLimit).where(lt(rateLimit.lastRequest, Date.now() - attemptsMs));
}

const usersAtOnce = 100;

/** Removes anonymous users, with all they have, whose last sign of life is older than so many days. */
export async function removeAnonymousUsers(db: Database, store: Pick<Store, "forUser">, days: number): Promise<void> {
  const since = sql`now() - make_interval(days => ${days})`;
  const alive = db
    .select({ id: session.id })
    .from(session)
    .where(and(eq(session.userId, user.id), sql`${session.updatedAt} >= ${since}`));
  const silent = db
    .select({ id: user.id })
    .from(user)
    .where(and(user.isAnonymous, lt(user.createdAt, since), notExists(alive)))
    .limit(usersAtOnce);
  for (let found = await silent; found.length > 0; found = await silent) {
    for (const { id } of found) await eraseUser(db, store, id);
  }
}
