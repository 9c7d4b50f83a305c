/** What people are told when something went wrong: in their language, where it has words for it. */
import { ApiError } from "chatkeep/client";
import { t } from "./index.ts";

export function sentenceOf(error: Error): string {
  if (!(error instanceof ApiError)) return error.message;
  return error.status === 0 ? t.unreachable : (known(error) ?? error.message);
}

/** What the server said, where another language stands in its place. */
export function originalOf(error: Error): string | undefined {
  return error instanceof ApiError && error.status !== 0 && known(error) && error.message ? error.message : undefined;
}

/** An error of a reply: of the request, of its stream, or what the stream says in words. */
export function replyErrorOf(error: Error): ApiError {
  if (error instanceof ApiError) return error;
  const isLost = error instanceof TypeError || !error.message || /fetch|network/i.test(error.message);
  return new ApiError("unavailable", error.message, { status: isLost ? 0 : 200, cause: error });
}

/** Signing in has a finer code beside ours. */
function known({ code, body }: ApiError): string | undefined {
  const reason = typeof body === "object" && body !== null && "code" in body ? String(body.code) : code;
  return t.errors[reason] ?? t.errors[code];
}
