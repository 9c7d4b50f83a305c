/**
 * How much a body may be, looked at before the work that it would cause: its bytes as they come, and what it holds before
 * it is parsed into objects, which take a hundred times the room of their text.
 */
import { InvalidInputError, TooLargeError } from "../../errors.ts";

export interface BodyLimit {
  bytes: number;
  /** Values, keys and elements of its JSON. */
  tokens: number;
}

/** Deeper than that nothing is that anybody means. */
const maxDepth = 200;

export function tooLargeBody(bytes: number): TooLargeError {
  return new TooLargeError(`The body is too large: the limit here is ${bytes} bytes. Send less at once.`, {
    details: { limit: bytes },
  });
}

/**
 * Counted as it comes: what was only announced takes nothing from anybody. `onBytes` is told of each piece, with the sum.
 * @throws too_large
 */
export async function readCounted(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  onBytes: (count: number, sum: number) => void = () => {},
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let sum = 0;
  for await (const piece of body ?? []) {
    sum += piece.byteLength;
    if (sum > maxBytes) throw tooLargeBody(maxBytes);
    onBytes(piece.byteLength, sum);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

const [quote, backslash, comma, colon, openBrace, closeBrace, openBracket, closeBracket] = [...'"\\,:{}[]'].map((one) =>
  one.charCodeAt(0),
);

/**
 * Counts what JSON would become, without making it. What is no JSON is counted all the same, and refused by whoever parses it.
 * @throws too_large, invalid_input
 */
export function requireFewTokens(json: string, maxTokens: number): void {
  let tokens = 0;
  let depth = 0;
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    if (code === quote) {
      at = endOfText(json, at);
    } else if (code === openBrace || code === openBracket) {
      tokens += 1;
      depth += 1;
    } else if (code === closeBrace || code === closeBracket) {
      depth -= 1;
    } else if (code === comma || code === colon) {
      tokens += 1;
    }
    if (tokens > maxTokens) throw tooMany(maxTokens);
    if (depth > maxDepth) {
      throw new InvalidInputError(`The body is nested too deeply: at most ${maxDepth} levels are taken.`);
    }
  }
}

/** Where a text that begins at a quote ends: found by the engine's own search, since texts are most of what is sent. */
function endOfText(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let slashes = 0;
    while (json.charCodeAt(end - 1 - slashes) === backslash) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return json.length;
}

function tooMany(limit: number): TooLargeError {
  return new TooLargeError(`The body has too many elements: the limit here is ${limit}. Send less at once.`, {
    details: { limit },
  });
}
