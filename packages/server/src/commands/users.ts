/** chatkeep users: accounts, for whoever operates the server: where sign-up is closed, and where a password was forgotten. */
import { randomBytes, randomUUID } from "node:crypto";
import { hashPassword } from "better-auth/crypto";
import { ConflictError, InvalidInputError, migrate, requireMigrated, UnavailableError } from "chatkeep";
import { and, asc, eq, max, sql } from "drizzle-orm";
import { z } from "zod";
import { maxChars } from "../account-input.ts";
import { setAdmin } from "../admin.ts";
import type { DatabaseConfig } from "../config.ts";
import { type Database, type OpenDatabase, openExistingDatabase, openStore } from "../database.ts";
import { eraseUser, type UserReceipt } from "../erase-user.ts";
import { emailSchema, invite } from "../invitations.ts";
import { migrations } from "../migrations.generated.ts";
import { account, session, user } from "../models/index.ts";
import { userByEmail } from "./people.ts";

/** An account, as it is listed. */
export interface ListedUser {
  id: string;
  email: string;
  name: string;
  createdAt: Date;
  /** When a session of theirs was last renewed; null when none is open. */
  seenAt: Date | null;
}

const newUserSchema = z.object({
  email: z
    .string()
    .trim()
    .toLowerCase()
    .max(maxChars.email, `--email must have at most ${maxChars.email} characters`)
    .pipe(z.email("--email must be an address, such as ann@example.com")),
  name: z
    .string()
    .trim()
    .min(1, "--name must have a character that is no space")
    .max(maxChars.name, `--name must have at most ${maxChars.name} characters`),
});

/** Those with an account, in the order in which they came; guests are not among them. */
export async function listUsers(database: DatabaseConfig): Promise<ListedUser[]> {
  return await within(database, ({ db }) =>
    db
      .select({
        id: user.id,
        email: user.email,
        name: user.name,
        createdAt: user.createdAt,
        seenAt: max(session.updatedAt),
      })
      .from(user)
      .leftJoin(session, eq(session.userId, user.id))
      .where(sql`${user.isAnonymous} is not true`)
      .groupBy(user.id)
      .orderBy(asc(user.createdAt), asc(user.id)),
  );
}

/** Makes an account, with a password that is told this once. @throws invalid_input; conflict when there is one with the address */
export async function makeUser(
  database: DatabaseConfig,
  request: z.input<typeof newUserSchema>,
): Promise<{ id: string; email: string; password: string }> {
  const { data, error } = newUserSchema.safeParse(request);
  if (!data) throw new InvalidInputError(`${error.issues[0]?.message}.`);
  const password = newPassword();
  const hash = await hashPassword(password);
  return await within(database, ({ db }) =>
    db.transaction(async (tx) => {
      const id = randomUUID();
      const [made] = await tx
        .insert(user)
        .values({ id, ...data })
        .onConflictDoNothing()
        .returning({ id: user.id });
      if (!made) throw new ConflictError(`There is an account of ${data.email} already: set its password instead.`);
      await tx.insert(account).values({ userId: id, accountId: id, providerId: credential, password: hash });
      return { id, email: data.email, password };
    }),
  );
}

/** A new password, told this once; whoever is signed in with the old one is signed out. @throws invalid_input */
export async function resetPassword(database: DatabaseConfig, email: string): Promise<{ password: string }> {
  const password = newPassword();
  const hash = await hashPassword(password);
  return await within(database, async ({ db }) => {
    const id = await accountOf(db, email);
    await db.transaction(async (tx) => {
      const changed = await tx
        .update(account)
        .set({ password: hash, updatedAt: sql`now()` })
        .where(and(eq(account.userId, id), eq(account.providerId, credential)))
        .returning({ id: account.id });
      if (changed.length === 0)
        await tx.insert(account).values({ userId: id, accountId: id, providerId: credential, password: hash });
      await tx.delete(session).where(eq(session.userId, id));
    });
    return { password };
  });
}

/** Removes an account with all there is of it, for good. @throws invalid_input */
export async function removeUser(database: DatabaseConfig, email: string): Promise<UserReceipt> {
  return await within(database, async (connection) => {
    const id = await accountOf(connection.db, email);
    return await eraseUser(connection.db, await openStore(connection), id);
  });
}

/** @throws invalid_input */
export async function makeAdmin(database: DatabaseConfig, email: string, isAdmin: boolean): Promise<void> {
  await within(database, async ({ db }) => {
    await setAdmin(db, await accountOf(db, email), isAdmin);
  });
}

/** The link by which somebody makes an account, which is told this once. @throws invalid_input */
export async function inviteUser(database: DatabaseConfig, url: string, given: string): Promise<{ link: string }> {
  const { data: email, error } = emailSchema.safeParse(given);
  if (!email) throw new InvalidInputError(`The address ${error?.issues[0]?.message}.`);
  return await within(database, ({ db }) => invite(db, url, email));
}

const credential = "credential";

function newPassword(): string {
  return randomBytes(15).toString("base64url");
}

async function accountOf(db: Database, email: string): Promise<string> {
  const { id, isAnonymous } = await userByEmail(db, email);
  if (isAnonymous) throw new InvalidInputError(`${email} is a guest, and has no account.`);
  return id;
}

async function within<Result>(
  database: DatabaseConfig,
  work: (connection: OpenDatabase) => Promise<Result>,
): Promise<Result> {
  await using connection = await openExistingDatabase(database).catch((cause: unknown) => {
    if (database.engine !== "pglite" || !(cause instanceof UnavailableError)) throw cause;
    throw new UnavailableError("A server is using this embedded database: stop it first.", { cause });
  });
  if (connection.engine === "pglite") await migrate(connection, migrations);
  else await requireMigrated(connection, migrations);
  return await work(connection);
}
