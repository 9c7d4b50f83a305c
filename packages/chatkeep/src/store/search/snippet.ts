/** A piece of a text around the words that were found, and where in it they are. */
import { placesIn, type Query } from "./query.ts";
import { fold, isAscii } from "./words.ts";

/** A piece of a text on one line; `marks` are where the words are in it, as offsets in JavaScript's characters. */
export interface Snippet {
  text: string;
  marks: { start: number; end: number }[];
}

const window = { step: 4_000, overlap: 400 };
const chars = { before: 60, all: 200 };
/** A letter with what belongs to it, which is folded as one. */
const segment = /\P{M}(?:\p{M}|[\uff9e\uff9f])*|\p{M}+/gsu;

/** `undefined` when none of the words is in the text. */
export function snippetOf(query: Query, text: string): Snippet | undefined {
  for (let from = 0; from < text.length; from += window.step) {
    const piece = text.slice(Math.max(0, from - window.overlap), from + window.step).toWellFormed();
    if (placesIn(query, fold(piece)).length === 0) continue;
    const line = piece.normalize("NFC").replace(/\s+/g, " ");
    const marks = marksIn(query, line);
    if (marks.length > 0) return cutOut(line, marks, from > window.overlap, from + window.step < text.length);
  }
  return undefined;
}

/** In the text as it is, not as it is folded. */
export function marksIn(query: Query, text: string): Snippet["marks"] {
  const { folded, original } = foldedWithPlaces(text);
  const marks: Snippet["marks"] = [];
  for (const [from, to] of placesIn(query, folded)) {
    const { start } = original(from);
    const { end } = original(to - 1);
    const last = marks.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else marks.push({ start, end });
  }
  return marks;
}

/** A text folded, and from where to where in the text itself the letter is that a folded one was made of. */
function foldedWithPlaces(text: string) {
  if (isAscii(text)) return { folded: fold(text), original: (at: number) => ({ start: at, end: at + 1 }) };
  const places: { start: number; end: number }[] = [];
  let folded = "";
  for (const { 0: letter, index } of text.matchAll(segment)) {
    const piece = fold(letter);
    const place = { start: index, end: index + letter.length };
    for (let at = 0; at < piece.length; at += 1) places.push(place);
    folded += piece;
  }
  const none = { start: text.length, end: text.length };
  return { folded, original: (at: number) => places[at] ?? none };
}

function cutOut(line: string, marks: Snippet["marks"], isCutBefore: boolean, isCutAfter: boolean): Snippet {
  const first = marks[0]?.start ?? 0;
  let start = Math.max(0, first - chars.before);
  if (start > 0) {
    const space = line.indexOf(" ", start);
    if (space >= 0 && space < first) start = space + 1;
  }
  let end = Math.min(line.length, start + chars.all);
  if (end < line.length) {
    const space = line.lastIndexOf(" ", end);
    if (space > first + chars.all / 4) end = space;
  }
  if (isLow(line, start)) start += 1;
  if (isLow(line, end)) end -= 1;
  const lead = start > 0 || isCutBefore ? "…" : "";
  const tail = end < line.length || isCutAfter ? "…" : "";
  const shift = lead.length - start;
  return {
    text: `${lead}${line.slice(start, end)}${tail}`,
    marks: marks
      .filter((mark) => mark.start < end && mark.end > start)
      .map((mark) => ({ start: Math.max(start, mark.start) + shift, end: Math.min(end, mark.end) + shift })),
  };
}

/** Whether a letter that takes two places would be cut here. */
function isLow(text: string, at: number): boolean {
  return at > 0 && at < text.length && (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}
