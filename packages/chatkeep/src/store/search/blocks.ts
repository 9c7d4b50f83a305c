/**
 * The index of search: of each owner, blocks of 64 messages, and of each block its words, in 32 buckets by their first letter, each
 * with the messages that it is in. A block is found by its owner alone, so what others store changes nothing of a search.
 */
import type { SearchedText } from "./texts.ts";
import { addTokens, fold, type Needle } from "./words.ts";

/** Messages of a block: as many as there are signs for their places. */
export const blockSize = 64;
const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const buckets = 32;

/** Where the words are that begin as this one. */
export function bucketOf(token: string): number {
  return (token.codePointAt(0) ?? 0) % buckets;
}

/**
 * The words of a block, each bucket as a text: of every word a line break, the word, a colon, a sign for each message that has it in
 * its text, a semicolon, and a sign for each that has it elsewhere only.
 */
export function wordsOf(messages: readonly (readonly SearchedText[])[]): Map<number, string> {
  const places = new Map<string, { inText: string; elsewhere: string }>();
  for (const [index, texts] of messages.entries()) {
    const sign = signs[index] as string;
    const found = new Map<string, boolean>();
    for (const { field, text } of texts) {
      addTokens(fold(text), (token) => found.set(token, field === "text" || found.get(token) === true));
    }
    for (const [token, isInText] of found) {
      const known = places.get(token) ?? { inText: "", elsewhere: "" };
      known[isInText ? "inText" : "elsewhere"] += sign;
      places.set(token, known);
    }
  }
  const lines = new Map<number, string[]>();
  for (const [token, { inText, elsewhere }] of [...places].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const bucket = bucketOf(token);
    const line = `\n${token}:${inText};${elsewhere}`;
    const known = lines.get(bucket);
    if (known) known.push(line);
    else lines.set(bucket, [line]);
  }
  return new Map([...lines].map(([bucket, all]) => [bucket, `${all.join("")}\n`]));
}

/** What a bucket must contain for a needle to be in it. */
export function beginningOf({ token, isPrefix }: Needle): string {
  return isPrefix ? `\n${token}` : `\n${token}:`;
}

/** Where in a message a needle must be: in its text, or anywhere. */
export type Where = "text" | "anywhere";

/** The places of messages that a needle is in; `words` is a bucket, or what of it follows its first match. */
export function placesOf(needle: Needle, words: string, where: Where): Set<number> {
  const beginning = beginningOf(needle);
  const found = new Set<number>();
  for (let at = words.indexOf(beginning); at >= 0; at = words.indexOf(beginning, at + 1)) {
    const colon = words.indexOf(":", at);
    const end = words.indexOf("\n", colon);
    const [inText = "", elsewhere = ""] = words.slice(colon + 1, end < 0 ? undefined : end).split(";");
    for (const sign of where === "text" ? inText : inText + elsewhere) found.add(signs.indexOf(sign));
  }
  return found;
}
