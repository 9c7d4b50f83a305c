/** What a person has typed to find messages: words, "phrases" and -without, and whether a text has them. */
import { InvalidInputError } from "../../errors.ts";
import { between, exactNeedle, fold, type Needle, needlesOf, spaced } from "./words.ts";

/** Words that follow each other, folded. */
interface Term {
  pieces: readonly string[];
  /** Whether its last word must end there. */
  isWhole: boolean;
}

/** A search, ready to be compared with texts. */
export interface Query {
  wanted: readonly Term[];
  unwanted: readonly Term[];
  /** What the index is asked for; a text without one of them is none that is looked for. */
  needles: readonly Needle[];
  /** A text that has one of them is none that is looked for either. */
  without: readonly Needle[];
}

/** More than these do not narrow a search any further; each text is compared with the whole of it all the same. */
const maxNeedles = 12;
const quotes = /[\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02]/g;
const isSpaced = new RegExp(`^${spaced}$`, "v");
const gap = new RegExp(between, "vy");

/** @throws invalid_input when there is no word in it that is to be found */
export function queryOf(text: string): Query {
  const wanted: Term[] = [];
  const unwanted: Term[] = [];
  const needles = new Map<string, Needle>();
  const without: Needle[] = [];
  for (const [, minus, phrase, word] of text.replace(quotes, '"').matchAll(/(-?)(?:"([^"]*)"?|([^\s"]+))/g)) {
    const isPhrase = phrase !== undefined;
    const folded = isPhrase ? fold(phrase).trim() : trimmed(fold(word ?? ""));
    const found = needlesOf(folded, isPhrase);
    if (found.length === 0) continue;
    const term = { pieces: folded.split(/\s+/), isWhole: isPhrase };
    if (minus) {
      unwanted.push(term);
      const needle = exactNeedle(folded, isPhrase);
      if (needle) without.push(needle);
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
  return { wanted, unwanted, needles: longest.slice(0, maxNeedles), without: without.slice(0, maxNeedles) };
}

/** How well the texts of a message fit, from 1; 0 when they do not. */
export function scoreOf({ wanted, unwanted }: Query, folded: readonly string[]): number {
  if (unwanted.some((term) => folded.some((text) => isIn(term, text)))) return 0;
  let score = 1;
  for (const term of wanted) {
    const where = folded.find((text) => isIn(term, text));
    if (where === undefined) return 0;
    const whole = { ...term, isWhole: true };
    const fit = folded.some((text) => isIn(whole, text)) ? 3 : 1;
    const isEarly = isIn(whole, where.slice(0, 200));
    score += (fit + (isEarly ? 1 : 0)) / (1 + Math.log10(1 + where.length / 200));
  }
  return Math.round(score * 1000) / 1000;
}

/** Where the words are in a folded text, in its order. */
export function placesIn({ wanted }: Query, folded: string): [start: number, end: number][] {
  return wanted.flatMap((term) => [...matches(term, folded)]).sort(([one], [other]) => one - other);
}

function isIn(term: Term, text: string): boolean {
  return !matches(term, text).next().done;
}

/** A word begins where no letter is before it, and where it is whole none follows; in scripts without spaces it may anywhere. */
function* matches({ pieces, isWhole }: Term, text: string): Generator<[start: number, end: number]> {
  const [first = "", ...rest] = pieces;
  for (let at = text.indexOf(first); at >= 0; at = text.indexOf(first, at + 1)) {
    if (goesOn(text, at)) continue;
    let end = at + first.length;
    for (const piece of rest) {
      gap.lastIndex = end;
      const next = gap.test(text) ? gap.lastIndex : -1;
      end = next >= 0 && text.startsWith(piece, next) ? next + piece.length : -1;
      if (end < 0) break;
    }
    if (end >= 0 && !(isWhole && goesOn(text, end))) yield [at, end];
  }
}

/** Whether a word would be cut in two at this place. */
function goesOn(text: string, at: number): boolean {
  return isSpacedLetter(letterBefore(text, at)) && isSpacedLetter(String.fromCodePoint(text.codePointAt(at) ?? 0));
}

function letterBefore(text: string, at: number): string {
  const low = text.charCodeAt(at - 1);
  return (low & 0xfc00) === 0xdc00 ? text.slice(at - 2, at) : text.slice(at - 1, at);
}

function isSpacedLetter(letter: string): boolean {
  return letter < "\u0080" ? /^[a-z0-9]$/.test(letter) : isSpaced.test(letter);
}

/** Without what people put around words; what begins or ends names in code stays. */
function trimmed(word: string): string {
  return word.replace(
    /^[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}#@$._/]+|[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}+#]+$/gu,
    "",
  );
}
