/** What went wrong with a reply, as a code for programs and a sentence for the reader; never a key, an address or a stack. */

export interface Failure {
  /** At most 255 characters. */
  code: string;
  /** At most 2,000 characters. */
  sentence: string;
}

/** Where nothing more is known of it. */
export const modelFailed: Readonly<Failure> = {
  code: "model_failed",
  sentence: "The model could not answer. Try again.",
};
