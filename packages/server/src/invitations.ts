/** Invitations: where nobody signs up by themselves, an account is made by whoever has one for their address. */
import { createHash, randomBytes } from "node:crypto";
import { ForbiddenError, InvalidInputError } from "chatkeep";
import { and, desc, eq, gt, like, sql } from "drizzle-orm";
import { z } from "zod";
import { maxChars } from "./account-input.ts";
import type { Database } from "./database.ts";
import { user, verification } from "./models/index.ts";

/** For so long one holds. */
export const invitationDays = 7;
const prefix = "invitation:";
/** At once; whoever needs more makes the accounts. */
const most = 1_000;

export const emailSchema = z
  .string("must be a text")
  .trim()
  .toLowerCase()
  .max(maxChars.email, `must have at most ${maxChars.email} characters`)
  .pipe(z.email("must be an address, such as ann@example.com"));

export interface Invitation {
  id: string;
  email: string;
  createdAt: Date;
  expiresAt: Date;
}

const columns = {
  id: verification.id,
  email: verification.value,
  createdAt: verification.createdAt,
  expiresAt: verification.expiresAt,
};

/** In the place of an earlier one for this address. The link is told this once. @throws invalid_input */
export async function invite(db: Database, url: string, email: string): Promise<Invitation & { link: string }> {
  const token = randomBytes(24).toString("base64url");
  const made = await db.transaction(async (tx) => {
    const [known] = await tx.select({ id: user.id }).from(user).where(eq(user.email, email));
    if (known) throw new InvalidInputError(`There is an account of ${email} already.`);
    await tx
      .delete(verification)
      .where(and(like(verification.identifier, `${prefix}%`), eq(verification.value, email)));
    const open = await tx.$count(verification, like(verification.identifier, `${prefix}%`));
    if (open >= most) throw new InvalidInputError(`${most} open invitations are the limit: take some back.`);
    const [row] = await tx
      .insert(verification)
      .values({
        identifier: identifierOf(token),
        value: email,
        expiresAt: sql`now() + make_interval(days => ${invitationDays})` as never,
      })
      .returning(columns);
    return row as Invitation;
  });
  const query = new URLSearchParams({ invitation: token, email });
  return { ...made, link: `${url}/?${query}` };
}

/** Those that hold, newest first. */
export async function listInvitations(db: Database): Promise<Invitation[]> {
  return await db
    .select(columns)
    .from(verification)
    .where(and(like(verification.identifier, `${prefix}%`), gt(verification.expiresAt, sql`now()`)))
    .orderBy(desc(verification.createdAt));
}

/** Nothing happens where there is none. */
export async function takeBackInvitation(db: Database, id: string): Promise<void> {
  await db.delete(verification).where(and(eq(verification.id, id), like(verification.identifier, `${prefix}%`)));
}

/** For whom it is. @throws forbidden when there is none, or its time is over */
export async function invitedAddress(db: Database, token: string | null): Promise<string> {
  const [found] = token
    ? await db
        .select(columns)
        .from(verification)
        .where(and(eq(verification.identifier, identifierOf(token)), gt(verification.expiresAt, sql`now()`)))
    : [];
  if (found) return found.email;
  throw new ForbiddenError("Accounts are made by invitation here: ask the operator of this server for one.");
}

/** Their address has an account now, and an address has one only. */
export async function endInvitations(db: Database, email: string): Promise<void> {
  await db.delete(verification).where(and(like(verification.identifier, `${prefix}%`), eq(verification.value, email)));
}

/** The token itself is kept nowhere. */
function identifierOf(token: string): string {
  return prefix + createHash("sha256").update(token).digest("base64url");
}
