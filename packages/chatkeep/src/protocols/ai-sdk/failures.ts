/** What went wrong with a model, as a code for programs and a sentence for the reader; never a key, an address or a stack. */
import { APICallError, InvalidResponseDataError, StreamProviderError } from "ai";
import { type ModelFailureCode, modelFailureSentences } from "../../model-failures.ts";
import type { Failure } from "../../replies/failure.ts";

/** What went wrong with a model: a code, and its sentence for the reader. */
export interface ModelFailure extends Failure {
  code: ModelFailureCode;
}

/** The failure of this code, with its sentence. */
export function modelFailure(code: ModelFailureCode): ModelFailure {
  return { code, sentence: modelFailureSentences[code] };
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
