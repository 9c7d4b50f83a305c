/** How an error becomes a response: `{ error: { code, message, details? } }` with the status of its code. */
import { ChatkeepError } from "../../errors.ts";

const internal = "Something went wrong on our side: try again.";

/**
 * An error as the response that `chatHandler` gives for it, for routes of your own: `{ error: { code, message, details? } }` with the
 * status of its code, and `retry-after` where waiting helps. What is not chatkeep's is `internal`, and says nothing of itself.
 */
export function errorResponse(error: unknown): Response {
  const known = error instanceof ChatkeepError ? error : new ChatkeepError("internal", internal);
  const { code, message, details, status } = known;
  const wait = details?.["retryAfter"] ?? (status === 503 ? 1 : undefined);
  const headers = typeof wait === "number" ? { "retry-after": String(wait) } : undefined;
  return Response.json(
    { error: details ? { code, message, details } : { code, message } },
    { status, ...(headers && { headers }) },
  );
}
