/** What a person has typed to find messages: words, "phrases" and -without, and whether a text has them. */
import { InvalidInputError } from "../../errors.ts";
import { between, fold, type Needle, needlesOf, spaced } from "./words.ts";

interface Term {
  /** Finds it in a folded text. */
  pattern: RegExp;
  /** The same as a whole word. */
  whole: RegExp;
}

/** A search, ready to be compared with texts. */
export interface Query {
  wanted: readonly Term[];
  unwanted: readonly Term[];
  /** What the index is asked for; a text without one of them is none that is looked for. */
  needles: readonly Needle[];
}

/** More than these do not narrow a search any further; each text is compared with the whole of it all the same. */
const maxNeedles = 12;
const quotes = /[\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02]/g;
const isStart = new RegExp(`^${spaced}`, "v");
const isEnd = new RegExp(`${spaced}$`, "v");

/** @throws invalid_input when there is no word in it that is to be found */
export function queryOf(text: string): Query {
  const wanted: Term[] = [];
  const unwanted: Term[] = [];
  const needles = new Map<string, Needle>();
  for (const [, minus, phrase, word] of text.replace(quotes, '"').matchAll(/(-?)(?:"([^"]*)"?|([^\s"]+))/g)) {
    const isPhrase = phrase !== undefined;
    const folded = isPhrase ? fold(phrase).trim() : trimmed(fold(word ?? ""));
    const found = needlesOf(folded, isPhrase);
    if (found.length === 0) continue;
    const term = { pattern: patternOf(folded, isPhrase), whole: patternOf(folded, true) };
    if (minus) {
      unwanted.push(term);
      continue;
    }
    wanted.push(term);
    for (const needle of found) needles.set(`${needle.isPrefix}${needle.token}`, needle);
  }
  if (wanted.length === 0) {
    throw new InvalidInputError(
      unwanted.length > 0
        ? "search.text must have a word that is to be found beside those that are not."
        : "search.text must have a letter or a digit to look for.",
    );
  }
  const longest = [...needles.values()].sort((one, other) => other.token.length - one.token.length);
  return { wanted, unwanted, needles: longest.slice(0, maxNeedles) };
}

/** How well the texts of a message fit, from 1; 0 when they do not. */
export function scoreOf({ wanted, unwanted }: Query, folded: readonly string[]): number {
  if (unwanted.some(({ pattern }) => folded.some((text) => isIn(pattern, text)))) return 0;
  let score = 1;
  for (const { pattern, whole } of wanted) {
    const where = folded.find((text) => isIn(pattern, text));
    if (where === undefined) return 0;
    const isWhole = folded.some((text) => isIn(whole, text));
    const place = isIn(whole, where.slice(0, 200)) ? 1 : 0;
    score += ((isWhole ? 3 : 1) + place) / (1 + Math.log10(1 + where.length / 200));
  }
  return Math.round(score * 1000) / 1000;
}

/** Where the words are in a folded text, in its order. */
export function placesIn({ wanted }: Query, folded: string): [start: number, end: number][] {
  const all = wanted.flatMap(({ pattern }) =>
    [...folded.matchAll(pattern)].map((found): [number, number] => [found.index, found.index + found[0].length]),
  );
  return all.sort(([one], [other]) => one - other);
}

function isIn(pattern: RegExp, text: string): boolean {
  return text.search(pattern) >= 0;
}

/** Without what people put around words; what begins or ends names in code stays. */
function trimmed(word: string): string {
  return word.replace(
    /^[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}#@$._/]+|[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}+#]+$/gu,
    "",
  );
}

function patternOf(folded: string, whole: boolean): RegExp {
  const body = folded
    .split(/\s+/)
    .map((piece) => piece.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"))
    .join(between);
  const before = isStart.test(folded) ? `(?<!${spaced})` : "";
  const after = whole && isEnd.test(folded) ? `(?!${spaced})` : "";
  return new RegExp(`${before}${body}${after}`, "gv");
}
