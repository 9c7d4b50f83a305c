/** The HTTP application: what every request passes through, then the routes in reading order. It keeps nothing between requests. */
import { getConnInfo } from "@hono/node-server/conninfo";
import {
  type Connection,
  createNotifier,
  ForbiddenError,
  NotFoundError,
  type Notifier,
  type NotifierOptions,
  type Observer,
  requireMigrated,
  requireWritable,
  type Store,
  uuidSchema,
} from "chatkeep";
import { assistantCloudHandler } from "chatkeep/assistant-ui";
import { mcpHandler } from "chatkeep/mcp";
import { openaiHandler } from "chatkeep/openai";
import type { Context } from "hono";
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { requestId } from "hono/request-id";
import { routePath } from "hono/route";
import { type ConnectedModel, createConnectedModel } from "./assistant/connected-model.ts";
import { createAssistant } from "./assistant/generate.ts";
import type { AnsweringModel } from "./assistant/model.ts";
import { failureOf } from "./assistant/model-errors.ts";
import { createModels, type Models } from "./assistant/models.ts";
import { createTitles } from "./assistant/titles.ts";
import { type Auth, trustedOrigins } from "./auth.ts";
import { type ChatParts, createChatParts, createChatRoutes } from "./chat-parts.ts";
import type { Database } from "./database.ts";
import { respondWithError } from "./error-response.ts";
import { createCleaning } from "./expired-rows.ts";
import { keyIn } from "./keys.ts";
import { createBeginnings, createRows, defaultLimits, type Limits, type Quotas } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { migrations } from "./migrations.generated.ts";
import { observeRequests } from "./observe-requests.ts";
import { readPreferences } from "./preferences.ts";
import { projectInstructions } from "./projects.ts";
import { protect } from "./protect.ts";
import { createBodySlots, openBodies, readBody, readSmallBody } from "./request-body.ts";
import type { Retention } from "./retention.ts";
import { adminRoutes } from "./routes/admin.ts";
import { adminModelRoutes } from "./routes/admin-model.ts";
import { handleAuth } from "./routes/auth.ts";
import { describeApi, docsRoutes } from "./routes/docs.ts";
import { feedbackRoutes } from "./routes/feedback.ts";
import { healthRoutes } from "./routes/health.ts";
import { keyRoutes } from "./routes/keys.ts";
import { type MetricsOptions, metricsRoutes } from "./routes/metrics.ts";
import { modelRoutes } from "./routes/models.ts";
import { preferenceRoutes } from "./routes/preferences.ts";
import { projectRoutes } from "./routes/projects.ts";
import { createRouter, type Env } from "./routes/router.ts";
import { settingsRoutes } from "./routes/settings.ts";
import { sharedPageRoutes, shareRoutes } from "./routes/shares.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { tagRoutes } from "./routes/tags.ts";
import { taskRoutes } from "./routes/tasks.ts";
import { transferRoutes } from "./routes/transfer.ts";
import { createSessions, type OwnSessions, type Sessions } from "./sessions.ts";
import { webRoutes } from "./web.ts";

/** What the application stands on. */
export interface AppOptions extends Pick<NotifierOptions, "listen" | "isAlone"> {
  connection: Connection;
  /** On the same connection, for the tables that are this server's own. */
  db: Database;
  /** Made with `partsOf`, so that it can keep the words of a reply whose server died. */
  store: Store;
  auth: Auth;
  model: AnsweringModel;
  /** What conversations may name in its place, by their `modelId`. */
  models?: readonly AnsweringModel[] | undefined;
  /** Whether the model names conversations after their first answer; not when left out. */
  titles?: boolean | undefined;
  /** The server's secret, where administrators may connect a model in place of `model`; they may not when left out. */
  modelSecret?: string | undefined;
  log: Log;
  /** The public address. */
  url: string;
  /** Other origins whose pages may ask `/v1`, with a token; none when left out. */
  corsOrigins?: readonly string[] | undefined;
  trustProxy?: boolean;
  /** Anonymous users without a sign of them for so many days are removed; nobody is when left out. */
  anonymousDays?: number | undefined;
  /** Users may make links by which anybody reads a conversation; on when left out. */
  sharing?: boolean | undefined;
  /** Conversations without a change for so many days are removed; none is when left out. */
  retention?: Retention | undefined;
  /** What one user may take of this server at once; what is left out is as in `defaultLimits`. */
  limits?: Partial<Limits> | undefined;
  /** What each user may take of models and of the database, or a function that says it of one user; no quotas when left out. */
  quotas?: Quotas | undefined;
  /** Is told of each request and each reply; give it to the store too, for verbs and statements. */
  observer?: Observer | undefined;
  /** What `/metrics` says, and to whom; there is no such route when left out. Its observer is one of `observer`. */
  metrics?: MetricsOptions | undefined;
}

/** The application's type, with its routes. */
export type App = ReturnType<typeof createApi>;

/** Makes the application and what must be closed before its process ends: the replies that it is writing, and who listens. */
export function createApp(options: AppOptions) {
  const { connection, db, store, auth, log, url, model, listen, isAlone, anonymousDays, trustProxy = false } = options;
  const { corsOrigins = [], observer, metrics, sharing = true } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const notifier = createNotifier({ connection, log, isAlone, ...(listen && { listen }) });
  auth.onChange?.(notifier.publish);
  const sessions = createSessions(auth);
  const rows = createRows(limits.rowsPerHour);
  const bodies = createBodySlots(limits);
  const models = createModels(model, options.models ?? [], log);
  const connectedModel =
    options.modelSecret === undefined
      ? undefined
      : createConnectedModel({ db, secret: options.modelSecret, models, log, isAlone: isAlone === true });
  const titles = options.titles ? createTitles({ store, models, quotas: options.quotas, log }) : undefined;
  const parts = createChatParts({
    store,
    notifier,
    sessions,
    log,
    limits,
    rows,
    quotas: options.quotas,
    observer,
    model: () => models.usual,
    historyTokens: (name) => models.find(name)?.historyTokens,
    instructionsFor: async (userId, conversationId) => {
      const told = [
        readPreferences(db, String(userId)).then(({ instructions }) => instructions),
        projectInstructions(db, store, userId, conversationId),
      ];
      return (await Promise.all(told)).filter(Boolean).join("\n\n") || null;
    },
    generate: createAssistant({ db, models, log, rows }),
    failureOf,
    onEnded: titles?.onEnded,
    removeExpired: createCleaning({ db, store, retention: options.retention, anonymousDays }),
  });
  const close = async (graceMs: number) => {
    await parts.close(graceMs);
    await titles?.close();
    connectedModel?.stop();
    await notifier.close();
  };
  const origins = trustedOrigins(url);
  const app = createRouter();

  app.onError((error, c) => respondWithError(error, c, log));
  if (observer) app.use(observeRequests(observer));
  app.use(requestId(), logRequests(log), protect(url));
  app.route("/", metricsRoutes(metrics));
  watch(metrics?.metrics, { parts, notifier });
  app.use("/v1/*", cors(corsOf(corsOrigins)));
  app.use(refuseOtherSites(origins, corsOrigins), limitKeys(sessions));
  app.use("/api/auth/*", readSmallBody());
  app.on(["GET", "POST"], "/api/auth/*", (c) =>
    handleAuth({ auth, sessions, notifier }, c, clientAddress(c, trustProxy)),
  );
  app.route(
    "/api",
    signInRoutes({
      anonymous: auth.anonymous !== undefined,
      signUp: auth.signUp === undefined || auth.signUp === "open",
      invitations: auth.signUp === "invited",
      mail: auth.mailer !== undefined,
      oidc: auth.oidcName ?? null,
      passkeys: auth.passkeyDomain ?? null,
      sharing,
    }),
  );
  app.use("/api/*", identify(sessions, parts.replies), readBody(bodies));

  const mcp = mcpHandler({ store, url, logger: log, getUserId: ({ headers }) => bearerOf(sessions, headers) });
  app.all("/mcp", (c) => {
    parts.replies.markActive();
    return mcp(c.req.raw);
  });

  const openai = openaiHandler({
    store,
    logger: log,
    getUserId: ({ headers }) => bearerOf(sessions, headers),
    beforeWrite: (userId, count) => rows.take(String(userId), count),
    openBody: openBodies(bodies),
    answers: {
      replies: parts.replies,
      generate: parts.generate,
      get model() {
        return models.usual;
      },
      openStream: (userId, request) => parts.streams.open(String(userId), request.headers),
    },
  });
  for (const path of ["/v1/conversations/*", "/v1/responses/*"]) {
    app.all(path, (c) => {
      parts.replies.markActive();
      return openai(c.req.raw);
    });
  }

  const assistantCloud = assistantCloudHandler({
    store,
    logger: log,
    getUserId: ({ headers }) => bearerOf(sessions, headers),
    beforeWrite: (userId, count) => rows.take(String(userId), count),
    openBody: openBodies(bodies),
    tokens: auth.anonymous,
  });
  const beginnings = createBeginnings();
  app.post("/v1/auth/tokens/anonymous", async (c, next) => {
    if (auth.anonymous) await beginnings.take(clientAddress(c, trustProxy));
    await next();
  });
  for (const path of ["/v1/threads/*", "/v1/auth/tokens/*", "/v1/runs/*", "/v1/events", "/v1/scores"]) {
    app.all(path, (c) => {
      parts.replies.markActive();
      return assistantCloud(c.req.raw);
    });
  }

  const api = createApi(app, {
    connection,
    db,
    notifier,
    parts,
    models,
    log,
    sharing,
    url,
    auth,
    isAlone,
    connectedModel,
  });
  const document = describeApi(api, "0.1.0");
  app.get("/openapi.json", (c) => c.json(document));
  app.route("/docs", docsRoutes());
  app.all("/api/*", (c) => {
    throw new NotFoundError("route", `${c.req.method} ${c.req.path}`);
  });
  if (sharing) app.route("/", sharedPageRoutes({ db, store }));
  app.route("/", webRoutes());
  app.notFound((c) => respondWithError(new NotFoundError("route", `${c.req.method} ${c.req.path}`), c, log));
  return { app: api, close, start: async () => await connectedModel?.start() };
}

function watch(metrics: Metrics | undefined, { parts, notifier }: { parts: ChatParts; notifier: Notifier }): void {
  metrics?.gauge("chatkeep_open_streams", "Open pages and followed replies.", "kind", () => ({
    all: parts.streams.count(),
  }));
  metrics?.counter("chatkeep_notifications_total", "Changes told to other processes, and heard of.", "way", () =>
    notifier.counts(),
  );
}

interface ApiOptions {
  sharing: boolean;
  url: string;
  connection: Connection;
  db: Database;
  notifier: Pick<Notifier, "publish">;
  parts: ChatParts;
  models: Models;
  log: Log;
  auth: Auth;
  isAlone: boolean | undefined;
  connectedModel: ConnectedModel | undefined;
}

function createApi(app: ReturnType<typeof createRouter>, options: ApiOptions) {
  const { connection, db, notifier, parts, models, log, sharing, url, auth, isAlone = false, connectedModel } = options;
  const { store, rows, limits } = parts;
  const requireReady = async () => {
    await requireMigrated(connection, migrations);
    await requireWritable(connection);
  };
  return app
    .route("/", healthRoutes(requireReady))
    .route("/api", createChatRoutes(parts))
    .route("/api", modelRoutes(models))
    .route("/api", preferenceRoutes(db))
    .route("/api", keyRoutes(db, notifier))
    .route("/api", feedbackRoutes({ db, store, rows }))
    .route("/api", settingsRoutes(store))
    .route("/api", tagRoutes(db, store))
    .route("/api", projectRoutes({ db, store, rows }))
    .route("/api", sharing ? shareRoutes({ db, store, rows, url }) : createRouter())
    .route("/api", adminRoutes({ connection, db, store, auth, url, isAlone, log, publish: notifier.publish }))
    .route("/api", adminModelRoutes(connectedModel))
    .route("/api", taskRoutes(db, rows, store.lanes))
    .route("/api", transferRoutes(db, store, { rows, transfersPerUser: limits.transfersPerUser, log }));
}

/** Programs show a token; a cookie would let any page ask. */
async function bearerOf(sessions: Sessions, headers: Headers): Promise<string | undefined> {
  return headers.has("authorization") ? await sessions.userIdOf(headers) : undefined;
}

function identify(sessions: Sessions, replies: Pick<ChatParts["replies"], "markActive">) {
  return createMiddleware<Env>(async (c, next) => {
    c.set("userId", await sessions.userIdOf(c.req.raw.headers));
    replies.markActive();
    await next();
  });
}

/** Where people manage who they are, which no program does for them. */
const ofPeople = /^\/api\/(?:auth|keys|admin)(?:\/|$)/;

/** Where every method only reads: MCP asks with POST, and none of its tools changes anything. */
const isReading = new Set(["/mcp"]);

/** An API key does not manage the account, and a read-only one changes nothing, at whichever address. */
function limitKeys(sessions: Pick<OwnSessions, "identityOf">) {
  return createMiddleware(async (c, next) => {
    const { headers } = c.req.raw;
    if (keyIn(headers) !== undefined) {
      if (ofPeople.test(c.req.path)) {
        throw new ForbiddenError("An API key cannot manage the account, sign-in or keys: sign in for that.");
      }
      const reads = ["GET", "HEAD", "OPTIONS"].includes(c.req.method) || isReading.has(c.req.path);
      if (!reads && (await sessions.identityOf(headers)).key?.isReadOnly) {
        throw new ForbiddenError("This API key may only read: make one that may write too.");
      }
    }
    await next();
  });
}

/** No cookie goes along: whoever asks shows a token. */
function corsOf(origins: readonly string[]): Parameters<typeof cors>[0] {
  return {
    origin: [...origins],
    allowMethods: ["GET", "POST", "PUT", "DELETE"],
    exposeHeaders: ["x-request-id", "retry-after"],
    maxAge: 600,
  };
}

/** A cookie travels with requests that another site makes; such a request changes nothing. */
function refuseOtherSites(origins: readonly string[], corsOrigins: readonly string[]) {
  return createMiddleware(async (c, next) => {
    const changes = !["GET", "HEAD", "OPTIONS"].includes(c.req.method);
    const [origin, site] = [c.req.header("origin"), c.req.header("sec-fetch-site")];
    const isAllowed = origin !== undefined && c.req.path.startsWith("/v1/") && corsOrigins.includes(origin);
    const isOurs = isAllowed || (origin === undefined ? isOwnSite(site) : origins.includes(origin));
    if (changes && !isOurs) {
      const from = origin === undefined ? "another site" : origin.slice(0, 100);
      throw new ForbiddenError(`Requests from ${from} are refused: set CHATKEEP_URL to the address that people open.`);
    }
    await next();
  });
}

/** As browsers say it, who leave it out of no request; other programs do. @see https://www.w3.org/TR/fetch-metadata/ */
function isOwnSite(site: string | undefined): boolean {
  return site === undefined || site === "same-origin" || site === "none";
}

/** The pattern of the path, with the ids in it that are UUIDs: a client may name a chat by any words. */
function pathOf(c: Context<Env>): string {
  return routePath(c).replaceAll(/:(\w{1,40})/g, (part: string, name: string) => {
    const id = uuidSchema.safeParse(c.req.param(name));
    return id.success ? id.data : part;
  });
}

function logRequests(log: Log) {
  return createMiddleware<Env>(async (c, next) => {
    const start = performance.now();
    await next();
    const ms = Math.round(performance.now() - start);
    const isCheck = ["/healthz", "/readyz", "/metrics"].includes(c.req.path);
    log[isCheck ? "debug" : "info"](
      {
        requestId: c.get("requestId"),
        userId: c.get("userId"),
        method: c.req.method,
        path: pathOf(c),
        status: c.res.status,
        ms,
      },
      "request",
    );
  });
}

/** Of whoever holds the other end of the connection, or whom our own proxy saw there. */
function clientAddress(c: Context, trustProxy: boolean): string | undefined {
  const forwarded = trustProxy ? c.req.header("x-forwarded-for")?.split(",").at(-1)?.trim() : undefined;
  if (forwarded) return forwarded;
  return c.env?.incoming ? getConnInfo(c).remote.address : undefined;
}
