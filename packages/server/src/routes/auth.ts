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
  const response = await auth
    .handler(request)
    .catch(asResponse)
    .finally(() => userId !== undefined && notifier.publish({ userId, isSignedOut: true }));
  if (response.status < 400) return response;
  return withError(response);
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
