/** The routes of assistant-ui's cloud: `new AssistantCloud({ baseUrl, … })` with `baseUrl` where `/v1` is. */
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import { ForbiddenError, InvalidInputError } from "../../errors.ts";
import type { UserId } from "../../store/tables/tables.ts";
import { createProtocolApp, type ProtocolEnv, type ProtocolHandler, type ProtocolOptions } from "../frame/http.ts";
import { errors } from "./errors.ts";
import { heartbeatIntervalMs } from "./leases.ts";
import { asJson, listMessages } from "./message-list.ts";
import {
  beat,
  changeMessage,
  createMessage,
  deleteMessages,
  endLease,
  rateMessage,
  scoreMessage,
  type Thread,
} from "./messages.ts";
import {
  deletedMessagesSchema,
  feedbackSchema,
  messageChangesSchema,
  messageListSchema,
  newMessageSchema,
  newThreadSchema,
  runEndSchema,
  scoreSchema,
  telemetrySchema,
  threadChangesSchema,
  threadListSchema,
  titleRequestSchema,
  tokenSchema,
} from "./schemas.ts";
import { changeThread, createThread, listThreads, threadOf } from "./threads.ts";
import { firstTitle, type GenerateTitle, keepTitle } from "./titles.ts";
import type { AnonymousTokens, TokenPair } from "./tokens.ts";

export type { GenerateTitle, TitleRequest } from "./titles.ts";

/** What clients tell of themselves: a report of a run, or what people did in the application. */
export type TelemetryKind = "run" | "events";

/** What of a host the handler needs. */
export interface AssistantCloudHandlerOptions extends ProtocolOptions {
  /** For people who begin without an account; refused with 403 when left out. */
  tokens?: AnonymousTokens | undefined;
  /** Makes the title of a thread that has had its first answer; the first question, shortened, when left out. */
  generateTitle?: GenerateTitle | undefined;
  /** Given what clients tell of themselves; it is accepted and kept nowhere when left out. */
  onTelemetry?:
    | ((userId: UserId, kind: TelemetryKind, report: Record<string, unknown>) => void | Promise<void>)
    | undefined;
}

type Routed = Context<ProtocolEnv>;

/** Makes the handler: to be called with requests of `<basePath>/threads`, `/runs`, `/auth/tokens`, `/events`, `/scores` and below. */
export function assistantCloudHandler(options: AssistantCloudHandlerOptions): ProtocolHandler {
  const { app, handler } = createProtocolApp({ ...options, errors, isPublic });
  const now = options.store.system.now;
  app.use("*", async (c, next) => {
    requireSameUser(c);
    await next();
  });
  addTokens(app, options.tokens);
  addThreads(app);
  addMessages(app, now);
  addLeases(app, now);
  addRuns(app, options, now);
  return handler;
}

type Routes = ReturnType<typeof createProtocolApp>["app"];

const publicRoutes = /\/auth\/tokens\/(?:anonymous|refresh)$/;

function isPublic({ method, url }: Request): boolean {
  return method === "POST" && publicRoutes.test(new URL(url).pathname);
}

/** A key is one user's: whoever names another one would find everybody's threads in one place. @throws forbidden */
function requireSameUser(c: Routed): void {
  const named = c.req.header("aui-user-id");
  const userId = c.get("userId");
  if (named !== undefined && userId !== undefined && named !== String(userId)) {
    throw new ForbiddenError("This key is another user's than Aui-User-Id says: show a token of that user's own.");
  }
}

function addTokens(app: Routes, tokens: AnonymousTokens | undefined): void {
  const required = () => {
    if (!tokens) throw new ForbiddenError("Nobody begins without an account here: sign in, and give authToken.");
    return tokens;
  };
  app.post("/auth/tokens/anonymous", async (c) => c.json(pairOf(await required().create())));
  app.post("/auth/tokens/refresh", async (c) => {
    const anonymous = required();
    const { refresh_token } = await c.get("json")(tokenSchema);
    return c.json(pairOf(await anonymous.refresh(refresh_token)));
  });
  app.post("/auth/tokens", () => {
    throw new ForbiddenError("Tokens are made by the sign-in of this server: give the user's own as authToken.");
  });
  app.post("/threads/claim", async (c) => {
    const anonymous = required();
    const { refresh_token } = await c.get("json")(tokenSchema);
    return c.json({ moved: (await anonymous.claim(refresh_token, String(c.get("userId")))).moved });
  });
}

function pairOf({ accessToken, refreshToken: { token, expiresAt } }: TokenPair) {
  return { access_token: accessToken, refresh_token: { token, expires_at: expiresAt } };
}

function addThreads(app: Routes): void {
  app.get("/threads", async (c) => {
    return c.json(await listThreads(c.get("user"), c.get("userId"), c.get("query")(threadListSchema)));
  });
  app.post("/threads", async (c) => {
    const given = await c.get("json")(newThreadSchema);
    await c.get("write")(1);
    return c.json({ thread_id: await createThread(c.get("user"), given) });
  });
  app.get("/threads/:id", async (c) => {
    return c.json({ thread: threadOf(c.get("userId"), await c.get("user").conversations.get(c.req.param("id"))) });
  });
  app.put("/threads/:id", async (c) => {
    const given = await c.get("json")(threadChangesSchema);
    await c.get("write")(1);
    await changeThread(c.get("user"), c.req.param("id"), given);
    return c.body(null, 204);
  });
  app.delete("/threads/:id", async (c) => {
    await c.get("user").conversations.delete(c.req.param("id"));
    return c.body(null, 204);
  });
}

type Now = Thread["now"];

function addMessages(app: Routes, now: Now): void {
  const threadIn = (c: Routed): Thread => ({ user: c.get("user"), id: c.req.param("id") as string, now });
  app.get("/threads/:id/messages", async (c) => {
    const messages = await asJson(listMessages(threadIn(c), c.get("query")(messageListSchema)));
    return c.body(messages, 200, { "content-type": "application/json" });
  });
  app.post("/threads/:id/messages", async (c) => {
    const given = await c.get("json")(newMessageSchema);
    await c.get("write")(1);
    return c.json(await createMessage(threadIn(c), given));
  });
  app.put("/threads/:id/messages/:messageId", async (c) => {
    const { content, lease_id } = await c.get("json")(messageChangesSchema);
    await c.get("write")(1);
    await changeMessage(threadIn(c), c.req.param("messageId"), content, lease_id);
    return c.body(null, 204);
  });
  app.delete("/threads/:id/messages", async (c) => {
    const { message_ids } = await c.get("json")(deletedMessagesSchema);
    await c.get("write")(message_ids.length);
    return c.json({ deleted: await deleteMessages(threadIn(c), message_ids) });
  });
  app.post("/threads/:id/messages/:messageId/feedback", async (c) => {
    const feedback = await c.get("json")(feedbackSchema);
    await c.get("write")(1);
    return c.json(await rateMessage(threadIn(c), c.req.param("messageId"), feedback));
  });
}

function addLeases(app: Routes, now: Now): void {
  const threadIn = (c: Routed): Thread => ({ user: c.get("user"), id: c.req.param("id") as string, now });
  app.post("/threads/:id/runs/:lease/heartbeat", async (c) => {
    await c.get("write")(1);
    await beat(threadIn(c), c.req.param("lease"));
    return c.json({ heartbeat_interval_ms: heartbeatIntervalMs });
  });
  app.post("/threads/:id/runs/:lease/end", async (c) => {
    const { reason } = await c.get("json")(runEndSchema);
    await c.get("write")(1);
    await endLease(threadIn(c), c.req.param("lease"), reason);
    return c.body(null, 204);
  });
}

function addRuns(
  app: Routes,
  { generateTitle = firstTitle, onTelemetry }: AssistantCloudHandlerOptions,
  now: Now,
): void {
  app.post("/runs/stream", async (c) => {
    const { thread_id, messages } = await c.get("json")(titleRequestSchema);
    await c.get("write")(1);
    const request = { userId: c.get("userId"), threadId: thread_id, messages, signal: c.req.raw.signal };
    return c.text(await keepTitle(c.get("user"), request, generateTitle));
  });
  app.post("/runs", async (c) => {
    await onTelemetry?.(c.get("userId"), "run", await c.get("json")(telemetrySchema));
    return c.json({ run_id: randomUUID() });
  });
  app.post("/events", async (c) => {
    await onTelemetry?.(c.get("userId"), "events", await c.get("json")(telemetrySchema));
    return c.body(null, 204);
  });
  app.post("/scores", async (c) => {
    const score = await c.get("json")(scoreSchema);
    const { thread_id, message_id, name, data_type, value, string_value = null } = score;
    if (thread_id === undefined || message_id === undefined) {
      throw new InvalidInputError("A score is kept with its message: give thread_id and message_id.");
    }
    await c.get("write")(1);
    const thread = { user: c.get("user"), id: thread_id, now };
    const number = typeof value === "boolean" ? Number(value) : (value ?? null);
    return c.json({
      score_id: await scoreMessage(thread, message_id, score),
      name,
      data_type,
      value: number,
      string_value,
    });
  });
}
