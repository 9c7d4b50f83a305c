/** chatkeep: conversations and messages of AI chatbots, kept in PostgreSQL. */
export { encodeCursor, placeOf } from "./cursor.ts";
export { type Change, type Database, inTransaction, type PartsOf } from "./database.ts";
export { DatabaseError, driverError } from "./driver-error.ts";
export {
  ChatkeepError,
  ConflictError,
  type ErrorCode,
  type ErrorDetails,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  RateLimitedError,
  SchemaMismatchError,
  TooLargeError,
  UnauthenticatedError,
  UnavailableError,
} from "./errors.ts";
export { invalidInput, parse } from "./input.ts";
export { createLanes, type Lanes } from "./lanes.ts";
export type { LiveConversation } from "./live.ts";
export type { BranchMessage } from "./messages/branch.ts";
export type { Page } from "./messages/page.ts";
export {
  type MigrateOptions,
  type Migration,
  type MigrationStatus,
  migrate,
  migrationStatus,
  requireMigrated,
  requireWritable,
} from "./migrate.ts";
export {
  type ChatModels,
  type Conversation,
  chatModels,
  type FinishReason,
  finishReasons,
  type Message,
  type MessageRole,
  type MessageStatus,
  messageRoles,
  messageStatuses,
  type Part,
  type Run,
  type RunStatus,
  type UserId,
} from "./models/chat.ts";
export { chatMigrations } from "./models/chat-migrations.ts";
export { limits } from "./models/limits.ts";
export {
  idSchema,
  isStorable,
  limitSchema,
  markSchema,
  messageStatusSchema,
  type NewConversation,
  type NewMessage,
  newConversationSchema,
  newMessageSchema,
  newMessagesSchema,
  partSchema,
  roleSchema,
  searchSchema,
  seqSchema,
  textOf,
  titleSchema,
} from "./models/schemas.ts";
export { type Coalesced, type CoalesceOptions, coalesce } from "./notify/coalesce.ts";
export {
  createNotifier,
  type Notification,
  type Notifier,
  type NotifierLog,
  type NotifierOptions,
  type Subscriber,
} from "./notify/notifier.ts";
export {
  asOperator,
  disableRowLevelSecurity,
  enableRowLevelSecurity,
  hasRowLevelSecurity,
} from "./row-level-security.ts";
export type { Beating, ChunkRow, Pulse, RunNews, RunPlace } from "./runs/chunks.ts";
export { runLeaseMs } from "./runs/lease.ts";
export type { RunEnd, RunKey } from "./runs/run.ts";
export type { InterruptedRun } from "./runs/sweep.ts";
export { translate } from "./sqlstate.ts";
export { createStore, type ServerStore, type Store, type StoreOptions, type UserStore } from "./store.ts";
