/** The lines of a file, wherever it comes from: they end with LF or CRLF and nothing else, in UTF-8, and none is held that is too long. */

/** A line that is not blank, with its number, or what is wrong with it. */
export type Line = { number: number; text: string } | { number: number; fault: string };

const maxLine = 16 * 1024 * 1024;
/** Commas and brackets of one line: each is an object in memory. */
const maxMarks = 1_000_000;
const deepest = 20_000;

const tooLong = `This line is longer than ${maxLine / 1024 / 1024} MiB: split it.`;
const [lf, cr] = [0x0a, 0x0d];

export async function* linesOf(chunks: AsyncIterable<Uint8Array>, { isOurs = false } = {}): AsyncGenerator<Line> {
  // What was hashed when it was written has what a database could hold.
  const limit = isOurs ? Number.POSITIVE_INFINITY : maxLine;
  let pieces: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  const take = (piece: Uint8Array) => {
    length += piece.length;
    if (length <= limit) pieces.push(piece);
    else pieces = [];
  };
  const end = (): Line | undefined => {
    number += 1;
    const read = length > limit ? { fault: tooLong } : lineFrom(pieces, number === 1, isOurs);
    pieces = [];
    length = 0;
    return read && { number, ...read };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(lf); at >= 0; at = chunk.indexOf(lf, from)) {
      if (at > from) take(chunk.subarray(from, at));
      const line = end();
      if (line) yield line;
      from = at + 1;
    }
    if (from < chunk.length) take(chunk.subarray(from));
  }
  const last = length > 0 ? end() : undefined;
  if (last) yield last;
}

function lineFrom(
  pieces: readonly Uint8Array[],
  isFirst: boolean,
  isOurs: boolean,
): { text: string } | { fault: string } | undefined {
  if (pieces.length === 0) return undefined;
  const bytes = Buffer.concat(pieces);
  const ended = bytes.at(-1) === cr ? bytes.subarray(0, -1) : bytes;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: !isFirst }).decode(ended);
  } catch {
    return { fault: "This line is not UTF-8: save the file as UTF-8." };
  }
  if (text.trim() === "") return undefined;
  const fault = isOurs ? undefined : tooManifold(text);
  return fault === undefined ? { text } : { fault };
}

/** Looked at before it is parsed into objects, which would take a hundred times its size. */
function tooManifold(text: string): string | undefined {
  let [marks, depth, inText] = [0, 0, false];
  for (let index = 0; index < text.length; index += 1) {
    const letter = text.charCodeAt(index);
    if (inText) {
      if (letter === 0x5c) index += 1;
      else if (letter === 0x22) inText = false;
    } else if (letter === 0x22) {
      inText = true;
    } else if (letter === 0x7b || letter === 0x5b) {
      depth += 1;
      marks += 1;
    } else if (letter === 0x7d || letter === 0x5d) {
      depth -= 1;
    } else if (letter === 0x2c) {
      marks += 1;
    }
    if (depth > deepest) return `This line is nested more than ${deepest} levels deep: split it.`;
    if (marks > maxMarks) return `This line has more than ${maxMarks} entries: split it.`;
  }
  return undefined;
}
