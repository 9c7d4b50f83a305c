/** Who is asking: Better Auth with e-mail and password, and three ways to show it: cookie, bearer session token, JWT. */

import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { betterAuth } from "better-auth/minimal";
import { bearer } from "better-auth/plugins/bearer";
import { jwt } from "better-auth/plugins/jwt";
import type { Database } from "chatkeep";
import { UnauthenticatedError } from "chatkeep";
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
    getSession(context: { headers: Headers }): Promise<{ user: { id: string } } | null>;
    verifyJWT(context: { body: { token: string } }): Promise<{ payload: { sub?: string } | null }>;
  };
}

/** The header in which the server tells Better Auth the address of the client. Whatever a client sends in it is overwritten. */
export const clientAddressHeader = "x-chatkeep-client-address";

const attempts = { window: 60, max: 10 };

export function createAuth({ db, secret, url, log, limitAttempts = true }: AuthOptions): Auth {
  return betterAuth({
    appName: "chatkeep",
    secret,
    baseURL: url,
    basePath: "/api/auth",
    trustedOrigins: trustedOrigins(url),
    database: drizzleAdapter(db, {
      provider: "pg",
      schema: { user, session, account, verification, jwks, rateLimit },
      transaction: true,
    }),
    emailAndPassword: { enabled: true, minPasswordLength: 8, maxPasswordLength: 128 },
    user: { deleteUser: { enabled: true } },
    plugins: [bearer(), jwt({ jwt: { definePayload: () => ({}) } })],
    advanced: {
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
        "/get-session": false,
        "/token": false,
        "/jwks": false,
      },
    },
    logger: { log: (level, message) => log[level === "error" ? "warn" : "debug"]({ from: "better-auth" }, message) },
    telemetry: { enabled: false },
  });
}

/** The public address; on loopback also its other names, since people type localhost. */
export function trustedOrigins(url: string): string[] {
  const { protocol, hostname, port, origin } = new URL(url);
  const loopback = ["localhost", "127.0.0.1", "[::1]"];
  if (!loopback.includes(hostname)) return [origin];
  return loopback.map((name) => `${protocol}//${name}${port ? `:${port}` : ""}`);
}

/**
 * The id of the user who sent this request.
 * @throws unauthenticated
 */
export async function userIdOf(auth: Auth, headers: Headers): Promise<string> {
  const token = /^Bearer\s+(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (token && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
    const { payload } = await auth.api.verifyJWT({ body: { token } });
    if (payload?.sub) return payload.sub;
    throw new UnauthenticatedError("This token is not valid any more: sign in again.");
  }
  const found = await auth.api.getSession({ headers });
  if (!found) throw new UnauthenticatedError();
  return found.user.id;
}
