/** What people are told when something went wrong: in their language, where it has words for it. */
import { ApiError, modelFailureCodeOf } from "chatkeep/client";
import { bytesInWords } from "../ui/bytes.ts";
import { shortFullTime } from "../ui/times.ts";
import { language, t } from "./index.ts";

export function sentenceOf(error: Error): string {
  if (!(error instanceof ApiError)) return error.message;
  return error.status === 0 ? t.unreachable : (known(error) ?? error.message);
}

/** What the server said, where another language stands in its place. */
export function originalOf(error: Error): string | undefined {
  // Where it is one of ours, the other language says the same.
  if (error instanceof ApiError && modelFailureCodeOf(error.message)) return undefined;
  // What we say of a quota says all of it.
  if (!(error instanceof ApiError) || error.status === 0 || error.details?.["quota"]) return undefined;
  return known(error) && error.message ? error.message : undefined;
}

/** An error of a reply: of the request, of its stream, or what the stream says in words. */
export function replyErrorOf(error: Error): ApiError {
  if (error instanceof ApiError) return error;
  const isLost = error instanceof TypeError || !error.message || /fetch|network/i.test(error.message);
  const code = modelFailureCodeOf(error.message);
  return new ApiError("unavailable", error.message, {
    status: isLost ? 0 : 200,
    ...(code && { body: { code } }),
    cause: error,
  });
}

/** Signing in, and replies, have a finer code beside ours. */
function known({ code, body, details }: ApiError): string | undefined {
  if (details?.["quota"]) return quotaSentence(details);
  const reason = typeof body === "object" && body !== null && "code" in body ? String(body.code) : code;
  return t.errors[reason] ?? t.errors[code];
}

/** That a quota is used up, and when it begins anew. */
function quotaSentence({ quota, per, limit, retryAt }: Record<string, unknown>): string {
  const until = typeof retryAt === "string" ? t.usage.until(shortFullTime(retryAt)) : t.usage.forGood;
  const usedUp =
    quota === "bytes"
      ? t.usage.bytesUsedUp(bytesInWords(Number(limit)))
      : t.usage.usedUp(new Intl.NumberFormat(language).format(Number(limit)), String(quota), String(per));
  return `${usedUp} ${until}`;
}
