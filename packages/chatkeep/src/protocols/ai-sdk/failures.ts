/** What went wrong with a model, as a code for programs and a sentence for the reader; never a key, an address or a stack. */
import { APICallError, InvalidResponseDataError, StreamProviderError } from "ai";
import type { Failure } from "../../replies/failure.ts";

const sentences = {
  model_refused: "The model refused the request. The operator of this server should check its key and settings.",
  model_context_too_long:
    "This conversation is too long for the model. Ask in a new one, or ask a shorter question with fewer files.",
  model_rate_limited: "The model has too many requests just now. Wait a minute and try again.",
  model_timeout: "The model did not answer in time. Try again.",
  model_incomplete: "The model stopped before the end of its answer. Try again.",
  model_empty: "The model gave an empty answer. Try again.",
  model_unknown: "This conversation is to be answered by a model that is not offered here. Choose another one.",
  model_failed: "The model could not answer. Try again.",
} as const;

/** What can go wrong with a model, as a code; docs/errors.md says when. */
export type ModelFailureCode = keyof typeof sentences;

/** What went wrong with a model: a code, and its sentence for the reader. */
export interface ModelFailure extends Failure {
  code: ModelFailureCode;
}

/** The failure of this code, with its sentence. */
export function modelFailure(code: ModelFailureCode): ModelFailure {
  return { code, sentence: sentences[code] };
}

/** What an error of the AI SDK, or of a provider, comes to. */
export function modelFailureOf(error: unknown): ModelFailure {
  const last = lastOf(error);
  if (InvalidResponseDataError.isInstance(last) && last.message.includes("without a finish reason")) {
    return modelFailure("model_incomplete");
  }
  if (last instanceof Error && /^(Timeout|Abort)Error$/.test(last.name)) return modelFailure("model_timeout");
  const status = providerStatusOf(last);
  if (status === 413) return modelFailure("model_context_too_long");
  if (status === 429) return modelFailure("model_rate_limited");
  if (status === 408 || status === 504) return modelFailure("model_timeout");
  if (status !== undefined && status >= 400 && status < 500) return modelFailure("model_refused");
  return modelFailure("model_failed");
}

/** The last of several attempts, or the error itself. */
function lastOf(error: unknown): unknown {
  return error instanceof Error && "lastError" in error ? error.lastError : error;
}

function providerStatusOf(error: unknown): number | undefined {
  return APICallError.isInstance(error) || StreamProviderError.isInstance(error) ? error.statusCode : undefined;
}
