/** chatkeep: conversations and messages of AI chatbots, kept in PostgreSQL. */

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
  statusOf,
  TooLargeError,
  UnauthenticatedError,
  UnavailableError,
} from "./errors.ts";
export { limits } from "./limits.ts";
export {
  createNotifier,
  type Notification,
  type Notifier,
  type NotifierLog,
  type NotifierOptions,
  type Subscriber,
} from "./notify/notifier.ts";
export {
  type Observation,
  type Observed,
  type Observer,
  type Outcome,
  observers,
  type RunOutcome,
} from "./observer.ts";
export type {
  ClosableConnection,
  Connection,
  Listen,
  ListenHandlers,
  Listening,
  Query,
  TransactionOptions,
  Value,
} from "./sql/connection.ts";
export { DatabaseError } from "./sql/driver-error.ts";
export type { Change } from "./store/changes.ts";
export type { PartsOf } from "./store/context.ts";
export type { ErasureReceipt, TableName } from "./store/conversations/erase.ts";
export type { ConversationKey, LiveConversation } from "./store/conversations/live.ts";
export type { RetainedConversations, RetentionOptions } from "./store/conversations/retention.ts";
export type { TrashedConversation, TrashPageOptions } from "./store/conversations/trash.ts";
export { distributeTables, isDistributed } from "./store/distributed.ts";
export type { NewFile } from "./store/files/put.ts";
export type { FilePageOptions, FileRange } from "./store/files/read.ts";
export type { RestoredFile } from "./store/files/restore.ts";
export type { FileStorage } from "./store/files/storage.ts";
export type { ImportResult } from "./store/import.ts";
export type { ImportedConversation } from "./store/import-schemas.ts";
export type { BranchMessage } from "./store/messages/branch.ts";
export type { Page } from "./store/messages/page.ts";
export type { UpdateOptions } from "./store/messages/update.ts";
export { type MigrateOptions, migrate } from "./store/migrate.ts";
export type { Migration } from "./store/migration.ts";
export {
  type MigrationScriptOptions,
  migrationScript,
  type PlannedMigration,
  planMigrations,
} from "./store/migration-plan.ts";
export { type MigrationStatus, migrationStatus, requireMigrated, requireWritable } from "./store/migration-record.ts";
export type { RestoredConversation } from "./store/restore.ts";
export {
  asOperator,
  disableRowLevelSecurity,
  enableRowLevelSecurity,
  hasRowLevelSecurity,
} from "./store/row-level-security.ts";
export type { Beginning } from "./store/runs/begin.ts";
export type { Begun } from "./store/runs/begin-statement.ts";
export type { RunEnd } from "./store/runs/end.ts";
export type { InterruptedRun } from "./store/runs/expire.ts";
export type { Heartbeat, LiveRun, RunNews, RunPosition } from "./store/runs/heartbeat.ts";
export { runLeaseMs } from "./store/runs/lease.ts";
export {
  type ConversationChanges,
  flagSchema,
  idSchema,
  limitSchema,
  type MessageChanges,
  messageLimitSchema,
  messageStatusSchema,
  type NewConversation,
  type NewMessage,
  type NewReply,
  type NewRun,
  newConversationSchema,
  newMessageSchema,
  newMessagesSchema,
  partSchema,
  roleSchema,
  type SavedMessage,
  searchSchema,
  seqSchema,
  titleSchema,
  uuidSchema,
} from "./store/schemas.ts";
export type { IndexedMessages, IndexMessagesOptions } from "./store/search/index-messages.ts";
export type { SearchHit, SearchPage } from "./store/search/search.ts";
export type { SearchOptions } from "./store/search/search-schemas.ts";
export type { Snippet } from "./store/search/snippet.ts";
export { type SearchField, searchFields } from "./store/search/texts.ts";
export type { FoundTitle } from "./store/search/titles.ts";
export { createStore, type Store, type SystemStore } from "./store/store.ts";
export type { StoreOptions } from "./store/store-input.ts";
export { chatMigrations } from "./store/tables/chat-migrations.ts";
export type { Conversation } from "./store/tables/conversation.ts";
export { fileIdOf, fileUrl, type StoredFile } from "./store/tables/file.ts";
export {
  type FinishReason,
  finishReasons,
  type Message,
  type MessageRole,
  type MessageStatus,
  messageRoles,
  messageStatuses,
  type Part,
} from "./store/tables/message.ts";
export type { ChunkRow, Run, RunKey, RunStatus, TokenCounts } from "./store/tables/run.ts";
export {
  type Attachment,
  type ChatTables,
  type ChatTablesOptions,
  chatTables,
  type UserId,
  type UserTable,
} from "./store/tables/tables.ts";
export type { UsageSums } from "./store/tables/usage.ts";
export { textOf } from "./store/text-of.ts";
export type { Quota } from "./store/usage/quota-schemas.ts";
export type { QuotaUse } from "./store/usage/quotas.ts";
export { type UsageBy, type UsageKind, type UsageOptions, usageKinds } from "./store/usage/usage.ts";
export type { UserStore } from "./store/user-verbs.ts";
