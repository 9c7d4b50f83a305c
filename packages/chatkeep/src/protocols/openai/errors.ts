/** What went wrong, as OpenAI's clients read it. */
import type { ChatkeepError, ErrorCode } from "../../errors.ts";
import type { ErrorShape } from "../frame/http.ts";

/** What OpenAI calls kinds of errors; every other one is `invalid_request_error`. */
const types: Partial<Record<ErrorCode, string>> = {
  rate_limited: "rate_limit_error",
  unavailable: "server_error",
  schema_mismatch: "server_error",
  internal: "server_error",
};

/** Longer than that no client waits by itself. */
const longestWait = 60;

/** `{ error: { message, type, param, code } }`; what is wrong in a request is answered with 400. */
export const errors: ErrorShape = {
  body: (error) => ({
    error: {
      message: error.message,
      type: types[error.code] ?? "invalid_request_error",
      param: paramOf(error),
      code: error.code === "unauthenticated" ? "invalid_api_key" : error.code,
    },
  }),
  status: ({ code, status }) => (code === "invalid_input" ? 400 : status),
  headers: (error): Record<string, string> => ({
    ...(error.code === "unauthenticated" && { "www-authenticate": "Bearer" }),
    // Clients send a conflict again by themselves, which changes nothing about it.
    ...(isHopeless(error) && { "x-should-retry": "false" }),
  }),
};

function isHopeless({ code, details }: ChatkeepError): boolean {
  const wait = details?.["retryAfter"];
  return code === "conflict" || (code === "rate_limited" && typeof wait === "number" && wait > longestWait);
}

function paramOf({ details }: ChatkeepError): string | null {
  const [first] = (details?.["issues"] ?? []) as { path?: unknown }[];
  return typeof first?.path === "string" && first.path !== "" ? first.path : null;
}
