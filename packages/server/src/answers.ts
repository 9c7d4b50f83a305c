/** Answers that may be long: what a client does not take stays in memory, so it is counted until it has gone. */
import type { Context } from "hono";
import { createSlots, type Limits } from "./limits.ts";
import type { Env } from "./routes/router.ts";

/** What is no longer is sent in any case. */
const smallChars = 64 * 1024;

export type Answers = ReturnType<typeof createAnswers>;

export function createAnswers({ answerBytes, answerBytesPerUser }: Limits) {
  const slots = createSlots({
    perUser: answerBytesPerUser,
    total: answerBytes,
    sentence: "bytes of answers at once are the limit of one user: take one after another.",
    retryAfter: 1,
  });
  /** JSON that is written already. @throws rate_limited, unavailable while too much of what was asked for before has not been taken */
  function written(c: Context<Env>, text: string) {
    if (text.length > smallChars) {
      const giveBack = slots.take(c.get("userId"), Buffer.byteLength(text));
      const outgoing = (c.env as { outgoing?: NodeJS.EventEmitter } | undefined)?.outgoing;
      if (outgoing) outgoing.once("close", giveBack);
      else giveBack();
    }
    return c.body(text, 200, { "content-type": "application/json" });
  }
  return {
    written,
    /** The value as JSON. @throws as `written` does */
    json: <Value>(c: Context<Env>, value: Value) =>
      written(c, JSON.stringify(value)) as unknown as ReturnType<typeof c.json<Value & object, 200>>,
  };
}
