/** What is asked of accounts before Better Auth begins a transaction, in which the embedded database answers nobody else. */
import { and, eq } from "drizzle-orm";
import type { Database } from "./database.ts";
import { account, user } from "./models/index.ts";

/** Whether anybody has an account; guests have none. */
export async function hasAccounts(db: Database): Promise<boolean> {
  const [any] = await db.select({ id: user.id }).from(user).where(eq(user.isAnonymous, false)).limit(1);
  return any !== undefined;
}

/** Whoever came by another provider has none. */
export async function hasPassword(db: Database, userId: string): Promise<boolean> {
  const [any] = await db
    .select({ id: account.id })
    .from(account)
    .where(and(eq(account.userId, userId), eq(account.providerId, "credential")))
    .limit(1);
  return any !== undefined;
}
