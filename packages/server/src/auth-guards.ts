/**
 * What is looked at before Better Auth gets a request: outside of its transactions, in which the embedded database answers nobody
 * else.
 */
import { APIError } from "better-auth/api";
import { ForbiddenError, InvalidInputError, RateLimitedError, UnauthenticatedError } from "chatkeep";
import type { ErasureReceipt } from "chatkeep/wire";
import { decodeJwt } from "jose";
import { hasAccounts, hasPassword } from "./accounts.ts";
import { basePath } from "./auth-paths.ts";
import type { Database } from "./database.ts";
import { invitedAddress } from "./invitations.ts";

/** Who makes accounts. */
export type SignUp = "open" | "invited" | "closed";

/** What its hooks know of the request that they are called for, and say of it. */
export interface Answer {
  /** Nobody has an account yet, and the first one is an administrator's. */
  isFirst?: boolean;
  /** The account that is made is to have this address. */
  invited?: string;
  /** Of whoever deletes their account. */
  hasPassword?: boolean;
  receipt?: ErasureReceipt;
  /** All sessions of this user have ended. */
  signedOut?: string;
}

interface GuardOptions {
  db: Database;
  signUp: SignUp;
  isFirstAdmin: boolean;
  sessionOf(headers: Headers): Promise<{ user: { id: string; isAnonymous?: boolean | null | undefined } } | null>;
  /** @throws what Better Auth throws for a wrong one; rate_limited */
  verifyPassword(headers: Headers, password: string): Promise<unknown>;
}

/** @throws forbidden, unauthenticated, invalid_input */
export async function guard(request: Request, options: GuardOptions): Promise<Answer> {
  const { db, signUp, isFirstAdmin, sessionOf } = options;
  const { pathname, searchParams } = new URL(request.url);
  const { headers } = request;
  switch (pathname.replace(/\/$/, "").slice(basePath.length)) {
    case "/sign-up/email": {
      if (signUp === "closed")
        throw new ForbiddenError("Nobody signs up by themselves here: ask the operator of this server for an account.");
      const isFirst = isFirstAdmin && !(await hasAccounts(db));
      if (signUp === "open") return { isFirst };
      const invited = await invitedAddress(db, searchParams.get("invitation"));
      const { email } = await jsonOf(request);
      if (typeof email === "string" && email.trim().toLowerCase() !== invited) throw forAnotherAddress();
      return { isFirst, invited };
    }
    case "/delete-user": {
      const found = await sessionOf(headers);
      return found ? { hasPassword: await hasPassword(db, found.user.id) } : {};
    }
    case "/send-verification-email":
      await accountOf(headers, sessionOf);
      return {};
    case "/change-email": {
      const id = await accountOf(headers, sessionOf);
      await requirePassword(request, id, "whoever has the address can set another one", options);
      return {};
    }
    case "/passkey/generate-register-options": {
      const id = await accountOf(headers, sessionOf);
      await requirePassword(request, id, "whoever has a passkey can sign in with it", options);
      return {};
    }
    case "/verify-email": {
      // Whoever opens the mail, a program that looks into it for one, is not yet whose account it is.
      const id = await accountOf(headers, sessionOf);
      if (id !== userIn(searchParams.get("token")))
        throw new ForbiddenError(
          "This link is for another account, or is none: sign in to the one that it was sent for.",
        );
      return {};
    }
    default:
      return {};
  }
}

/** @throws unauthenticated for nobody, forbidden for guests, who have no address */
async function accountOf(headers: Headers, sessionOf: GuardOptions["sessionOf"]): Promise<string> {
  const found = await sessionOf(headers);
  if (!found) throw new UnauthenticatedError("Sign in first: then go on, or follow the link again.");
  if (found.user.isAnonymous) throw new ForbiddenError("Make an account first: your chats come along.");
  return found.user.id;
}

/** Asks as whoever asks by themselves: each attempt is counted, for all addresses at which a password is wanted together. */
export function passwordVerifier(
  ask: (request: Request) => Promise<Response>,
  url: string,
): GuardOptions["verifyPassword"] {
  return async (given, password) => {
    const headers = new Headers(given);
    headers.set("content-type", "application/json");
    headers.delete("content-length");
    const body = JSON.stringify({ password });
    const answer = await ask(new Request(`${url}${basePath}/verify-password`, { method: "POST", headers, body }));
    if (answer.ok) return;
    if (answer.status !== 429) throw new APIError("BAD_REQUEST", (await answer.json()) as { message?: string });
    const retryAfter = Number(answer.headers.get("x-retry-after") ?? 60);
    throw new RateLimitedError(`Too many attempts: wait ${retryAfter} seconds and try again.`, {
      details: { retryAfter },
    });
  };
}

/** @throws invalid_input without one, where there is one */
async function requirePassword(
  request: Request,
  userId: string,
  reason: string,
  { db, verifyPassword }: GuardOptions,
): Promise<void> {
  if (!(await hasPassword(db, userId))) return;
  const { password } = await jsonOf(request);
  if (typeof password !== "string" || password === "")
    throw new InvalidInputError(`password must be given: ${reason}.`);
  await verifyPassword(request.headers, password);
}

/** Better Auth looks at the signature. */
function userIn(token: string | null): unknown {
  try {
    return decodeJwt(token ?? "")["userId"];
  } catch {
    return undefined;
  }
}

/** Better Auth may read another one: of a form, which looks like JSON too. */
async function jsonOf(request: Request): Promise<Record<string, unknown>> {
  const body: unknown = await request
    .clone()
    .json()
    .catch(() => undefined);
  return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
}

export function forAnotherAddress(): ForbiddenError {
  return new ForbiddenError("This invitation is for another address: sign up with the one that it was sent to.");
}
