/** What a word is: text folded so that case, accents and width make no difference, and cut into what the index of search holds. */

/** Scripts that are written without spaces, or with words that are glued together. */
const dense =
  "[[\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Hangul}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}]&&[\\p{L}\\p{M}\\p{N}]]";
const letter = "[\\p{L}\\p{M}\\p{N}]";
/** A letter of a word that stands between others that are none. */
export const spaced = `[${letter}--${dense}]`;
/** Anything that may stand between two words of a phrase. */
export const between = "[^\\p{L}\\p{M}\\p{N}]+";

const token = new RegExp(`(${dense}+)|(\\p{Extended_Pictographic})|(${spaced}+)`, "gv");
const asciiWord = /[a-z0-9]+/g;
const isDense = new RegExp(`^${dense}`, "v");
/** Accents, vowel points, and what is not seen; marks that make another letter, as in Japanese and Hindi, stay. */
const accents =
  /[\u0300-\u036f]|[\u0591-\u05bd]|[\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]|[\u064b-\u065f]|\u0670|[\u1ab0-\u1aff]|[\u1dc0-\u1dff]|[\u20d0-\u20ff]|[\ufe20-\ufe2f]|[\ufe00-\ufe0f]|\u0640|\u00ad|\ufeff|[\u200b\u200c\u200e\u200f]|\u200d/gu;
/** Letters that Unicode does not take apart. */
const letters: Record<string, string> = {
  æ: "ae",
  œ: "oe",
  ß: "ss",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ħ: "h",
  ı: "i",
  ς: "σ",
};
const special = new RegExp(`[${Object.keys(letters).join("")}]`, "gu");
const ascii = /^\p{ASCII}*$/u;

/** Whether a text is folded by lower case alone, letter by letter. */
export function isAscii(text: string): boolean {
  return ascii.test(text);
}

/** Letters and digits of a word after which the index does not tell it from others. */
const maxWord = 64;

/** Text as it is compared: `Ünïcode`, `UNICODE` and `ｕｎｉｃｏｄｅ` are the same. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  if (isAscii(lower)) return lower;
  return lower
    .normalize("NFKD")
    .toLowerCase()
    .replace(accents, "")
    .replace(special, (found) => letters[found] ?? found)
    .normalize("NFKC");
}

/** What the index has of a folded text: its words, and of scripts without spaces each pair of neighbours, and the last letter. */
export function addTokens(folded: string, add: (token: string) => void): void {
  // Whole messages are cut by this: without the classes of Unicode, and matches as plain texts, it takes a fifth of the time.
  for (const found of folded.match(isAscii(folded) ? asciiWord : token) ?? []) {
    if (isAscii(found) || !isDense.test(found)) add(cut(found));
    else for (const pair of pairs(found, true)) add(pair);
  }
}

/** What the index is asked for. */
export interface Needle {
  token: string;
  /** Whether a word that only begins with it is one too. */
  isPrefix: boolean;
}

/** The tokens that a text has which contains `folded`; its last word may go on, unless it is `whole`. */
export function needlesOf(folded: string, whole: boolean): Needle[] {
  const found = [...folded.matchAll(token)];
  return found.flatMap(([text, run], index) => {
    if (run !== undefined) {
      const all = pairs(run, false);
      return all.length > 0 ? all.map((pair) => ({ token: pair, isPrefix: false })) : [{ token: run, isPrefix: true }];
    }
    const isEnd = index === found.length - 1 && folded.endsWith(text);
    return [{ token: cut(text), isPrefix: isEnd && !whole }];
  });
}

/** The one needle that a text has exactly where it has this folded word, or is without; `undefined` where the index does not know. */
export function exactNeedle(folded: string, whole: boolean): Needle | undefined {
  const [first, ...others] = [...folded.matchAll(token)];
  const isOne = first?.[3] === folded && others.length === 0 && folded.length < maxWord;
  return isOne ? { token: folded, isPrefix: !whole } : undefined;
}

function pairs(run: string, withLast: boolean): string[] {
  const all = Array.from(run);
  const found = all.slice(1).map((next, index) => `${all[index]}${next}`);
  return withLast ? [...found, all.at(-1) as string] : found;
}

function cut(word: string): string {
  return word.length <= maxWord ? word : Array.from(word).slice(0, maxWord).join("");
}
