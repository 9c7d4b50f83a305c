/** What conversations, messages, replies and events need beside a store, made together and closed together; and their routes. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { UIMessageChunk } from "ai";
import type { Notifier, Observer, Store } from "chatkeep";
import { aiSdkCodec, type ChatHandler, type ChatHandlerOptions, chatHandler, generateFrom } from "chatkeep/ai-sdk";
import { createReplies, type Generate, type Replies, type RepliesOptions } from "chatkeep/replies";
import { type Answers, createAnswers } from "./answers.ts";
import { createSlots, type Limits, type Quotas, type Rows } from "./limits.ts";
import { createEvents, type Events } from "./live/events.ts";
import { createOpenStreams, type OpenStreams } from "./live/open-streams.ts";
import type { Log } from "./log.ts";
import { chatRoutes } from "./routes/chat.ts";
import { conversationExportRoutes } from "./routes/conversation-export.ts";
import { conversationRoutes } from "./routes/conversations.ts";
import { eventRoutes } from "./routes/events.ts";
import { fileRoutes } from "./routes/files.ts";
import { messageRoutes } from "./routes/messages.ts";
import { createRouter } from "./routes/router.ts";
import { searchRoutes } from "./routes/search.ts";
import { trashRoutes } from "./routes/trash.ts";
import { usageRoutes } from "./routes/usage.ts";
import type { Sessions } from "./sessions.ts";

/** What makes the replies, as `chatHandler` of `chatkeep/ai-sdk` takes it. */
export type ReplyOptions = Pick<
  ChatHandlerOptions,
  "generate" | "model" | "historyTokens" | "instructionsFor" | "failureOf"
>;

export interface ChatPartsOptions extends ReplyOptions {
  store: Store;
  notifier: Notifier;
  sessions: Sessions;
  log: Log;
  limits: Limits;
  rows: Rows;
  /** What each user may take, of models and of the database. */
  quotas?: Quotas | undefined;
  observer?: Observer | undefined;
  removeExpired?: (() => Promise<void>) | undefined;
  onEnded?: RepliesOptions<UIMessageChunk>["onEnded"];
}

export interface ChatParts {
  store: Store;
  replies: Replies<UIMessageChunk>;
  chat: ChatHandler;
  generate: Generate<UIMessageChunk>;
  events: Events;
  streams: OpenStreams;
  rows: Rows;
  answers: Answers;
  limits: Limits;
  quotas: Quotas | undefined;
  /** Lets pages go, and replies end for at most so many milliseconds. The notifier stays open. */
  close(graceMs: number): Promise<void>;
}

export function createChatParts(options: ChatPartsOptions): ChatParts {
  const { store, notifier, sessions, log, limits, rows, quotas, observer, removeExpired, onEnded, ...replyOptions } =
    options;
  const forget = store.onChange(notifier.publish);
  const streams = createOpenStreams({ sessions, notifier, perUser: limits.streamsPerUser });
  const slots = createSlots({
    perUser: limits.repliesPerUser,
    sentence: "replies at once are the limit of one user: wait for one to end.",
  });
  const replies = createReplies({
    store,
    codec: aiSdkCodec,
    notifier,
    server: `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
    logger: log,
    reserve: (userId) => slots.take(String(userId)),
    quotas,
    observer,
    removeExpired,
    onEnded,
  });
  const chat = chatHandler({
    ...replyOptions,
    replies,
    // Who asks is known before it is called, by the same sign-in as everywhere.
    getUserId: () => undefined,
    beforeAsk: (userId) => rows.take(String(userId), 2),
    openStream: (userId, { headers }) => streams.open(String(userId), headers),
    onError: (error) => {
      throw error;
    },
  });
  const events = createEvents({ store, notifier, log });
  return {
    store,
    replies,
    chat,
    generate: generateFrom(replyOptions),
    events,
    streams,
    rows,
    answers: createAnswers(limits),
    limits,
    quotas,
    close: async (graceMs) => {
      streams.close();
      await events.close();
      await replies.close(graceMs);
      forget();
    },
  };
}

/** The routes, without what comes before them: who is asking, and how much of a body is taken. */
export function createChatRoutes({ store, chat, events, streams, rows, answers, limits, quotas }: ChatParts) {
  return createRouter()
    .route("/", conversationRoutes(store, rows))
    .route("/", conversationExportRoutes(store, limits))
    .route("/", trashRoutes(store))
    .route("/", messageRoutes(store, rows, answers))
    .route("/", searchRoutes(store))
    .route("/", usageRoutes(store, quotas))
    .route("/", chatRoutes(chat, answers))
    .route("/", fileRoutes(store, rows, limits))
    .route("/", eventRoutes(events, streams));
}
