/**
 * The index of search: of each owner, blocks of 64 messages, and of each block its words, in 32 buckets by their first letter, each
 * with the messages that it is in. A block is found by its owner alone, so what others store changes nothing of a search.
 */
import { addTokens, fold, type Needle } from "./words.ts";

/** Messages of a block: as many as there are signs for their places. */
export const blockSize = 64;
const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const buckets = 32;

/** Where the words are that begin as this one. */
export function bucketOf(token: string): number {
  return (token.codePointAt(0) ?? 0) % buckets;
}

/** The words of a block, each bucket as a text: of every word a line break, the word, a colon, and a sign for each message. */
export function wordsOf(messages: readonly (readonly string[])[]): Map<number, string> {
  const places = new Map<string, string>();
  for (const [index, texts] of messages.entries()) {
    const sign = signs[index] as string;
    const found = new Set<string>();
    for (const text of texts) addTokens(fold(text), (token) => found.add(token));
    for (const token of found) places.set(token, (places.get(token) ?? "") + sign);
  }
  const lines = new Map<number, string[]>();
  for (const token of [...places.keys()].sort()) {
    const bucket = bucketOf(token);
    const line = `\n${token}:${places.get(token)}`;
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

/** The places of messages that a needle is in; `words` is a bucket, or what of it follows its first match. */
export function placesOf(needle: Needle, words: string): Set<number> {
  const beginning = beginningOf(needle);
  const found = new Set<number>();
  for (let at = words.indexOf(beginning); at >= 0; at = words.indexOf(beginning, at + 1)) {
    const colon = words.indexOf(":", at);
    const end = words.indexOf("\n", colon);
    for (const sign of words.slice(colon + 1, end < 0 ? undefined : end)) found.add(signs.indexOf(sign));
  }
  return found;
}
