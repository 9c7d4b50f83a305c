/** Who is asking: Better Auth with e-mail and password, and three ways to show it: cookie, bearer session token, JWT. */

import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import type { BetterAuthPlugin, GenericEndpointContext } from "better-auth";
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { createAuthMiddleware, isAPIError } from "better-auth/api";
import { betterAuth } from "better-auth/minimal";
import { anonymous } from "better-auth/plugins/anonymous";
import { bearer } from "better-auth/plugins/bearer";
import { jwt } from "better-auth/plugins/jwt";
import { InvalidInputError, type Store, UnauthenticatedError } from "chatkeep";
import { asErasureReceipt, type ErasureReceipt } from "chatkeep/wire";
import { maxChars, requireShort } from "./account-input.ts";
import { accountMails } from "./account-mails.ts";
import { type AnonymousTokens, anonymousPerson, createAnonymousTokens, moveAnonymous, type Told } from "./anonymous.ts";
import { type Answer, forAnotherAddress, guard, passwordVerifier, type SignUp } from "./auth-guards.ts";
import { basePath, isServed } from "./auth-paths.ts";
import type { Database } from "./database.ts";
import { eraseUser } from "./erase-user.ts";
import { endInvitations } from "./invitations.ts";
import { type Identity, identityOfJwt, jwtIn, secretVersion } from "./jwt.ts";
import { identityOfKey, keyIn } from "./keys.ts";
import type { Log } from "./log.ts";
import type { Mailer } from "./mail.ts";
import { account, jwks, rateLimit, session, user, verification } from "./models/index.ts";
import { passkeyDomain, passkeys } from "./passkeys.ts";
import { type OidcOptions, oidcProviderId, singleSignOn } from "./single-sign-on.ts";

/** What sign-in stands on. */
export interface AuthOptions {
  db: Database;
  /** On the same database: what a user has in it is removed in batches before the user is. */
  store?: Pick<Store, "forUser"> | undefined;
  secret: string;
  /** The public address of the server. */
  url: string;
  log: Log;
  /** Off only in tests: ten attempts to sign in or up per minute and address. */
  limitAttempts?: boolean;
  /** Who makes accounts: anybody, whoever is invited, or the operator alone; `open` when left out. */
  signUp?: SignUp | undefined;
  /** Without one no password is forgotten, and no address is changed, but by the operator. */
  mailer?: Mailer | undefined;
  /** People sign in by this provider too. */
  oidc?: OidcOptions | undefined;
  /** The first account that is made is an administrator's: where whoever starts the server is its only user. */
  isFirstAdmin?: boolean | undefined;
  /** People may begin without an account, and are removed with all they have after so many days without a sign of them. */
  anonymousDays?: number | undefined;
}

/** What the server needs of Better Auth, or of what stands in its place. */
export interface Auth {
  handler(request: Request): Promise<Response>;
  api: {
    getSession(context: { headers: Headers }): Promise<{ user: { id: string }; session: { expiresAt: Date } } | null>;
  };
  /** Further ways to show who one is, looked at before `getSession`: `undefined` when the request shows none of them. */
  identify?(headers: Headers): Promise<Identity> | undefined;
  /**
   * All of a request that `identify` and `getSession` read. Requests that are alike in it may be answered alike for some seconds.
   * Without it each request is looked up.
   */
  proofOf?(headers: Headers): string;
  /** Where people may begin without an account: how clients do that keep no cookie. */
  anonymous?: AnonymousTokens | undefined;
  /** Who makes accounts; `open` when left out. */
  signUp?: SignUp | undefined;
  /** By which people are sent links. */
  mailer?: Mailer | undefined;
  /** The provider that people sign in by too, as they know it. */
  oidcName?: string | undefined;
  /** Whose pages can sign in with passkeys; null or left out where none can. */
  passkeyDomain?: string | null;
  /** Calls `listener` with what signing in has moved to an account. */
  onChange?(listener: (change: Told) => void): void;
}

/** The header in which the server tells Better Auth the address of the client. Whatever a client sends in it is overwritten. */
export const clientAddressHeader = "x-chatkeep-client-address";

/** How often one may begin anew without an account from one address. */
const beginnings = { window: 3_600, max: 20 };
const attempts = { window: 60, max: 10 };
/** How often mails are asked for from one address. */
const mailings = { window: 3_600, max: 10 };
const secretCharacters = 32;

/** Makes the sign-in: e-mail and password, shown by a cookie, a bearer token of the session, or a JWT. */
export function createAuth({
  db,
  store,
  secret,
  url,
  log,
  limitAttempts = true,
  signUp = "open",
  mailer,
  oidc,
  isFirstAdmin = false,
  anonymousDays,
}: AuthOptions): Auth {
  // Better Auth would take a public one in its place.
  if (secret.trim().length < secretCharacters) {
    throw new InvalidInputError(`The secret must have at least ${secretCharacters} characters.`);
  }
  const answers = new AsyncLocalStorage<Answer>();
  const listeners = new Set<(change: Told) => void>();
  const onChange = (change: Told) => {
    for (const listener of listeners) listener(change);
  };
  const mails = mailer && accountMails({ db, mailer, url, log });
  const auth = betterAuth({
    appName: "chatkeep",
    secret,
    // Given, so that BETTER_AUTH_SECRETS is not asked for.
    secrets: [{ version: secretVersion, value: secret }],
    baseURL: url,
    basePath,
    trustedOrigins: trustedOrigins(url),
    database: drizzleAdapter(db, {
      provider: "pg",
      schema: { user, session, account, verification, jwks, rateLimit },
      transaction: true,
    }),
    emailAndPassword: {
      enabled: true,
      disableSignUp: signUp === "closed",
      minPasswordLength: 8,
      maxPasswordLength: 128,
      revokeSessionsOnPasswordReset: true,
      ...mails?.emailAndPassword,
      onPasswordReset: async ({ user: { id } }) => {
        const answer = answers.getStore();
        if (answer) answer.signedOut = id;
      },
    },
    ...(mails && { emailVerification: mails.emailVerification }),
    // No row for whoever only begins to sign in, and nobody who reads the database acts for somebody at their provider.
    account: { storeStateStrategy: "cookie", encryptOAuthTokens: true },
    user: {
      additionalFields: { isAdmin: { type: "boolean", input: false, required: false, defaultValue: false } },
      changeEmail: { enabled: mails !== undefined },
      deleteUser: {
        enabled: true,
        // Before Better Auth does it: an append of theirs may be in the way, and then this is tried again.
        beforeDelete: async ({ id }) => {
          const receipt = await eraseUser(db, store, id);
          const answer = answers.getStore();
          if (answer && receipt) answer.receipt = asErasureReceipt(receipt);
          log.info({ userId: id, rows: receipt?.rows }, "an account was deleted");
        },
      },
    },
    databaseHooks: {
      user: {
        create: {
          before: async (given) => {
            requireShort(given);
            const { isFirst, invited } = answers.getStore() ?? {};
            if (invited !== undefined && given.email.toLowerCase() !== invited) throw forAnotherAddress();
            if (!isFirst) return;
            return { data: { ...given, isAdmin: true } };
          },
        },
        update: {
          before: async (given, context) => {
            requireShort(given);
            // The link that leads there was sent to the new address.
            if (given.email && context?.path === "/verify-email") return { data: { ...given, emailVerified: true } };
            return undefined;
          },
        },
        delete: {
          // An account is erased before; this is for whoever has none.
          before: async ({ id, isAnonymous }) => {
            if (isAnonymous) await eraseUser(db, store, id);
          },
        },
      },
      session: {
        create: {
          before: async (given) => ({
            data: { ...given, userAgent: given.userAgent?.slice(0, maxChars.userAgent) ?? null },
          }),
        },
      },
      account: {
        update: {
          before: async ({ password }, context) => {
            if (password && context?.context.session) await endOtherSessions(context.context);
          },
        },
      },
    },
    hooks: {
      before: createAuthMiddleware(async ({ path, body }) => {
        if (path === "/delete-user" && !body?.password && answers.getStore()?.hasPassword !== false) {
          throw new InvalidInputError("password must be given: deleting the account cannot be undone.");
        }
      }),
    },
    // With its session, which ends it.
    plugins: [
      bearer(),
      jwt({ jwt: { definePayload: ({ session: { id } }) => ({ sid: id }) } }),
      anonymousUsers(db, onChange),
      onlyOrigins(trustedOrigins(url)),
      passkeys({ db, url, origins: trustedOrigins(url) }),
      ...(oidc ? [singleSignOn(oidc)] : []),
    ],
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
        "/sign-in/social": attempts,
        [`/callback/${oidcProviderId}`]: attempts,
        "/sign-up/email": attempts,
        "/sign-in/anonymous": beginnings,
        "/passkey/generate-authenticate-options": attempts,
        "/passkey/verify-authentication": attempts,
        "/delete-user": attempts,
        "/change-password": attempts,
        "/verify-password": attempts,
        "/reset-password": attempts,
        "/request-password-reset": mailings,
        "/send-verification-email": mailings,
        "/change-email": mailings,
        "/get-session": false,
        "/token": false,
        "/jwks": false,
      },
    },
    // Errors of the database come out to us: Better Auth would print the values of the query.
    onAPIError: { throw: true, errorURL: "/" },
    logger: {
      log: (level, message) =>
        log[level === "error" ? "warn" : "debug"](
          { from: "better-auth" },
          message.startsWith("Failed query") ? "a query failed" : message,
        ),
    },
    telemetry: { enabled: false },
  });
  return {
    ...auth,
    signUp,
    mailer,
    oidcName: oidc?.name,
    passkeyDomain: passkeyDomain(url),
    anonymous:
      anonymousDays === undefined
        ? undefined
        : createAnonymousTokens({
            db,
            days: anonymousDays,
            onChange,
            signToken: async (payload) => (await auth.api.signJWT({ body: { payload } })).token,
          }),
    onChange: (listener) => void listeners.add(listener),
    handler: async (request) => {
      const path = new URL(request.url).pathname.replace(/\/$/, "");
      if (
        !isServed(path, {
          isAnonymous: anonymousDays !== undefined,
          hasMail: mailer !== undefined,
          hasOidc: oidc !== undefined,
        })
      )
        return notServed();
      const token = jwtIn(request.headers);
      // Better Auth knows no JWTs: it gets the session that this one is of, so that what one does with it is done.
      const known = token && (await identityOfJwt(db, url, token).catch(unlessUnauthenticated));
      if (known) request.headers.set("authorization", `Bearer ${known.sessionToken}`);
      const answer = await guard(request, {
        db,
        signUp,
        isFirstAdmin,
        sessionOf: (headers) => auth.api.getSession({ headers }),
        verifyPassword: passwordVerifier((asked) => auth.handler(asked), url),
      });
      const response = await answers.run(answer, () => auth.handler(request));
      if (answer.signedOut) onChange({ userId: answer.signedOut, isSignedOut: true });
      if (answer.invited !== undefined && response.ok) await endInvitations(db, answer.invited);
      return answer.receipt && response.ok ? await withReceipt(response, answer.receipt) : response;
    },
    identify: (headers) => {
      const key = keyIn(headers);
      if (key !== undefined) return identityOfKey(db, key);
      const token = jwtIn(headers);
      return token ? identityOfJwt(db, url, token) : undefined;
    },
    // Whole, since a part of it may stand in another one's name or value.
    proofOf: (headers) => JSON.stringify(["cookie", "authorization", "x-api-key"].map((name) => headers.get(name))),
  };
}

/** Better Auth knows nothing of what else was removed. */
async function withReceipt(response: Response, receipt: ErasureReceipt): Promise<Response> {
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  const said = (await response.json()) as object;
  return Response.json({ ...said, receipt }, { status: response.status, headers });
}

/** Whoever signs up or in from there takes the chats along; the anonymous user ends in the same transaction. */
function anonymousUsers(db: Database, onChange: (change: Told) => void) {
  return anonymous({
    generateName: () => anonymousPerson("").name,
    generateRandomEmail: () => anonymousPerson(randomUUID()).email,
    onLinkAccount: async ({ anonymousUser, newUser }) => {
      const [from, to] = [anonymousUser.user.id, newUser.user.id];
      if (from !== to) await moveAnonymous(db, { from, to, onChange });
    },
  });
}

function unlessUnauthenticated(error: unknown): undefined {
  if (!(error instanceof UnauthenticatedError)) throw error;
}

function notServed(): Response {
  return Response.json({ message: "There is nothing at this address: see /docs for what there is." }, { status: 404 });
}

/** A new password ends all sessions but the one that set it. In the transaction of the change, which is why Better Auth does it. */
async function endOtherSessions({ session, internalAdapter }: GenericEndpointContext["context"]): Promise<void> {
  if (!session) return;
  for (const { token } of await internalAdapter.listSessions(session.user.id)) {
    if (token !== session.session.token) await internalAdapter.deleteSession(token);
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

/**
 * Who sent this request, as the database has it.
 * @throws unauthenticated, unavailable
 */
export async function identityOf(auth: Auth, headers: Headers): Promise<Identity> {
  const shown = await auth.identify?.(headers);
  if (shown) return shown;
  const found = await auth.api.getSession({ headers }).catch((error: unknown) => {
    throw fromBetterAuth(error);
  });
  if (!found) throw new UnauthenticatedError();
  return { userId: found.user.id, expiresAt: found.session.expiresAt };
}

/** The error under an error of Better Auth's, which says only that something failed. */
export function fromBetterAuth(error: unknown): unknown {
  const { cause } = error as { cause?: unknown };
  return isAPIError(error) && error.statusCode >= 500 && cause ? cause : error;
}
