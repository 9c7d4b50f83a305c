/**
 * What every protocol of other clients needs over HTTP: whose request it is, how much of its body is taken, that keys nobody knows
 * are refused, and that every error has the protocol's own shape. Each protocol adds its routes.
 */
import { type Context, Hono } from "hono";
import type * as z from "zod";
import { ChatkeepError, InvalidInputError, NotFoundError, UnauthenticatedError } from "../../errors.ts";
import { defaultLogger, type Logger } from "../../replies/logger.ts";
import { translate } from "../../sql/sqlstate.ts";
import { invalidInput } from "../../store/input.ts";
import type { Store } from "../../store/store.ts";
import type { UserId } from "../../store/tables/tables.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { type BodyLimit, readCounted, requireFewTokens } from "./body.ts";

/** What a host gives to every protocol. */
export interface ProtocolOptions {
  store: Store;
  /** Whose request it is, by your own sign-in; `undefined` is answered with 401. */
  getUserId(request: Request): UserId | undefined | Promise<UserId | undefined>;
  /** Where the protocol's addresses begin, such as `/api/v1`; `/v1` when left out. */
  basePath?: string | undefined;
  /** Called before so many rows are written for a user; what it throws is answered, such as `RateLimitedError`. */
  beforeWrite?: ((userId: UserId, rows: number) => void | Promise<void>) | undefined;
  /** Told of each piece of a body while it is read; what it throws is answered. Gives what is called when the request has ended. */
  openBody?: ((userId: UserId) => OpenBody) | undefined;
  /** Errors of the server are told to it; to the console, without what people wrote, when left out. */
  logger?: Logger | undefined;
}

/** A body that is being read. */
export interface OpenBody {
  take(bytes: number): void;
  release(): void;
}

/** Answers requests of one protocol, in any framework that knows `Request` and `Response`. */
export type ProtocolHandler = (request: Request) => Promise<Response>;

/** What routes of a protocol find in their context. */
export interface ProtocolEnv {
  Variables: {
    userId: UserId;
    user: UserStore;
    /** Announces rows that are about to be written. @throws rate_limited */
    write(rows: number): Promise<void>;
    /** The body as JSON, of the schema's shape. @throws invalid_input, too_large */
    json<Schema extends z.ZodType>(schema: Schema): Promise<z.output<Schema>>;
    /** The query of the address, of the schema's shape. @throws invalid_input */
    query<Schema extends z.ZodType>(schema: Schema): z.output<Schema>;
  };
}

/** How a protocol says what went wrong. */
export interface ErrorShape {
  body(error: ChatkeepError): unknown;
  /** Where a protocol has another status for a code than we do. */
  status?(error: ChatkeepError): number;
  headers?(error: ChatkeepError): Record<string, string>;
}

export interface ProtocolAppOptions extends ProtocolOptions {
  errors: ErrorShape;
  /** Routes that nobody needs to be signed in for, such as those that sign in. */
  isPublic?(request: Request): boolean;
  limit?: BodyLimit;
}

const megabyte = 1024 * 1024;
/** A message of 16 MiB with its JSON escapes fits. */
const defaultLimit: BodyLimit = { bytes: 40 * megabyte, tokens: 250_000 };
const signedOutLimit: BodyLimit = { bytes: 64 * 1024, tokens: 1_000 };

const internal = "Something went wrong on our side: try again.";

/** The application of a protocol, with its routes still to be added, and the handler of it. */
export function createProtocolApp(options: ProtocolAppOptions): { app: Hono<ProtocolEnv>; handler: ProtocolHandler } {
  const {
    store,
    getUserId,
    basePath = "/v1",
    errors,
    logger = defaultLogger,
    isPublic,
    limit = defaultLimit,
  } = options;
  const root = new Hono<ProtocolEnv>();
  root.onError((error, c) => {
    const known = errorOf(error);
    if (known.status >= 500) logger.error({ error: known.code === "internal" ? error : known }, "a request failed");
    return respond(c, known, errors);
  });
  root.notFound((c) => respond(c, new NotFoundError("route", `${c.req.method} ${c.req.path}`), errors));
  const app = root.basePath(basePath);
  app.use("*", async (c, next) => {
    const userId = await getUserId(c.req.raw);
    const isKnown = userId !== undefined && userId !== null && userId !== "";
    if (!isKnown && !isPublic?.(c.req.raw)) throw new UnauthenticatedError();
    if (isKnown) {
      c.set("userId", userId);
      c.set("user", store.forUser(userId));
    }
    const body = isKnown ? options.openBody?.(userId) : undefined;
    c.set("write", async (rows) => await options.beforeWrite?.(userId as UserId, rows));
    c.set("query", (schema) => parsed(schema, c.req.query(), "query"));
    c.set("json", async (schema) => {
      const { bytes, tokens } = isKnown ? limit : signedOutLimit;
      const text = await readCounted(c.req.raw.body, bytes, (count) => body?.take(count));
      requireFewTokens(text, tokens);
      return parsed(schema, jsonOf(text), "body");
    });
    try {
      await next();
    } finally {
      body?.release();
    }
  });
  return { app, handler: async (request) => await root.fetch(request) };
}

function respond(c: Context, error: ChatkeepError, { body, status, headers }: ErrorShape): Response {
  const wait = error.details?.["retryAfter"] ?? (error.status === 503 ? 1 : undefined);
  if (typeof wait === "number") c.header("retry-after", String(wait));
  for (const [name, value] of Object.entries(headers?.(error) ?? {})) c.header(name, value);
  return c.json(body(error) as object, (status?.(error) ?? error.status) as 400);
}

function errorOf(error: unknown): ChatkeepError {
  const known = translate(error);
  return known instanceof ChatkeepError ? known : new ChatkeepError("internal", internal);
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) throw invalidInput(result.error, where);
  return result.data;
}

/** No body is one without keys. */
function jsonOf(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidInputError("The body must be JSON: check its syntax.", { cause: error });
  }
}
