/**
 * How much a body may be, looked at before the work that it would cause: its bytes as they come, and what it holds before
 * it is parsed into objects, which take a hundred times the room of their text.
 */
import { ChatkeepError, InvalidInputError, limits as storeLimits, type UserId } from "chatkeep";
import { type BodyLimit, type OpenBody, readCounted, requireFewTokens, tooLargeBody } from "chatkeep/internal";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { createSlots, type Limits, type Slots } from "./limits.ts";
import type { Env } from "./routes/router.ts";

const kilobyte = 1024;
const megabyte = 1024 * kilobyte;

/** What is no longer is taken in any case, and not counted among what is under way. */
const smallBytes = 64 * kilobyte;

/** A message of 16 MiB with its JSON escapes fits. A chat request has one question, with the messages that `useChat` sends before it. */
const limitOf = {
  auth: { bytes: 64 * kilobyte, tokens: 1_000 },
  chat: { bytes: 40 * megabyte, tokens: 100_000 },
  messages: { bytes: 40 * megabyte, tokens: 250_000 },
  other: { bytes: megabyte, tokens: 10_000 },
  upload: { bytes: storeLimits.fileBytes, tokens: 0 },
  file: { bytes: 4096 * megabyte, tokens: 0 },
} satisfies Record<string, BodyLimit>;

function limitAt(path: string): BodyLimit {
  if (path.endsWith("/chat")) return limitOf.chat;
  if (path.endsWith("/import/file")) return limitOf.file;
  if (path.endsWith("/files")) return limitOf.upload;
  return /\/(messages|conversations|import)$/.test(path) ? limitOf.messages : limitOf.other;
}

/** Reads the body of whoever has not signed in yet, which is short. */
export function readSmallBody() {
  return createMiddleware(async (c, next) => {
    if (!hasBody(c)) return await next();
    const text = await textOf(c, limitOf.auth.bytes, () => {});
    if (isJson(c)) requireFewTokens(text, limitOf.auth.tokens);
    // What reads the request itself finds the text in it.
    c.req.raw = new Request(c.req.url, { method: c.req.method, headers: c.req.raw.headers, body: text });
    return await next();
  });
}

/** What one user, and all of them, may have of bodies under way. */
export function createBodySlots({ bodyBytes, bodyBytesPerUser }: Limits): Slots {
  return createSlots({
    perUser: bodyBytesPerUser,
    total: bodyBytes,
    sentence: "bytes of bodies at once are the limit of one user: send one after another.",
    retryAfter: 1,
  });
}

/** The same for protocols, which read their bodies themselves. */
export function openBodies(slots: Slots): (userId: UserId) => OpenBody {
  return (userId) => {
    const taken: (() => void)[] = [];
    return {
      take: (bytes) => void taken.push(slots.take(String(userId), bytes)),
      release: () => {
        for (const giveBack of taken.splice(0)) giveBack();
      },
    };
  };
}

/** Reads the body of whoever has signed in, within those. */
export function readBody(slots: Slots) {
  return createMiddleware<Env>(async (c, next) => {
    if (!hasBody(c)) return await next();
    const { bytes, tokens } = limitAt(c.req.path);
    if (/\/(?:import(?:\/file)?|files)$/.test(c.req.path)) {
      readInPieces(c, bytes);
      return await next();
    }
    const taken: (() => void)[] = [];
    const take = (count: number) => void taken.push(slots.take(c.get("userId"), count));
    try {
      const text = await textOf(c, bytes, take);
      if (isJson(c)) requireFewTokens(text, tokens);
      Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
      return await next();
    } finally {
      for (const giveBack of taken) giveBack();
    }
  });
}

/** A file is not held whole, whatever it says it is. */
function readInPieces(c: Context, maxBytes: number): void {
  if (announcedBytes(c) > maxBytes) throw tooLargeBody(maxBytes);
  const { body } = c.req.raw;
  const pieces = async function* () {
    let bytes = 0;
    try {
      for await (const piece of body ?? []) {
        bytes += piece.byteLength;
        if (bytes > maxBytes) throw tooLargeBody(maxBytes);
        yield piece;
      }
    } catch (error) {
      throw error instanceof ChatkeepError ? error : brokenOff();
    }
  };
  const init = {
    method: c.req.method,
    headers: c.req.raw.headers,
    body: ReadableStream.from(pieces()),
    duplex: "half",
  };
  c.req.raw = new Request(c.req.url, init as RequestInit);
}

function hasBody(c: Context): boolean {
  return !["GET", "HEAD"].includes(c.req.method);
}

function isJson(c: Context): boolean {
  return /\bjson\b/i.test(c.req.header("content-type") ?? "");
}

/** @throws too_large; invalid_input when it breaks off */
async function textOf(c: Context, maxBytes: number, take: (count: number) => void): Promise<string> {
  const announced = announcedBytes(c);
  if (announced > maxBytes) throw tooLargeBody(maxBytes);
  try {
    // Node takes no more than was announced.
    if (announced <= smallBytes) return await c.req.text();
    return await readCounted(c.req.raw.body, maxBytes, (count, sum) => {
      if (sum > smallBytes) take(count);
    });
  } catch (error) {
    if (error instanceof ChatkeepError) throw error;
    throw brokenOff();
  }
}

/** `NaN`, which is neither more nor less than anything, where nothing was announced. */
function announcedBytes(c: Context): number {
  const isChunked = c.req.header("transfer-encoding") !== undefined;
  return isChunked ? Number.NaN : Number(c.req.header("content-length") ?? Number.NaN);
}

function brokenOff(): InvalidInputError {
  return new InvalidInputError("The request broke off before the end of its body: send it again.");
}
