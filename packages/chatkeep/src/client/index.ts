/** chatkeep/client: a typed client of a chatkeep server, for browsers and Node. */

export { type ModelFailureCode, modelFailureCodeOf } from "../model-failures.ts";
export type {
  BranchMessage,
  Conversation,
  ConversationChange,
  ErasureReceipt,
  ErrorCode,
  FileImportReport,
  FoundTitle,
  ImportReport,
  LiveEvent,
  Message,
  NewConversation,
  NewMessage,
  Page,
  Part,
  QuotaUse,
  SearchHit,
  SearchPage,
  StoredFile,
  TrashedConversation,
  UsageSum,
} from "../wire.ts";
export { ApiError, errorOf } from "./api-error.ts";
export type { ChatClient, FollowOptions, Question } from "./chat.ts";
export { type Client, createClient } from "./client.ts";
export type { ConversationFileFormat, ConversationListOptions, ConversationsClient } from "./conversations.ts";
export type { EventsClient, EventsState, SubscribeOptions } from "./events.ts";
export type { FileListOptions, FilesClient, SendFileOptions } from "./files.ts";
export type { ImportFileOptions } from "./import-file.ts";
export type { AppendOptions, BranchOptions, MessageListOptions, MessagesClient } from "./messages.ts";
export type { Reply, ReplyEvent } from "./reply.ts";
export type { ClientOptions, RequestOptions, SendOptions } from "./request.ts";
export type { SearchClient, SearchQuery } from "./search.ts";
export type { TrashClient, TrashListOptions } from "./trash.ts";
export type { UsageClient, UsageQuery } from "./usage.ts";
