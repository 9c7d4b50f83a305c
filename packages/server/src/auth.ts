/** Who is asking: Better Auth with e-mail and password, and three ways to show it: cookie, bearer session token, JWT. */

import type { BetterAuthPlugin } from "better-auth";
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { isAPIError } from "better-auth/api";
import { symmetricDecrypt } from "better-auth/crypto";
import { betterAuth } from "better-auth/minimal";
import { bearer } from "better-auth/plugins/bearer";
import { jwt } from "better-auth/plugins/jwt";
import { type Database, InvalidInputError, idSchema, inTransaction, UnauthenticatedError } from "chatkeep";
import { eq } from "drizzle-orm";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { Log } from "./log.ts";
import { account, jwks, rateLimit, session, user, verification } from "./models/index.ts";

export interface AuthOptions {
  db: Database;
  secret: string;
  /** The public address of the server. */
  url: string;
  log: Log;
  /** Off only in tests: ten attempts to sign in or up per minute and address. */
  limitAttempts?: boolean;
}

/** What the server needs of Better Auth. */
export interface Auth {
  handler(request: Request): Promise<Response>;
  api: {
    getSession(context: { headers: Headers }): Promise<{ user: { id: string }; session: { expiresAt: Date } } | null>;
  };
}

/** The header in which the server tells Better Auth the address of the client. Whatever a client sends in it is overwritten. */
export const clientAddressHeader = "x-chatkeep-client-address";

const attempts = { window: 60, max: 10 };

const secretCharacters = 32;
const secretVersion = 1;

export function createAuth({ db, secret, url, log, limitAttempts = true }: AuthOptions): Auth {
  // Better Auth would take a public one in its place.
  if (secret.trim().length < secretCharacters) {
    throw new InvalidInputError(`The secret must have at least ${secretCharacters} characters.`);
  }
  return betterAuth({
    appName: "chatkeep",
    secret,
    // Given, so that BETTER_AUTH_SECRETS is not asked for.
    secrets: [{ version: secretVersion, value: secret }],
    baseURL: url,
    basePath: "/api/auth",
    trustedOrigins: trustedOrigins(url),
    database: drizzleAdapter(db, {
      provider: "pg",
      schema: { user, session, account, verification, jwks, rateLimit },
      transaction: true,
    }),
    emailAndPassword: { enabled: true, minPasswordLength: 8, maxPasswordLength: 128 },
    user: {
      deleteUser: {
        enabled: true,
        // Before Better Auth does it: an append of theirs may be in the way, and then this is tried again.
        beforeDelete: ({ id }) => inTransaction(db, async (tx) => void (await tx.delete(user).where(eq(user.id, id)))),
      },
    },
    databaseHooks: {
      user: {
        create: {
          before: async ({ name }) => {
            if (name.trim() === "") throw new InvalidInputError("name must not be empty.");
          },
        },
      },
    },
    plugins: [bearer(), jwt({ jwt: { definePayload: () => ({}) } }), onlyOrigins(trustedOrigins(url))],
    advanced: {
      disableOriginCheck: false,
      disableCSRFCheck: false,
      cookiePrefix: "chatkeep",
      useSecureCookies: url.startsWith("https:"),
      database: { generateId: "uuid" },
      ipAddress: { ipAddressHeaders: [clientAddressHeader] },
    },
    rateLimit: {
      enabled: limitAttempts,
      storage: "database",
      window: 60,
      max: 300,
      customRules: {
        "/sign-in/email": attempts,
        "/sign-up/email": attempts,
        "/delete-user": attempts,
        "/change-password": attempts,
        "/verify-password": attempts,
        "/get-session": false,
        "/token": false,
        "/jwks": false,
      },
    },
    // Errors of the database come out to us: Better Auth would print the values of the query.
    onAPIError: { throw: true },
    logger: {
      log: (level, message) =>
        log[level === "error" ? "warn" : "debug"](
          { from: "better-auth" },
          message.startsWith("Failed query") ? "a query failed" : message,
        ),
    },
    telemetry: { enabled: false },
  });
}

/**
 * Removes the keys for JWTs that another secret has locked: Better Auth would fail with them for ever, where a secret was lost
 * or changed. What was signed under that secret is refused anyway.
 */
export async function forgetLockedKeys({ db, secret, log }: Pick<AuthOptions, "db" | "secret" | "log">): Promise<void> {
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

/** Better Auth adds those of BETTER_AUTH_TRUSTED_ORIGINS, with every request anew: they are not ours. */
function onlyOrigins(origins: string[]): BetterAuthPlugin {
  const init = (context: object) =>
    void Object.defineProperty(context, "trustedOrigins", {
      get: () => origins,
      set: () => {},
      enumerable: true,
      configurable: true,
    });
  return { id: "chatkeep-origins", init };
}

/** The public address; on loopback also its other names, since people type localhost. */
export function trustedOrigins(url: string): string[] {
  const { protocol, hostname, port, origin } = new URL(url);
  const loopback = ["localhost", "127.0.0.1", "[::1]"];
  if (!loopback.includes(hostname)) return [origin];
  return loopback.map((name) => `${protocol}//${name}${port ? `:${port}` : ""}`);
}

export interface Identity {
  userId: string;
  /** When the session or the token ends. */
  expiresAt: Date;
}

/**
 * Who sent this request, as the database has it.
 * @throws unauthenticated, unavailable
 */
export async function identityOf(auth: Auth, db: Database, url: string, headers: Headers): Promise<Identity> {
  const token = /^Bearer\s+(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (token && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return await identityOfJwt(db, url, token);
  const found = await auth.api.getSession({ headers }).catch((error: unknown) => {
    throw fromBetterAuth(error);
  });
  if (!found) throw new UnauthenticatedError();
  return { userId: found.user.id, expiresAt: found.session.expiresAt };
}

/** Not Better Auth's own check: that takes a database that is away for a wrong token, and deleted users for living ones. */
async function identityOfJwt(db: Database, url: string, token: string): Promise<Identity> {
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
  const id = idSchema.safeParse(payload.sub);
  if (!id.success) throw refused;
  const [found] = await db.select({ id: user.id }).from(user).where(eq(user.id, id.data));
  if (!found) throw refused;
  return { userId: found.id, expiresAt: new Date((payload.exp ?? 0) * 1_000) };
}

/** The error under an error of Better Auth's, which says only that something failed. */
export function fromBetterAuth(error: unknown): unknown {
  const { cause } = error as { cause?: unknown };
  return isAPIError(error) && error.statusCode >= 500 && cause ? cause : error;
}
