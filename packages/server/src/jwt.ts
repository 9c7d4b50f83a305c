/** Tokens of sessions as JWTs: who is shown by one, and the keys that sign them. */
import { symmetricDecrypt } from "better-auth/crypto";
import { UnauthenticatedError, uuidSchema } from "chatkeep";
import { and, eq, gt, sql } from "drizzle-orm";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { Database } from "./database.ts";
import type { Log } from "./log.ts";
import { jwks, session } from "./models/index.ts";

export const secretVersion = 1;

export interface Identity {
  userId: string;
  /** When the session or the token ends. */
  expiresAt: Date;
  /** Set when an API key was shown. */
  key?: { isReadOnly: boolean } | undefined;
}

const isJwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export function jwtIn(headers: Headers): string | undefined {
  const token = /^Bearer\s+(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  return token && isJwt.test(token) ? token : undefined;
}

/** Not Better Auth's own check: that takes a database that is away for a wrong token, and deleted users for living ones. */
export async function identityOfJwt(
  db: Database,
  url: string,
  token: string,
): Promise<Identity & { sessionToken: string }> {
  const refused = new UnauthenticatedError("This token is not valid any more: sign in again.");
  const keys = await db.select({ kid: jwks.id, alg: jwks.alg, publicKey: jwks.publicKey }).from(jwks);
  const known = keys.map(({ kid, alg, publicKey }) => ({ ...JSON.parse(publicKey), kid, alg: alg ?? "EdDSA" }));
  const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: known }), {
    issuer: url,
    audience: url,
    requiredClaims: ["exp"],
  }).catch((cause: unknown) => {
    throw new UnauthenticatedError(refused.message, { cause });
  });
  const [id, sessionId] = [uuidSchema.safeParse(payload.sub), uuidSchema.safeParse(payload["sid"])];
  if (!id.success || !sessionId.success) throw refused;
  const [found] = await db
    .select({ expiresAt: session.expiresAt, token: session.token })
    .from(session)
    .where(and(eq(session.id, sessionId.data), eq(session.userId, id.data), gt(session.expiresAt, sql`now()`)));
  if (!found) throw refused;
  const expiresAt = new Date(Math.min((payload.exp ?? 0) * 1_000, found.expiresAt.getTime()));
  return { userId: id.data, expiresAt, sessionToken: found.token };
}

/**
 * Removes the keys for JWTs that another secret has locked: Better Auth would fail with them for ever, where a secret was lost
 * or changed. What was signed under that secret is refused anyway.
 */
export async function forgetLockedKeys({ db, secret, log }: { db: Database; secret: string; log: Log }): Promise<void> {
  const key = { keys: new Map([[secretVersion, secret]]), currentVersion: secretVersion, legacySecret: secret };
  for (const { id, privateKey } of await db.select({ id: jwks.id, privateKey: jwks.privateKey }).from(jwks)) {
    try {
      await symmetricDecrypt({ key, data: JSON.parse(privateKey) });
    } catch {
      log.warn({ keyId: id }, "a key for tokens was made under another secret: it is replaced");
      await db.delete(jwks).where(eq(jwks.id, id));
    }
  }
}
