/** /api/auth/*: Better Auth's own routes, with the errors of the contract beside its own. */

import { isAPIError } from "better-auth/api";
import { type Notifier, statusOf } from "chatkeep";
import type { Context } from "hono";
import { type Auth, clientAddressHeader, fromBetterAuth } from "../auth.ts";
import type { Sessions } from "../sessions.ts";

const codeOf = Object.fromEntries(
  Object.entries(statusOf)
    .reverse()
    .map(([code, status]) => [status, code]),
);
const codes: Record<number, string> = {
  ...codeOf,
  400: "invalid_input",
  409: "conflict",
  422: "invalid_input",
  500: "internal",
};

interface AuthParts {
  auth: Auth;
  sessions: Sessions;
  notifier: Pick<Notifier, "publish">;
}

/** Hands a request to Better Auth. An error keeps its `code` and `message`, for its own clients, and gets `error` as everywhere. */
export async function handleAuth(
  { auth, sessions, notifier }: AuthParts,
  context: Context,
  clientAddress: string | undefined,
): Promise<Response> {
  const request = new Request(context.req.raw);
  request.headers.delete(clientAddressHeader);
  if (clientAddress) request.headers.set(clientAddressHeader, clientAddress);
  // Node's fetch sends Sec-Fetch-Mode, which Better Auth takes for a browser that hides its Origin; browsers send both.
  if (!request.headers.has("sec-fetch-site")) request.headers.delete("sec-fetch-mode");
  // Of a sign-in or sign-up nothing is known yet; whatever else changes something may end sessions.
  const changes = request.method === "POST" && !/\/sign-(in|up)\//.test(context.req.path);
  const userId = changes ? await sessions.userIdOf(request.headers).catch(() => undefined) : undefined;
  const answer = await showingNoEnded(auth, request)
    .then(() => auth.handler(request))
    .catch(asResponse)
    .finally(() => userId !== undefined && notifier.publish({ userId, isSignedOut: true }));
  const response = endsSession.test(context.req.path) ? answer : keepingSession(answer);
  if (response.status < 400) return response;
  return withError(response);
}

const beginsSession = /\/(?:sign-(?:in|up)|callback)\/|\/(?:verify-authentication|verify-email)$/;
const ofSession = /session_(?:token|data)=/;

/** Whoever shows the cookie of a session that has ended would not be let in: that it is taken away would be said after the new one. */
async function showingNoEnded(auth: Auth, request: Request): Promise<void> {
  const cookie = request.headers.get("cookie") ?? "";
  if (!ofSession.test(cookie) || !beginsSession.test(new URL(request.url).pathname)) return;
  if (await auth.api.getSession({ headers: new Headers({ cookie }) })) return;
  const others = cookie.split(/;\s*/).filter((each) => !ofSession.test(each));
  if (others.length > 0) request.headers.set("cookie", others.join("; "));
  else request.headers.delete("cookie");
}

const endsSession = /\/(?:sign-out|delete-(?:anonymous-)?user)$/;
const takenAway = /^[^=]+=;/;

/**
 * Nothing else takes the cookie of a session away: what was asked before somebody signed in may be answered after it, and its word that
 * the old session is gone would end the new one in the browser.
 */
function keepingSession(response: Response): Response {
  const cookies = response.headers.getSetCookie();
  if (!cookies.some((cookie) => takenAway.test(cookie) && cookie.includes("session_token="))) return response;
  const kept = cookies.filter((cookie) => !takenAway.test(cookie));
  const headers = new Headers(response.headers);
  headers.delete("set-cookie");
  for (const cookie of kept) headers.append("set-cookie", cookie);
  return new Response(response.body, { status: response.status, headers });
}

/** What Better Auth refused becomes its answer; what failed goes on as an error. */
function asResponse(error: unknown): Response {
  if (!isAPIError(error) || error.statusCode >= 500) throw fromBetterAuth(error);
  return new Response(JSON.stringify(error.body ?? {}), {
    status: error.statusCode,
    headers: new Headers(error.headers),
  });
}

async function withError(response: Response): Promise<Response> {
  const text = await response.text();
  const body = parsed(text);
  const wait = response.headers.get("x-retry-after");
  const code = codes[response.status] ?? (response.status >= 500 ? "internal" : "invalid_input");
  const message =
    response.status === 429
      ? `Too many attempts: wait ${wait ?? 60} seconds and try again.`
      : (body.message ?? "Sign-in could not handle this request.");
  const headers = new Headers(response.headers);
  headers.set("content-type", "application/json");
  headers.delete("content-length");
  if (wait) headers.set("retry-after", wait);
  return new Response(JSON.stringify({ ...body, error: { code, message } }), { status: response.status, headers });
}

function parsed(text: string): { message?: string } {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    return {};
  }
}
