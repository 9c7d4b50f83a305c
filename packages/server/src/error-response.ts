/** How an error becomes an answer: each code has its status, and a code without one does not compile. */
import { ChatkeepError, type ErrorCode, InvalidInputError, translate } from "chatkeep";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Log } from "./log.ts";

export const statusOf = {
  invalid_input: 422,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  rate_limited: 429,
  unavailable: 503,
  schema_mismatch: 500,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

const internal = "Something went wrong on our side: try again, and tell the operator the X-Request-Id if it stays.";

/** The error as people and programs get it. */
function toChatkeepError(error: unknown): ChatkeepError {
  const translated = translate(error);
  if (translated instanceof ChatkeepError) return translated;
  if (translated instanceof HTTPException && translated.status < 500) {
    return new InvalidInputError("The body must be JSON: check its syntax, and send it as application/json.");
  }
  return new ChatkeepError("internal", internal, { cause: error });
}

function errorBody({ code, message, details }: ChatkeepError) {
  return { error: details ? { code, message, details } : { code, message } };
}

/** Logs what is our fault, and answers. */
export function respondWithError(error: unknown, context: Context, log: Log): Response {
  const known = toChatkeepError(error);
  const status = statusOf[known.code];
  if (status >= 500)
    log.error(
      { error: known.code === "internal" ? error : known, requestId: context.get("requestId") },
      "request failed",
    );
  const wait = known.details?.["retryAfter"] ?? (status === 503 ? 1 : undefined);
  if (typeof wait === "number") context.header("Retry-After", String(wait));
  return context.json(errorBody(known), status);
}
