/** The HTTP application: what every request passes through, then the routes in reading order. It keeps nothing between requests. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Database, ForbiddenError, NotFoundError, type Store, TooLargeError } from "chatkeep";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import { type Auth, trustedOrigins } from "./auth.ts";
import { respondWithError } from "./error-response.ts";
import { createDoorbell, type DoorbellOptions } from "./live/doorbell.ts";
import { createEvents, type Events } from "./live/events.ts";
import { createHousework, type Housework } from "./live/housework.ts";
import type { Log } from "./log.ts";
import { migrations } from "./migrations.generated.ts";
import { createReplies, type Replies } from "./reply/run.ts";
import { handleAuth } from "./routes/auth.ts";
import { chatRoutes } from "./routes/chat.ts";
import { conversationRoutes } from "./routes/conversations.ts";
import { describeApi, docsRoutes } from "./routes/docs.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { messageRoutes } from "./routes/messages.ts";
import { createRouter, type Env } from "./routes/router.ts";
import { taskRoutes } from "./routes/tasks.ts";
import { transferRoutes } from "./routes/transfer.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import { webRoutes } from "./web.ts";

export interface AppOptions extends Pick<DoorbellOptions, "listen" | "isAlone"> {
  db: Database;
  /** Made with `partsOf`, so that it can keep the words of a reply whose server died. */
  store: Store;
  auth: Auth;
  model: LanguageModelV4;
  log: Log;
  /** The public address. */
  url: string;
  trustProxy?: boolean;
}

/** Bytes of a body: before sign-in, of messages (one of 16 MiB with its JSON escapes fits), of everything else. */
const bodyBytes = { auth: 64 * 1024, messages: 40 * 1024 * 1024, other: 1024 * 1024 };

export type App = ReturnType<typeof createApi>;

/** Makes the application and what must be closed before its process ends: the replies that it is writing, and who listens. */
export function createApp(options: AppOptions) {
  const { db, store, auth, log, url, model, listen, isAlone, trustProxy = false } = options;
  const server = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const doorbell = createDoorbell({ db, log, listen, isAlone });
  const housework = createHousework({ store, doorbell, log });
  const replies = createReplies({ store, db, model, log, doorbell, housework, server });
  const events = createEvents({ store, doorbell, log });
  const close = async (graceMs: number) => {
    await Promise.all([events.close(), housework.close()]);
    await replies.close(graceMs);
    await doorbell.close();
  };
  const origins = trustedOrigins(url);
  const sessions = createSessions({ auth, db, url });
  const app = createRouter();

  app.onError((error, c) => respondWithError(error, c, log));
  app.use(requestId(), logRequests(log), refuseOtherSites(origins), protect(url));
  app.use("/api/*", limitBody());
  app.on(["GET", "POST"], "/api/auth/*", (c) => handleAuth(auth, sessions, c, clientAddress(c, trustProxy)));
  app.use("/api/*", identify(sessions, housework));

  const api = createApi(app, { db, store, replies, events });
  const document = describeApi(api, "0.1.0");
  app.get("/openapi.json", (c) => c.json(document));
  app.route("/docs", docsRoutes());
  app.all("/api/*", (c) => {
    throw new NotFoundError("route", `${c.req.method} ${c.req.path}`);
  });
  app.route("/", webRoutes());
  return { app: api, close };
}

interface ApiOptions {
  db: Database;
  store: Store;
  replies: Replies;
  events: Events;
}

function createApi(app: ReturnType<typeof createRouter>, { db, store, replies, events }: ApiOptions) {
  return app
    .route("/", healthRoutes(db, migrations))
    .route("/api", conversationRoutes(store, events))
    .route("/api", messageRoutes(store, events))
    .route("/api", chatRoutes(replies))
    .route("/api", eventRoutes(events))
    .route("/api", taskRoutes(db))
    .route("/api", transferRoutes(db, store));
}

function identify(sessions: Sessions, housework: Housework) {
  return createMiddleware<Env>(async (c, next) => {
    c.set("userId", await sessions.userIdOf(c.req.raw.headers));
    c.header("cache-control", "no-store");
    housework.touch();
    await next();
  });
}

/** A cookie travels with requests that another site makes; such a request changes nothing. */
function refuseOtherSites(origins: readonly string[]) {
  return createMiddleware(async (c, next) => {
    const origin = c.req.header("origin");
    const changes = !["GET", "HEAD", "OPTIONS"].includes(c.req.method);
    if (changes && origin && !origins.includes(origin)) {
      throw new ForbiddenError(
        `Requests from ${origin} are refused: set CHATKEEP_URL to the address that people open.`,
      );
    }
    await next();
  });
}

function logRequests(log: Log) {
  return createMiddleware<Env>(async (c, next) => {
    const start = performance.now();
    await next();
    const ms = Math.round(performance.now() - start);
    const isCheck = c.req.path === "/healthz" || c.req.path === "/readyz";
    log[isCheck ? "debug" : "info"](
      {
        requestId: c.get("requestId"),
        userId: c.get("userId"),
        method: c.req.method,
        path: c.req.path,
        status: c.res.status,
        ms,
      },
      "request",
    );
  });
}

function limitBody() {
  const limitOf = (maxSize: number) => {
    const onError = () => {
      const sentence = `The body is too large: the limit here is ${maxSize} bytes. Send less at once.`;
      throw new TooLargeError(sentence, { details: { limit: maxSize } });
    };
    return { maxSize, onError, counting: bodyLimit({ maxSize, onError }) };
  };
  const [auth, messages, other] = [limitOf(bodyBytes.auth), limitOf(bodyBytes.messages), limitOf(bodyBytes.other)];
  const limitAt = (path: string) => {
    if (path.startsWith("/api/auth/")) return auth;
    return /\/(messages|chat|conversations|import)$/.test(path) ? messages : other;
  };
  return createMiddleware((c, next) => {
    const { maxSize, onError, counting } = limitAt(c.req.path);
    const length = c.req.header("content-length");
    const isChunked = c.req.header("transfer-encoding") !== undefined;
    // Node takes no more than was announced. Where nothing was, the bytes are counted, for which the body becomes a stream.
    if (isChunked || (length === undefined && !["GET", "HEAD"].includes(c.req.method))) return counting(c, next);
    return Number(length ?? 0) > maxSize ? onError() : next();
  });
}

/** A page may load only what is ours. What is no page is told to load nothing, which needs fewer words. */
function protect(url: string) {
  const pages = secureHeaders(headers(url));
  return createMiddleware<Env>(async (c, next) => {
    if (!c.req.path.startsWith("/api/")) return await pages(c, next);
    c.header("x-content-type-options", "nosniff");
    c.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    if (url.startsWith("https:")) c.header("strict-transport-security", transportSecurity);
    await next();
  });
}

const transportSecurity = "max-age=31536000";

function headers(url: string) {
  const self = ["'self'"];
  const options: NonNullable<Parameters<typeof secureHeaders>[0]> = {
    strictTransportSecurity: url.startsWith("https:") ? transportSecurity : false,
    contentSecurityPolicy: {
      defaultSrc: self,
      scriptSrc: self,
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", "data:", "blob:"],
      connectSrc: self,
      fontSrc: ["'self'", "data:"],
      objectSrc: ["'none'"],
      baseUri: self,
      formAction: self,
      frameAncestors: ["'none'"],
    },
    referrerPolicy: "same-origin",
    crossOriginOpenerPolicy: "same-origin",
  };
  return options;
}

/** Of whoever holds the other end of the connection, or whom our own proxy saw there. */
function clientAddress(c: Context, trustProxy: boolean): string | undefined {
  const forwarded = trustProxy ? c.req.header("x-forwarded-for")?.split(",").at(-1)?.trim() : undefined;
  if (forwarded) return forwarded;
  return c.env?.incoming ? getConnInfo(c).remote.address : undefined;
}
