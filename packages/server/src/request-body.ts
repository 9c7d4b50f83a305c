/**
 * How much a body may be, looked at before the work that it would cause: its bytes before they are read, and what it holds before
 * it is parsed into objects, which take a hundred times the room of their text.
 */
import { InvalidInputError, TooLargeError } from "chatkeep";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { createSlots, type Limits } from "./limits.ts";
import type { Env } from "./routes/router.ts";

interface BodyLimit {
  bytes: number;
  /** Values, keys and elements of its JSON. */
  tokens: number;
}

const kilobyte = 1024;
const megabyte = 1024 * kilobyte;

/** Deeper than that nothing is that anybody means. */
const maxDepth = 200;

/** A message of 16 MiB with its JSON escapes fits. A chat request has one question, with the messages that `useChat` sends before it. */
const limitOf = {
  auth: { bytes: 64 * kilobyte, tokens: 1_000 },
  chat: { bytes: 40 * megabyte, tokens: 100_000 },
  messages: { bytes: 40 * megabyte, tokens: 250_000 },
  other: { bytes: megabyte, tokens: 10_000 },
} satisfies Record<string, BodyLimit>;

function limitAt(path: string): BodyLimit {
  if (path.startsWith("/api/auth/")) return limitOf.auth;
  if (path.endsWith("/chat")) return limitOf.chat;
  return /\/(messages|conversations|import)$/.test(path) ? limitOf.messages : limitOf.other;
}

/** Refuses bodies with too many bytes, for whoever has not signed in yet. */
export function limitBytes() {
  const { bytes } = limitOf.auth;
  return createMiddleware((c, next) => {
    // Node takes no more than was announced. Where nothing was, the bytes are counted, for which the body becomes a stream.
    if (!isAnnounced(c)) return counting(bytes)(c, next);
    return announcedBytes(c) > bytes ? refuse(bytes) : next();
  });
}

/** Reads the body of whoever has signed in, within what one user, and all of them, may have under way. */
export function readBody({ bodyBytes, bodyBytesPerUser }: Limits) {
  const slots = createSlots({
    perUser: bodyBytesPerUser,
    total: bodyBytes,
    sentence: "bytes of bodies at once are the limit of one user: send one after another.",
    retryAfter: 1,
  });
  return createMiddleware<Env>(async (c, next) => {
    if (["GET", "HEAD"].includes(c.req.method)) return await next();
    const { bytes, tokens } = limitAt(c.req.path);
    // A file is read piece by piece, whatever it says it is.
    const isJson = /\bjson\b/i.test(c.req.header("content-type") ?? "") && !c.req.path.endsWith("/import");
    if (!isJson && !isAnnounced(c)) return await counting(bytes)(c, next);
    const taken: (() => void)[] = [];
    const take = (count: number) => void taken.push(slots.take(c.get("userId"), count));
    try {
      if (isAnnounced(c)) {
        if (announcedBytes(c) > bytes) refuse(bytes);
        take(announcedBytes(c));
      } else {
        Object.assign(c.req.bodyCache, { text: Promise.resolve(await countedText(c.req.raw.body, bytes, take)) });
      }
      if (isJson) requireFewTokens(await c.req.text(), tokens);
      return await next();
    } finally {
      for (const giveBack of taken) giveBack();
    }
  });
}

/** The text of a stream whose length nobody has told. */
async function countedText(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  take: (count: number) => void,
): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) refuse(maxBytes);
    take(piece.byteLength);
    pieces.push(piece);
  }
  return new TextDecoder().decode(Buffer.concat(pieces));
}

function counting(bytes: number) {
  return bodyLimit({ maxSize: bytes, onError: () => refuse(bytes) });
}

function refuse(bytes: number): never {
  throw new TooLargeError(`The body is too large: the limit here is ${bytes} bytes. Send less at once.`, {
    details: { limit: bytes },
  });
}

function announcedBytes(c: Context): number {
  return Number(c.req.header("content-length") ?? 0);
}

function isAnnounced(c: Context): boolean {
  if (c.req.header("transfer-encoding") !== undefined) return false;
  return c.req.header("content-length") !== undefined || ["GET", "HEAD"].includes(c.req.method);
}

const [quote, backslash, comma, colon, openBrace, closeBrace, openBracket, closeBracket] = [...'"\\,:{}[]'].map((one) =>
  one.charCodeAt(0),
);

/**
 * Counts what JSON would become, without making it. What is no JSON is counted all the same, and refused by whoever parses it.
 * @throws too_large, invalid_input
 */
function requireFewTokens(json: string, maxTokens: number): void {
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
