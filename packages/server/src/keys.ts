/**
 * API keys: how programs show whose they are. A key is 32 random bytes, shown once; kept is its SHA-256, which nobody can guess back.
 * They are rows of our own: the plugin for it reads and writes several statements with each request, and takes a database that is
 * away for a wrong key.
 */
import { createHash, randomBytes } from "node:crypto";
import { ForbiddenError, InvalidInputError, NotFoundError, UnauthenticatedError, uuidSchema } from "chatkeep";
import { fromDrizzle } from "chatkeep/drizzle";
import { inTransaction, parse } from "chatkeep/internal";
import { and, asc, eq, gt, isNull, or, sql } from "drizzle-orm";
import * as z from "zod";
import type { Database } from "./database.ts";
import { apiKey } from "./models/index.ts";

/** A key as its owner sees it: all but the key. */
export type ApiKey = Omit<typeof apiKey.$inferSelect, "userId" | "hash">;

/** What a new key is to be. */
export interface NewKey {
  /** 1 to 100 characters. */
  name: string;
  isReadOnly?: boolean | undefined;
  /** From now, 1 to 3,650; without it the key holds until it is revoked. */
  expiresInDays?: number | undefined;
}

/** How many keys a user may have at once, those that have expired and are still listed with them. */
const maxKeysPerUser = 50;

const prefix = "ck_";
const startChars = 8;

/** After which a key ends at the latest that ends at all. */
export const maxDays = 3_650;
const daysRule = `must be a whole number of days from 1 to ${maxDays}`;
export const newKeySchema = z.strictObject({
  name: z
    .string("must be a text")
    .trim()
    .min(1, "must have a character that is no space")
    .max(100, "must have at most 100 characters")
    // A list of names is one line each, in a terminal too.
    .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, "must be one line, without control characters")
    .refine((text) => text.isWellFormed(), "must not contain half of a surrogate pair"),
  isReadOnly: z.boolean("must be true or false").optional(),
  expiresInDays: z.int(daysRule).min(1, daysRule).max(maxDays, daysRule).optional(),
});

/** The key that a request shows, as `Authorization: Bearer` or `x-api-key`, whether there is such a key or not. */
export function keyIn(headers: Headers): string | undefined {
  const given = headers.get("x-api-key");
  if (given !== null) return given.trim();
  const token = /^Bearer\s+(\S+)\s*$/i.exec(headers.get("authorization") ?? "")?.[1];
  return token?.startsWith(prefix) ? token : undefined;
}

/** A use is noted when the one before is older: once an hour, however often a key is shown. */
const isNotedMs = 3_600_000;

/** Whose key it is, and what it may do. @throws unauthenticated */
export async function identityOfKey(db: Database, key: string) {
  const { id, lastUsedAt, isReadOnly: readOnly } = apiKey;
  const [found] = await db
    .select({ id, lastUsedAt, userId: apiKey.userId, expiresAt: apiKey.expiresAt, isReadOnly: readOnly })
    .from(apiKey)
    .where(and(eq(apiKey.hash, hashOf(key)), or(isNull(apiKey.expiresAt), gt(apiKey.expiresAt, sql`now()`))));
  if (!found) throw new UnauthenticatedError("This API key is not valid, or not any more: make a new one.");
  const { userId, expiresAt, isReadOnly } = found;
  if (Date.now() - (found.lastUsedAt?.getTime() ?? 0) >= isNotedMs) await noteUse(db, found.id);
  return { userId, expiresAt: expiresAt ?? never, key: { isReadOnly } };
}

const never = new Date(8.64e15);

/** A key reads also where nothing can be written, such as on a standby: then its use is not noted. */
async function noteUse(db: Database, keyId: string): Promise<void> {
  await db
    .update(apiKey)
    .set({ lastUsedAt: sql`now()` })
    .where(eq(apiKey.id, keyId))
    .catch(() => {});
}

/**
 * Makes a key. It is in the answer, and never again.
 * @throws invalid_input also when the user has `maxKeysPerUser`; forbidden for anonymous users; not_found when the user is gone
 */
export async function createKey(db: Database, userId: string, given: NewKey): Promise<ApiKey & { key: string }> {
  const { name, isReadOnly = false, expiresInDays } = parse(newKeySchema, given, "key");
  const key = `${prefix}${randomBytes(32).toString("base64url")}`;
  const values = [userId, name, key.slice(0, startChars), hashOf(key), isReadOnly, expiresInDays ?? null];
  const id = await inTransaction(fromDrizzle(db), async (inside) => {
    // Two at once are counted one after the other.
    const [owner] = await inside.query(`select is_anonymous::text from "user" where id = $1::uuid for no key update`, [
      userId,
    ]);
    if (!owner) throw new NotFoundError("user", userId);
    if (owner[0] === "true") throw new ForbiddenError("Keys are for accounts: sign up first, your chats come along.");
    const [[count] = []] = await inside.query(`select count(*)::int from api_key where user_id = $1::uuid`, [userId]);
    if (Number(count) >= maxKeysPerUser) {
      throw new InvalidInputError(`${maxKeysPerUser} keys are the limit of one user: revoke one that is not used.`);
    }
    const [[made] = []] = await inside.query(
      `insert into api_key (user_id, name, start, hash, is_read_only, expires_at)
       values ($1::uuid, $2::text, $3::text, $4::text, $5::boolean, now() + make_interval(days => $6::int))
       returning id::text`,
      values,
    );
    return String(made);
  });
  const made = (await listKeys(db, userId)).find((each) => each.id === id);
  if (!made) throw new NotFoundError("key", id);
  return { ...made, key };
}

/** The keys of a user, oldest first; those that have expired stay for thirty days. */
export async function listKeys(db: Database, userId: string): Promise<ApiKey[]> {
  const { id, name, start, isReadOnly, expiresAt, lastUsedAt, createdAt } = apiKey;
  return await db
    .select({ id, name, start, isReadOnly, expiresAt, lastUsedAt, createdAt })
    .from(apiKey)
    .where(eq(apiKey.userId, userId))
    .orderBy(asc(createdAt), asc(id));
}

/** Ends a key. @throws not_found */
export async function revokeKey(db: Database, userId: string, keyId: string): Promise<void> {
  const id = parse(uuidSchema, keyId, "id");
  const gone = await db
    .delete(apiKey)
    .where(and(eq(apiKey.id, id), eq(apiKey.userId, userId)))
    .returning({ id: apiKey.id });
  if (gone.length === 0) throw new NotFoundError("key", id);
}

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("base64url");
}
