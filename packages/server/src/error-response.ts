/** How an error becomes an answer: each code has its status. */
import { ChatkeepError, InvalidInputError } from "chatkeep";
import { translate } from "chatkeep/internal";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Log } from "./log.ts";

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

/** The same where an answer has begun already: logs what is our fault, and gives the body that it would have had. */
export function bodyForError(error: unknown, log: Log) {
  const known = toChatkeepError(error);
  if (known.status >= 500) log.error({ error: known.code === "internal" ? error : known }, "an answer broke off");
  return errorBody(known);
}

/** Logs what is our fault, and answers. */
export function respondWithError(error: unknown, context: Context, log: Log): Response {
  const known = toChatkeepError(error);
  const { status } = known;
  if (status >= 500)
    log.error(
      { error: known.code === "internal" ? error : known, requestId: context.get("requestId") },
      "request failed",
    );
  const wait = known.details?.["retryAfter"] ?? (status === 503 ? 1 : undefined);
  if (typeof wait === "number") context.header("Retry-After", String(wait));
  return context.json(errorBody(known), status);
}
