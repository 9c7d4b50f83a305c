/** What can go wrong with a model, as replies tell it: one sentence for each code, which their streams carry in place of it. */
export const modelFailureSentences = {
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
export type ModelFailureCode = keyof typeof modelFailureSentences;

/** The code of a sentence with which a reply failed; `undefined` for what its host has put into other words. */
export function modelFailureCodeOf(sentence: string): ModelFailureCode | undefined {
  const codes = Object.keys(modelFailureSentences) as ModelFailureCode[];
  return codes.find((code) => modelFailureSentences[code] === sentence);
}
