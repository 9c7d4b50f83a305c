/** Replies as their users see them: asking, waiting for one's turn, following from anywhere, stopping. Closing a page stops nothing. */
import { UnavailableError } from "../errors.ts";
import type { Observer } from "../observer.ts";
import type { Begun } from "../store/runs/begin-statement.ts";
import type { Proceeding } from "../store/schemas.ts";
import type { Store } from "../store/store.ts";
import type { Message } from "../store/tables/message.ts";
import type { UserId } from "../store/tables/tables.ts";
import type { Quota } from "../store/usage/quota-schemas.ts";
import type { UserStore } from "../store/user-verbs.ts";
import { type Codec, wholeCodec } from "./codec.ts";
import { type Failure, modelFailed } from "./failure.ts";
import { createFeeds } from "./feeds.ts";
import { createGenerator, type EndedReply, type Generate } from "./generate.ts";
import { readEarlier } from "./history.ts";
import { defaultLogger, type Logger } from "./logger.ts";
import { createMaintenance } from "./maintenance.ts";
import { createLocalNotifier, type ReplyNotifier } from "./notifier.ts";
import type { Question } from "./question.ts";
import { positionIn, type Reply, replyOf, storedReply } from "./reply.ts";
import { createTurns } from "./turns.ts";

/** What replies are kept in and made of, and their limits. */
export interface RepliesOptions<Event> {
  /** Made with `partsOf: partsOf(codec)`, so that a reply whose process died keeps its words. */
  store: Store;
  codec: Codec<Event>;
  /** By which processes hear of each other, told of `store.onChange`. Without one, other processes' replies are read every 100 ms. */
  notifier?: ReplyNotifier | undefined;
  /** Keeps the process alive until a reply has ended, where it may be frozen after its response: `waitUntil`, Next.js' `after`. */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /** Hears what goes wrong, as pino does; the console, without what errors carry, when left out. */
  logger?: Logger | undefined;
  /** Names this process in the runs that it begins, for people who read the table; at most 255 characters. */
  server?: string | undefined;
  /** How often what has come is stored and shown, 10 to 500 milliseconds; 100 when left out. */
  flushMs?: number | undefined;
  /** How long a question waits for its turn, in milliseconds; five minutes when left out. */
  maxWaitMs?: number | undefined;
  /**
   * Called before each reply that begins; what it throws is thrown to whoever asks. What it gives is called when that reply has
   * ended. For limits, such as of replies at once.
   */
  reserve?: ((userId: UserId) => () => void) | undefined;
  /**
   * What each user may take, or a function that says it of one: looked at in the statement that begins a reply, before its model is
   * called. A reply that is refused is `rate_limited`, with `details.retryAt`, and nothing of it is stored. No quotas when left out.
   */
  quotas?: Quotas | undefined;
  /** Is told of each reply that is made here, and how it ended. */
  observer?: Observer | undefined;
  /** What a reply shows that failed with an error that nobody reported; `model_failed` when left out. */
  failureOf?: ((error: unknown) => Failure) | undefined;
  /** Called when a reply has ended and is stored, by the process that made it. It must not throw, and nothing waits for it. */
  onEnded?: ((reply: EndedReply) => void) | undefined;
  /** What of your own is to be removed from time to time, every 30 seconds while this process is in use. */
  removeExpired?: (() => Promise<void>) | undefined;
}

/** Quotas of all users, or of each. */
export type Quotas = readonly Quota[] | ((userId: UserId) => readonly Quota[] | Promise<readonly Quota[]>);

/** How a question is asked. */
export interface AskOptions {
  /** Waits while another reply of the conversation is being made, until this is aborted, in place of being refused. */
  wait?: AbortSignal | undefined;
  /** The model's name, for people who read the table; at most 255 characters. */
  model?: string | undefined;
}

/** A reply that is to go on. */
export interface Continuation extends Omit<Proceeding, "server" | "model" | "quotas"> {
  /** The message that it answers, which generators are told as the question. */
  questionId: string;
}

/** What a reply is written into, and what it follows. */
export interface Draft {
  /** An assistant message with the status `streaming`. */
  messageId: string;
  /** The message that it follows, which generators are told as the question; the draft itself where there is none. */
  question: Message;
}

/** Everything that one user can do with replies; another user's conversations are absent. */
export interface UserReplies<Event> {
  /**
   * Stores the question and begins its reply, in one statement, then calls `generate` once, and reads its events to their end,
   * whoever listens. Makes the conversation if there is none. Asked again, a question gives the reply that it has, or that is
   * being made.
   * @throws conflict with `details.runId` while another reply is being made; rate_limited when a quota is used up; what the store,
   * `reserve` and `generate` throw
   */
  ask(question: Question, generate: Generate<Event>, options?: AskOptions): Promise<Reply<Event>>;
  /**
   * Goes on with a reply that has ended, from the parts that it has by now: what its client has done to it, such as the outputs of
   * tools, is for the caller to merge. The events that `generate` gives add to these parts.
   * @throws conflict when it was changed since `revision`, or another reply is being made; what `reserve` and `generate` throw
   */
  proceed(reply: Continuation, generate: Generate<Event>, options?: Pick<AskOptions, "model">): Promise<Reply<Event>>;
  /**
   * Begins a reply in a draft of the caller's, in a conversation that is there: `store` stores the draft and what was said before
   * it, in one transaction with its run. For protocols in which not every reply answers a message of its user.
   * @throws conflict with `details.runId` while another reply is being made; what `store`, `reserve` and `generate` throw
   */
  draft(
    conversationId: string,
    store: (mine: UserStore) => Promise<Draft>,
    generate: Generate<Event>,
    options?: Pick<AskOptions, "model">,
  ): Promise<Reply<Event>>;
  /**
   * The reply that is being made in a conversation, by whichever process, from its beginning; or what comes after the event
   * `after`, also of a reply that has ended within the last five minutes. `undefined` when there is nothing to follow: read the
   * messages. @throws invalid_input when `after` is no id of an event
   */
  follow(conversationId: string, after?: string): Promise<Reply<Event> | undefined>;
  /**
   * A reply by its run, in whichever conversation, from the event with the number `after` on; a negative one counts from its end.
   * `undefined` when there is no such run, or what it streamed is gone, five minutes after its end: read the message.
   * @throws invalid_input
   */
  followRun(runId: string, after?: number): Promise<Reply<Event> | undefined>;
  /**
   * Stops the reply that is being made in a conversation, by whichever process, within a second; what was said stays. `false`
   * when there is none. @throws invalid_input, not_found
   */
  stop(conversationId: string): Promise<boolean>;
}

/** The life of replies in one process: make one at its start, and close it at its end. */
export interface Replies<Event> {
  forUser(userId: UserId): UserReplies<Event>;
  /** The one that these replies are kept in. */
  readonly store: Store;
  readonly logger: Logger;
  /** Says that this process is in use: then it ends the replies of processes that have died. Whoever asks or follows says so too. */
  markActive(): void;
  /** Takes no new questions, lets the replies that are being made end, and interrupts what is left after `graceMs` (25 seconds). */
  close(graceMs?: number): Promise<void>;
}

const defaultMaxWaitMs = 300_000;
const defaultGraceMs = 25_000;

const isClosing = () => new UnavailableError("This server is shutting down: try again.");

/** Makes the life of replies in this process. @throws TypeError when `flushMs` is out of its bounds */
export function createReplies<Event>(options: RepliesOptions<Event>): Replies<Event> {
  const { store, logger = defaultLogger, flushMs, waitUntil, reserve, removeExpired } = options;
  if (flushMs !== undefined && !(flushMs >= 10 && flushMs <= 500)) {
    throw new TypeError(
      "flushMs must be from 10 to 500 milliseconds: it is also how often a reply says that it lives.",
    );
  }
  const codec = wholeCodec(options.codec);
  const local = options.notifier ? undefined : createLocalNotifier(store);
  const notifier = options.notifier ?? (local as ReplyNotifier);
  const server = options.server ?? `replies-${globalThis.crypto.randomUUID().slice(0, 8)}`;
  const maintenance = createMaintenance({ store, logger, removeExpired });
  const feeds = createFeeds({ system: store.system, notifier, logger, onDead: maintenance.sweep });
  const failureOf = options.failureOf ?? (() => modelFailed);
  const generator = createGenerator({
    store,
    codec,
    notifier,
    logger,
    feeds,
    flushMs,
    failureOf,
    observer: options.observer,
    onEnded: options.onEnded,
  });
  const beginning = new Set<Promise<unknown>>();
  const maxWaitMs = options.maxWaitMs ?? defaultMaxWaitMs;
  const inTurn = createTurns({ feeds, maxWaitMs, isClosing: () => closing });
  let closing = false;

  const quotasOf = async (userId: UserId): Promise<Quota[]> => {
    const { quotas = [] } = options;
    return [...(typeof quotas === "function" ? await quotas(userId) : quotas)];
  };

  const mayBegin = () => {
    if (closing) throw isClosing();
  };

  async function begin(
    userId: UserId,
    question: Question,
    generate: Generate<Event>,
    model: string | undefined,
  ): Promise<Reply<Event>> {
    const release = reserve?.(userId) ?? (() => {});
    let hasBegun = false;
    try {
      mayBegin();
      const { message, ...asked } = question;
      const user = store.forUser(userId);
      const quotas = await quotasOf(userId);
      const earlier = readEarlier(user, question);
      const found = await user.runs.begin({ ...asked, question: message, server, model, quotas });
      if ("answered" in found) return storedReply(codec, found.answered);
      if ("running" in found) return replyOf(codec, feeds.reader(userId, found.running.runId), 0);
      hasBegun = true;
      const { reader, ended } = await generator.start(
        userId,
        question.conversationId,
        { ...found.begun, usualModel: model },
        earlier,
        generate,
        release,
      );
      waitUntil?.(ended);
      return replyOf(codec, reader, 0);
    } finally {
      if (!hasBegun) release();
    }
  }

  async function ask(
    userId: UserId,
    question: Question,
    generate: Generate<Event>,
    { wait, model }: AskOptions = {},
  ): Promise<Reply<Event>> {
    mayBegin();
    maintenance.markActive();
    const attempt = () => begin(userId, question, generate, model);
    const begun = wait ? inTurn(userId, question.conversationId, wait, attempt) : attempt();
    beginning.add(begun);
    return await begun.finally(() => beginning.delete(begun));
  }

  /** Begins what needs no turn: `begin` stores it, and gives what is to be written. */
  async function write(
    userId: UserId,
    conversationId: string,
    begin: (user: UserStore, quotas: Quota[]) => Promise<Begun & { continues?: Message }>,
    generate: Generate<Event>,
    usualModel: string | undefined,
  ): Promise<Reply<Event>> {
    mayBegin();
    maintenance.markActive();
    const release = reserve?.(userId) ?? (() => {});
    let hasBegun = false;
    try {
      const begun = await begin(store.forUser(userId), await quotasOf(userId));
      hasBegun = true;
      const earlier = Promise.resolve(undefined);
      const started = { ...begun, usualModel };
      const { reader, ended } = await generator.start(userId, conversationId, started, earlier, generate, release);
      waitUntil?.(ended);
      return replyOf(codec, reader, 0);
    } finally {
      if (!hasBegun) release();
    }
  }

  async function proceed(
    user: UserStore,
    { questionId, ...reply }: Continuation,
    model: string | undefined,
    quotas: Quota[],
  ) {
    const question = await user.messages.get(reply.conversationId, questionId);
    const { reply: continues, ...begun } = await user.runs.proceed({ ...reply, server, model, quotas });
    return { ...begun, question, continues };
  }

  async function draft(
    user: UserStore,
    conversationId: string,
    storeDraft: (mine: UserStore) => Promise<Draft>,
    model: string | undefined,
    quotas: Quota[],
  ): Promise<Begun> {
    return await user.transaction(conversationId, async (mine) => {
      const { messageId, question } = await storeDraft(mine);
      const { model: named, instructions } = await mine.conversations.get(conversationId);
      const run = await mine.runs.beginDraft({ conversationId, messageId, server, model: named ?? model, quotas });
      return { run, question, replyId: messageId, model: named, instructions };
    });
  }

  async function follow(userId: UserId, conversationId: string, after?: string): Promise<Reply<Event> | undefined> {
    const position = after ? positionIn(after) : undefined;
    maintenance.markActive();
    const { runs } = store.forUser(userId);
    if (position) {
      const named = await runs.find(conversationId, position.runId);
      const isThere = named && (named.status === "running" || (await hasMore(userId, position)));
      if (isThere) return replyOf(codec, feeds.reader(userId, position.runId), position.after);
    }
    const found = await runs.findRunning(conversationId);
    return found && replyOf(codec, feeds.reader(userId, found.id), 0);
  }

  async function followRun(userId: UserId, runId: string, after: number): Promise<Reply<Event> | undefined> {
    maintenance.markActive();
    const run = await store.forUser(userId).runs.findById(runId);
    if (!run) return undefined;
    const count = run.status !== "running" || after < 0 ? await countEvents(userId, run.id) : undefined;
    if (run.status !== "running" && count === 0) return undefined;
    const position = after < 0 ? Math.max(0, (count ?? 0) + after) : after;
    return replyOf(codec, feeds.reader(userId, run.id), position);
  }

  async function countEvents(userId: UserId, runId: string): Promise<number> {
    for (let count = 0; ; ) {
      const [news] = await store.system.readRuns([{ userId, runId, after: count }]);
      count = news?.chunks.at(-1)?.seq ?? count;
      if (!news?.hasMore) return count;
    }
  }

  /** Whether there are events after that one, of a reply that has ended. */
  async function hasMore(userId: UserId, position: { runId: string; after: number }): Promise<boolean> {
    const [rest] = await store.system.readRuns([{ userId, ...position }]);
    return rest !== undefined && rest.chunks.length > 0;
  }

  return {
    store,
    logger,
    forUser: (userId) => ({
      ask: (question, generate, options) => ask(userId, question, generate, options),
      proceed: (reply, generate, { model } = {}) =>
        write(userId, reply.conversationId, (user, quotas) => proceed(user, reply, model, quotas), generate, model),
      draft: (conversationId, storeDraft, generate, { model } = {}) =>
        write(
          userId,
          conversationId,
          (user, quotas) => draft(user, conversationId, storeDraft, model, quotas),
          generate,
          model,
        ),
      follow: (conversationId, after) => follow(userId, conversationId, after),
      followRun: (runId, after = 0) => followRun(userId, runId, after),
      stop: async (conversationId) => (await store.forUser(userId).runs.stop(conversationId)) !== undefined,
    }),
    markActive: maintenance.markActive,
    close: async (graceMs = defaultGraceMs) => {
      closing = true;
      await maintenance.close();
      await feeds.close();
      const until = performance.now() + graceMs;
      const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([Promise.allSettled(beginning), grace]);
      await generator.close(Math.max(0, until - performance.now()));
      local?.close();
    },
  };
}
