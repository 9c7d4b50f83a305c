/** chatkeep/replies: the life of a streamed reply, stored, followed, stopped and recovered in the database, whatever makes it and whoever carries it. */

export { type Codec, partsOf } from "./codec.ts";
export type { Failure } from "./failure.ts";
export type { Ending, Feed, Subscription } from "./feeds.ts";
export type { EndedReply, Generate } from "./generate.ts";
export type { HistoryOptions } from "./history.ts";
export type { Logger } from "./logger.ts";
export type { ReplyNotifier } from "./notifier.ts";
export type { Question } from "./question.ts";
export {
  type AskOptions,
  type Continuation,
  createReplies,
  type Draft,
  type Quotas,
  type Replies,
  type RepliesOptions,
  type UserReplies,
} from "./replies.ts";
export type { EventId, Reply, ReplyEvent } from "./reply.ts";
export type { ReplyFacts, Turn } from "./turn.ts";
