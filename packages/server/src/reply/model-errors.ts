/** What went wrong with a model, as a code for programs and a sentence for the reader; never a key, an address or a stack. */

import type { LanguageModelV4, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { APICallError, InvalidResponseDataError, StreamProviderError, wrapLanguageModel } from "ai";
import { wordsIn, wordsOf } from "../assistant/endpoint-words.ts";
import { isTooLong } from "../assistant/refusals.ts";

export interface ModelFailure {
  code:
    | "model_refused"
    | "model_context_too_long"
    | "model_rate_limited"
    | "model_timeout"
    | "model_incomplete"
    | "model_empty"
    | "model_failed";
  sentence: string;
  /** What the endpoint says, without secrets. */
  words?: string;
}

const sentences: Record<ModelFailure["code"], string> = {
  model_refused: "The model refused the request. The operator of this server should check its key and settings.",
  model_context_too_long:
    "This conversation is too long for the model. Ask in a new one, or ask a shorter question with fewer files.",
  model_rate_limited: "The model has too many requests just now. Wait a minute and try again.",
  model_timeout: "The model did not answer in time. Try again.",
  model_incomplete: "The model stopped before the end of its answer. Try again.",
  model_empty: "The model gave an empty answer. Try again.",
  model_failed: "The model could not answer. Try again.",
};

/** A stream that ended without saying so. */
class IncompleteStreamError extends Error {}

export function failure(code: ModelFailure["code"]): ModelFailure {
  return { code, sentence: sentences[code] };
}

export function failureOf(error: unknown): ModelFailure {
  if (error instanceof IncompleteStreamError) return failure("model_incomplete");
  const last = error instanceof Error && "lastError" in error ? error.lastError : error;
  if (InvalidResponseDataError.isInstance(last) && last.message.includes("without a finish reason")) {
    return failure("model_incomplete");
  }
  if (last instanceof Error && /^(Timeout|Abort)Error$/.test(last.name)) return failure("model_timeout");
  const { status, body, words } = saidBy(last);
  if (isTooLong(status, body)) return failureWith("model_context_too_long", words);
  if (status === 429) return failureWith("model_rate_limited", words);
  if (status === 408 || status === 504) return failureWith("model_timeout", words);
  if (status !== undefined && status >= 400 && status < 500) return failureWith("model_refused", words);
  return failureWith("model_failed", words);
}

function failureWith(code: ModelFailure["code"], words: string): ModelFailure {
  const plain = failure(code);
  return words === "" ? plain : { ...plain, sentence: `${plain.sentence} The endpoint says: “${words}”`, words };
}

/** What of a provider's error may be written down: its own message may quote a key, or what was sent. */
export function describeModelError(error: unknown) {
  const last = error instanceof Error && "lastError" in error ? error.lastError : error;
  const name = last instanceof Error ? last.name : typeof last;
  const { status, words } = saidBy(last);
  return { name, ...(status !== undefined && { status }), ...(words && { words }) };
}

/** The endpoint's answer: an error of HTTP, or one that came in the stream. */
function saidBy(error: unknown): { status: number | undefined; body: string; words: string } {
  if (APICallError.isInstance(error)) {
    const body = error.responseBody ?? "";
    return { status: error.statusCode, body, words: wordsIn(body) };
  }
  if (!StreamProviderError.isInstance(error)) return { status: undefined, body: "", words: "" };
  const words = wordsOf(error.data);
  return { status: error.statusCode, body: `${error.code ?? ""} ${words}`, words };
}

/**
 * The same model, whose stream says how it ended: a broken one sends an `error` part instead of cutting the answer off,
 * and one that ends without `finish` is an error too.
 */
export function tellingModel(model: LanguageModelV4): LanguageModelV4 {
  return wrapLanguageModel({
    model,
    middleware: {
      wrapStream: async ({ doStream }) => {
        const { stream, ...rest } = await doStream();
        return { ...rest, stream: ReadableStream.from(told(stream)) };
      },
    },
  });
}

async function* told(stream: ReadableStream<LanguageModelV4StreamPart>): AsyncGenerator<LanguageModelV4StreamPart> {
  let ended = false;
  try {
    for await (const part of stream) {
      ended ||= part.type === "finish" || part.type === "error";
      yield part;
    }
  } catch (error) {
    ended = true;
    yield { type: "error", error };
  }
  if (!ended) yield { type: "error", error: new IncompleteStreamError("the stream ended without a finish part") };
}
