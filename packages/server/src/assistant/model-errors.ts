/** What went wrong with the model of this server: what its endpoint says beside the code and the sentence that every model has. */

import type { LanguageModelV4, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { APICallError, StreamProviderError, wrapLanguageModel } from "ai";
import { type ModelFailure, modelFailure, modelFailureOf } from "chatkeep/ai-sdk";
import { wordsIn, wordsOf } from "./endpoint-words.ts";
import { isTooLong } from "./refusals.ts";

/** A conversation that names a model which is not among those of this server. */
class UnknownModelError extends Error {}

/** Stands for it: the reply fails, and says why. */
export function unknownModel(name: string | null): LanguageModelV4 {
  const fail = () => Promise.reject(new UnknownModelError("the conversation names a model that is not offered"));
  const modelId = name ?? "";
  return { specificationVersion: "v4", provider: "none", modelId, supportedUrls: {}, doGenerate: fail, doStream: fail };
}

/** A stream that ended without saying so. */
class IncompleteStreamError extends Error {}

export function failureOf(error: unknown): ModelFailure {
  if (error instanceof IncompleteStreamError) return modelFailure("model_incomplete");
  if (error instanceof UnknownModelError) return modelFailure("model_unknown");
  const plain = modelFailureOf(error);
  const { status, body, words } = saidBy(lastOf(error));
  if (isTooLong(status, body)) return withWords(modelFailure("model_context_too_long"), words);
  return withWords(plain, words);
}

function withWords(failure: ModelFailure, words: string): ModelFailure {
  return words === "" ? failure : { ...failure, sentence: `${failure.sentence} The endpoint says: “${words}”` };
}

/** What of a provider's error may be written down: its own message may quote a key, or what was sent. */
export function describeModelError(error: unknown) {
  const last = lastOf(error);
  const name = last instanceof Error ? last.name : typeof last;
  const { status, words } = saidBy(last);
  return { name, ...(status !== undefined && { status }), ...(words && { words }) };
}

/** The last of several attempts, or the error itself. */
function lastOf(error: unknown): unknown {
  return error instanceof Error && "lastError" in error ? error.lastError : error;
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
