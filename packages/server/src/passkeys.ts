/**
 * Passkeys (Web Authentication Level 3): a key in the device or keychain of a person, in place of a password. At the addresses
 * of Better Auth's own plugin, which takes other versions of what it stands on than Better Auth does.
 */
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { decodeClientDataJSON } from "@simplewebauthn/server/helpers";
import type { BetterAuthPlugin } from "better-auth";
import { createAuthEndpoint, sessionMiddleware } from "better-auth/api";
import { setSessionCookie } from "better-auth/cookies";
import { ConflictError, ForbiddenError, NotFoundError, UnauthenticatedError } from "chatkeep";
import { isStorable } from "chatkeep/internal";
import { and, count, desc, eq, gt, sql } from "drizzle-orm";
import { z } from "zod";
import type { Database } from "./database.ts";
import { passkey, verification } from "./models/index.ts";

/** What is said of a passkey: nothing of its key. */
interface PasskeyView {
  id: string;
  name: string;
  isBackedUp: boolean;
  createdAt: string;
  lastUsedAt: string | null;
}

interface PasskeyOptions {
  db: Database;
  /** The public address of the server. */
  url: string;
  /** Where the page may be from. */
  origins: string[];
}

/** Of one person. */
const maxPasskeys = 50;
const maxNameChars = 100;
/** For so long a person may take to answer their device. */
const challengeMinutes = 5;

/**
 * The domain that passkeys of a server at `url` belong to; null where it has none, since browsers make no passkeys for addresses
 * of numbers. On loopback it is localhost.
 */
export function passkeyDomain(url: string): string | null {
  const { hostname, protocol } = new URL(url);
  if (["localhost", "127.0.0.1", "[::1]"].includes(hostname)) return "localhost";
  const isNumbers = hostname.startsWith("[") || /^[\d.]+$/.test(hostname);
  return isNumbers || protocol !== "https:" ? null : hostname;
}

// Base64url of at most 1,023 bytes, and attestations with their certificates.
const response = z.looseObject({ id: z.string().min(1).max(1_400), response: z.record(z.string(), z.unknown()) });
type Answered = z.infer<typeof response>;
const name = z.string().trim().min(1).max(maxNameChars).refine(isStorable, "must not contain NUL or half a pair");
const passkeyId = z.guid();

export function passkeys({ db, url, origins }: PasskeyOptions): BetterAuthPlugin {
  const domain = passkeyDomain(url);
  const ofThisServer = { expectedOrigin: origins, expectedRPID: domain ?? [] };
  return {
    id: "chatkeep-passkeys",
    endpoints: {
      generateRegisterOptions: createAuthEndpoint(
        "/passkey/generate-register-options",
        { method: "POST", use: [sessionMiddleware], body: z.looseObject({}).optional() },
        async ({ context, json }) => {
          const { user } = context.session;
          const rpID = requireDomain(domain);
          const known = await db
            .select({ id: passkey.credentialId, transports: passkey.transports })
            .from(passkey)
            .where(eq(passkey.userId, user.id));
          const options = await generateRegistrationOptions({
            rpName: "chatkeep",
            rpID,
            userID: new TextEncoder().encode(user.id),
            userName: user.email,
            userDisplayName: user.name,
            attestationType: "none",
            authenticatorSelection: { residentKey: "required", userVerification: "required" },
            excludeCredentials: known.map(({ id, transports }) => ({ id, transports: transports as never })),
          });
          await keepChallenge(db, options.challenge, user.id);
          return json(options);
        },
      ),
      verifyRegistration: createAuthEndpoint(
        "/passkey/verify-registration",
        { method: "POST", use: [sessionMiddleware], body: z.object({ name, response }) },
        async ({ context, body, json }) => {
          requireDomain(domain);
          const { user } = context.session;
          const { verified, registrationInfo } = await verifyRegistrationResponse({
            response: body.response as unknown as RegistrationResponseJSON,
            ...ofThisServer,
            expectedChallenge: await takeChallenge(db, body.response, user.id),
          }).catch(refuse);
          if (!verified || !registrationInfo) throw notProved();
          const { credential, credentialBackedUp } = registrationInfo;
          return json(
            await addPasskey(db, {
              userId: user.id,
              name: body.name,
              credentialId: credential.id,
              publicKey: Buffer.from(credential.publicKey).toString("base64url"),
              counter: credential.counter,
              transports: credential.transports ?? [],
              isBackedUp: credentialBackedUp,
            }),
          );
        },
      ),
      generateAuthenticateOptions: createAuthEndpoint(
        "/passkey/generate-authenticate-options",
        { method: "POST", body: z.looseObject({}).optional() },
        async ({ json }) => {
          const rpID = requireDomain(domain);
          const options = await generateAuthenticationOptions({ rpID, userVerification: "required" });
          await keepChallenge(db, options.challenge, nobody);
          return json(options);
        },
      ),
      verifyAuthentication: createAuthEndpoint(
        "/passkey/verify-authentication",
        { method: "POST", body: z.object({ response }) },
        async (ctx) => {
          requireDomain(domain);
          const userId = await provenUser(db, ctx.body.response, ofThisServer);
          const user = await ctx.context.internalAdapter.findUserById(userId);
          if (!user) throw notKnown();
          const session = await ctx.context.internalAdapter.createSession(userId);
          await setSessionCookie(ctx, { session, user });
          return ctx.json({ token: session.token, user });
        },
      ),
      listUserPasskeys: createAuthEndpoint(
        "/passkey/list-user-passkeys",
        { method: "GET", use: [sessionMiddleware] },
        async ({ context, json }) => {
          const rows = await db
            .select()
            .from(passkey)
            .where(eq(passkey.userId, context.session.user.id))
            .orderBy(desc(passkey.createdAt));
          return json(rows.map(asView));
        },
      ),
      updatePasskey: createAuthEndpoint(
        "/passkey/update-passkey",
        { method: "POST", use: [sessionMiddleware], body: z.object({ id: passkeyId, name }) },
        async ({ context, body, json }) => {
          const [row] = await db
            .update(passkey)
            .set({ name: body.name })
            .where(and(eq(passkey.id, body.id), eq(passkey.userId, context.session.user.id)))
            .returning();
          if (!row) throw new NotFoundError("passkey", body.id);
          return json(asView(row));
        },
      ),
      deletePasskey: createAuthEndpoint(
        "/passkey/delete-passkey",
        { method: "POST", use: [sessionMiddleware], body: z.object({ id: passkeyId }) },
        async ({ context, body, json }) => {
          const [row] = await db
            .delete(passkey)
            .where(and(eq(passkey.id, body.id), eq(passkey.userId, context.session.user.id)))
            .returning({ id: passkey.id });
          if (!row) throw new NotFoundError("passkey", body.id);
          return json({ status: true });
        },
      ),
    },
  };
}

type NewPasskey = typeof passkey.$inferInsert;

async function addPasskey(db: Database, row: NewPasskey): Promise<PasskeyView> {
  const [found] = await db.select({ there: count() }).from(passkey).where(eq(passkey.userId, row.userId));
  if ((found?.there ?? 0) >= maxPasskeys)
    throw new ConflictError(`You have ${maxPasskeys} passkeys, which is the most: remove one first.`);
  const [added] = await db.insert(passkey).values(row).onConflictDoNothing().returning();
  if (!added) throw new ConflictError("This passkey is known here already.");
  return asView(added);
}

/** Whose passkey has answered. @throws unauthenticated */
async function provenUser(
  db: Database,
  given: Answered,
  ofThisServer: { expectedOrigin: string[]; expectedRPID: string | string[] },
): Promise<string> {
  const [known] = await db.select().from(passkey).where(eq(passkey.credentialId, given.id));
  if (!known) throw notKnown();
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: given as unknown as AuthenticationResponseJSON,
    ...ofThisServer,
    expectedChallenge: await takeChallenge(db, given, nobody),
    credential: {
      id: known.credentialId,
      publicKey: new Uint8Array(Buffer.from(known.publicKey, "base64url")),
      counter: known.counter,
    },
  }).catch(refuse);
  if (!verified) throw notProved();
  await db
    .update(passkey)
    .set({
      counter: authenticationInfo.newCounter,
      isBackedUp: authenticationInfo.credentialBackedUp,
      lastUsedAt: sql`now()`,
    })
    .where(eq(passkey.id, known.id));
  return known.userId;
}

/** Whom a challenge is for who is not signed in yet. */
const nobody = "";
const named = (challenge: string) => `passkey:${challenge}`;

async function keepChallenge(db: Database, challenge: string, userId: string): Promise<void> {
  const expiresAt = sql`now() + make_interval(mins => ${challengeMinutes})`;
  await db.insert(verification).values({ identifier: named(challenge), value: userId, expiresAt });
}

/** The challenge that is answered, which this may be once. @throws unauthenticated where it was for another, or is over */
async function takeChallenge(db: Database, { response }: Answered, userId: string): Promise<string> {
  const challenge = challengeIn(response["clientDataJSON"]);
  const [taken] = await db
    .delete(verification)
    .where(and(eq(verification.identifier, named(challenge)), gt(verification.expiresAt, sql`now()`)))
    .returning({ value: verification.value });
  if (taken?.value !== userId) throw notProved();
  return challenge;
}

function challengeIn(clientDataJSON: unknown): string {
  try {
    return decodeClientDataJSON(clientDataJSON as string).challenge;
  } catch {
    throw notProved();
  }
}

function requireDomain(domain: string | null): string {
  if (domain === null)
    throw new ForbiddenError(
      "There are no passkeys at this address: browsers make them for a domain by HTTPS. Set CHATKEEP_URL to one.",
    );
  return domain;
}

/** What the library throws is about what was sent: it asks nobody. */
function refuse(): never {
  throw notProved();
}

function notKnown(): UnauthenticatedError {
  return new UnauthenticatedError(
    "This passkey is not known here: it may have been removed. Sign in another way, and add it again.",
  );
}

function notProved(): UnauthenticatedError {
  return new UnauthenticatedError("This passkey's answer does not hold, or came too late: try again.");
}

function asView({ id, name, isBackedUp, createdAt, lastUsedAt }: typeof passkey.$inferSelect): PasskeyView {
  return {
    id,
    name,
    isBackedUp,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
