/** @chatkeep/server: the application on chatkeep, for programs that mount it in a process of their own. */
export { type App, type AppOptions, createApp } from "./app.ts";
export { createModel } from "./assistant/model.ts";
export { createOfflineModel } from "./assistant/offline.ts";
export { type Auth, type AuthOptions, createAuth } from "./auth.ts";
export type { SignUp } from "./auth-guards.ts";
export { type ChatApp, type ChatAppOptions, createChatApp } from "./chat-app.ts";
export type { ReplyOptions } from "./chat-parts.ts";
export { type Config, readConfig } from "./config.ts";
export { defaultLimits, type Limits, type Quotas } from "./limits.ts";
export { createLog, type Log } from "./log.ts";
export type { Mailer } from "./mail.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export { migrations } from "./migrations.generated.ts";
export { partsOf } from "./parts-of.ts";
