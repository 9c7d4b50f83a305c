/** chatkeep inside an application that exists: conversations, messages, chat and events, with its sign-in, under any path of it. */
import {
  ForbiddenError,
  NotFoundError,
  type Notifier,
  type Observer,
  type Store,
  UnauthenticatedError,
  type UserId,
} from "chatkeep";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { requestId } from "hono/request-id";
import { createChatParts, createChatRoutes, type ReplyOptions } from "./chat-parts.ts";
import { respondWithError } from "./error-response.ts";
import { createRows, defaultLimits, type Limits, type Quotas } from "./limits.ts";
import { createLog, type Log } from "./log.ts";
import { observeRequests } from "./observe-requests.ts";
import { createBodySlots, readBody } from "./request-body.ts";
import { healthRoutes } from "./routes/health.ts";
import { createRouter, type Env } from "./routes/router.ts";
import type { Sessions } from "./sessions.ts";

type GivenUserId = UserId | null | undefined;

/** What of a host the application needs. */
export interface ChatAppOptions extends ReplyOptions {
  /** Made with `partsOf` of this package, so that it can keep the words of a reply whose server died. */
  store: Store;
  /**
   * Who sent a request, `undefined` for nobody: by your session, token or header; its body is not to be read. While a stream is
   * open it is asked again every ten seconds, with the headers alone, and the stream ends when they are that user's no longer.
   */
  getUserId(request: Request): GivenUserId | Promise<GivenUserId>;
  /** Of `createNotifier`, by which servers on one database hear of each other; close it after the application. */
  notifier: Notifier;
  /** What one user may take at once; what is left out is as in `defaultLimits`. */
  limits?: Partial<Limits> | undefined;
  /**
   * What each user may take of models and of the database, or a function that says it of one user: a reply that would go beyond is
   * refused before its model is called, as `rate_limited` with `details.retryAt`.
   */
  quotas?: Quotas | undefined;
  /**
   * Is told of each request and each reply, such as `openTelemetryObserver()` of `chatkeep/opentelemetry`; give it to the store too, for
   * verbs and statements.
   */
  observer?: Observer | undefined;
  /** Warnings and errors go to the standard output when it is left out. */
  log?: Log | undefined;
  /** Other origins whose pages may change something, such as `https://www.example.com`; the request's own always may. */
  origins?: readonly string[] | undefined;
}

/** What `createChatApp` gives. */
export interface ChatApp {
  /** To be mounted: `host.route("/any/path", app)`, with `baseUrl: "/any/path"` for `chatkeep/client`. */
  app: ReturnType<typeof createRouter>;
  /** Lets pages go, and replies end for at most so many milliseconds. */
  close(graceMs: number): Promise<void>;
}

/**
 * Makes the application: `/conversations…`, `/chat…`, `/events`, and `/healthz` and `/readyz`, which looks at the tables of the
 * store. It has no sign-in, no tasks, no web page and no migrations of its own; someone else's conversation is a 404.
 */
export function createChatApp(options: ChatAppOptions): ChatApp {
  const { store, getUserId, notifier, log = createLog("warn"), origins = [], limits: given, ...replyOptions } = options;
  const limits = { ...defaultLimits, ...given };
  const sessions = sessionsOf(getUserId);
  const { observer } = replyOptions;
  const parts = createChatParts({
    ...replyOptions,
    store,
    notifier,
    sessions,
    log,
    limits,
    rows: createRows(limits.rowsPerHour),
  });
  const identify = createMiddleware<Env>(async (c, next) => {
    c.set("userId", textOf(await getUserId(c.req.raw)));
    parts.replies.markActive();
    await next();
  });
  const app = createRouter();
  app.onError((error, c) => respondWithError(error, c, log));
  if (observer) app.use(observeRequests(observer));
  app.use(requestId(), finish);
  app.route("/", healthRoutes(store.system.requireReady));
  app.use(refuseOtherSites(origins), identify, readBody(createBodySlots(limits)));
  app.route("/", createChatRoutes(parts));
  app.all("*", (c) => {
    throw new NotFoundError("route", `${c.req.method} ${c.req.path}`);
  });
  return { app, close: parts.close };
}

/** Nothing of it is remembered: how long an answer of the host's sign-in holds is for the host to say. */
function sessionsOf(getUserId: ChatAppOptions["getUserId"]): Sessions {
  return {
    userIdOf: async (headers) => textOf(await getUserId(new Request("http://localhost/", { headers }))),
    forget: () => {},
  };
}

/** @throws unauthenticated */
function textOf(userId: GivenUserId): string {
  if (userId === undefined || userId === null || userId === "") throw new UnauthenticatedError();
  return String(userId);
}

/** What every answer says; and nobody reads the body of an answer to HEAD: a stream of it would stay open. */
const finish = createMiddleware<Env>(async (c, next) => {
  await next();
  c.res.headers.set("x-request-id", c.get("requestId"));
  c.res.headers.set("x-content-type-options", "nosniff");
  if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  if (c.req.method === "HEAD") await c.res.body?.cancel();
});

/** A cookie travels with requests that another site makes; such a request changes nothing. */
function refuseOtherSites(origins: readonly string[]) {
  return createMiddleware(async (c, next) => {
    const changes = !["GET", "HEAD", "OPTIONS"].includes(c.req.method);
    if (changes && !isOwn(c) && !origins.includes(c.req.header("origin") ?? "")) {
      const from = c.req.header("origin")?.slice(0, 100) ?? "another site";
      throw new ForbiddenError(`Requests from ${from} are refused: name it in the origins of createChatApp.`);
    }
    await next();
  });
}

/** As browsers say it, or, where they are too old for that, by the host; other programs say neither. */
function isOwn(c: Context): boolean {
  const [origin, site] = [c.req.header("origin"), c.req.header("sec-fetch-site")];
  if (site !== undefined) return site === "same-origin" || site === "none";
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === c.req.header("host"));
}
