/** A reply is made: its events are stored before they are shown, and its message when they end. Nobody has to listen. */
import { ChatkeepError } from "../errors.ts";
import type { Observer, RunOutcome } from "../observer.ts";
import type { Begun } from "../store/runs/begin-statement.ts";
import type { RunEnd } from "../store/runs/end.ts";
import type { Store } from "../store/store.ts";
import type { Message } from "../store/tables/message.ts";
import type { TokenCounts } from "../store/tables/run.ts";
import type { UserId } from "../store/tables/tables.ts";
import { textOf } from "../store/text-of.ts";
import { eventsIn, readParts, type WholeCodec } from "./codec.ts";
import { type Failure, modelFailed } from "./failure.ts";
import type { Ending, Feeds, Reader } from "./feeds.ts";
import type { Earlier } from "./history.ts";
import type { Logger } from "./logger.ts";
import type { ReplyNotifier } from "./notifier.ts";
import { createTurn, type ReplyFacts, type Turn } from "./turn.ts";
import { untilLeft } from "./until-left.ts";
import { createWriter } from "./writer.ts";

/**
 * Makes a reply: gives its events, which may also come later. What it throws before it gives them is thrown to whoever asked;
 * what it throws afterwards fails the reply, which keeps what it has.
 */
export type Generate<Event> = (turn: Turn) => Events<Event> | Promise<Events<Event>>;
type Events<Event> = AsyncIterable<Event> | ReadableStream<Event>;

export interface GeneratorOptions<Event> {
  store: Store;
  codec: WholeCodec<Event>;
  notifier: ReplyNotifier;
  logger: Logger;
  feeds: Feeds;
  flushMs?: number | undefined;
  failureOf(error: unknown): Failure;
  observer?: Observer | undefined;
  onEnded?: ((reply: EndedReply) => void) | undefined;
}

/** A reply that has ended and is stored. */
export interface EndedReply {
  userId: UserId;
  conversationId: string;
  runId: string;
  /** The message that it became. */
  replyId: string;
  question: Message;
  status: RunEnd["status"];
}

export interface Started {
  reader: Reader;
  /** Resolves when the reply has ended and is stored. */
  ended: Promise<void>;
}

type StopReason = "asked" | "lost" | "shutdown";
type Ended = Omit<RunEnd, "parts" | "chunks">;

/** Of a reply that is cut to be stored: no character takes more than six bytes of JSON. */
const maxChars = 2 * 1024 * 1024;
/** For so long a reply that has ended waits for its database. */
const maxOutageMs = 600_000;
/** For what is left to be stored when the process ends, after the replies had their time. */
const lastWordsMs = 2_000;

export function createGenerator<Event>(options: GeneratorOptions<Event>) {
  const { store, codec, notifier, logger, feeds, flushMs, failureOf, observer, onEnded } = options;
  const running = new Map<string, { controller: AbortController; ended: Promise<void> }>();
  let closeBy = Number.POSITIVE_INFINITY;
  const writer = createWriter({ system: store.system, codec, notifier, logger, flushMs });
  notifier.subscribe((change) => change && "runId" in change && change.isStop && writer.checkNow(change.runId));

  /** Begins to make a reply; the feed of its run has it from here on. `onEnd` is called in any case. @throws what `generate` throws */
  async function start(
    userId: UserId,
    conversationId: string,
    begun: Begun & { continues?: Message | undefined; usualModel?: string | undefined },
    earlier: Earlier,
    generate: Generate<Event>,
    onEnd: () => void,
  ): Promise<Started> {
    const { run: key } = begun;
    const user = store.forUser(userId);
    const controller = new AbortController();
    const { signal } = controller;
    const observation = observer?.begin({ kind: "run", name: "reply" });
    const within = <Result>(work: () => Result) => (observation ? observation.within(work) : work());
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    running.set(key.id, { controller, ended });
    // It began at the moment in which the process ends.
    if (Number.isFinite(closeBy)) controller.abort("shutdown" satisfies StopReason);
    const feed = feeds.begin(userId, key.id);
    const reader = feeds.reader(userId, key.id);
    let facts: ReplyFacts = {};
    const run = writer.add({
      userId,
      key,
      tokens: () => tokensIn(facts),
      onStored: feed.publish,
      onStop: () => controller.abort("asked" satisfies StopReason),
      onLost: () => controller.abort("lost" satisfies StopReason),
    });
    const report = (more: ReplyFacts) => {
      facts = { ...facts, ...more };
    };

    let isWritten = false;
    const write = async (runEnd: RunEnd) => {
      const isStored = await persist(
        () => user.runs.end(key, runEnd),
        () => closeBy,
      );
      if (!isStored) return feed.detach();
      isWritten = true;
      feed.publish((runEnd.chunks ?? []).flatMap(eventsIn));
      feed.end(runEnd as Ending);
    };

    const finish = async (how: Ended) => {
      const chunks = await run.close();
      const events = () => [...feed.events, ...chunks.flatMap(eventsIn)].map(codec.decode);
      const parts = await readParts(codec, events, begun.continues?.parts ?? []);
      const metadata = await readMetadata(codec, events);
      const runEnd = { ...tokensIn(facts), ...how, chunks, parts, ...(metadata !== undefined && { metadata }) };
      try {
        await write(runEnd).catch((error: unknown) => {
          if (isUnavailable(error)) throw error;
          logger.error({ error, runId: key.id }, "a reply could not be stored whole");
          return write(shortened(runEnd));
        });
      } catch (error) {
        logger.error({ error, runId: key.id }, "a reply could not be stored");
        feed.detach();
      } finally {
        running.delete(key.id);
        observation?.end({ run: outcomeOf(how, facts, begun.model ?? begun.usualModel) });
        onEnd();
        end();
      }
      const { question, replyId } = begun;
      if (isWritten) onEnded?.({ userId, conversationId, runId: key.id, replyId, question, status: how.status });
    };

    const reply = async (events: Events<Event>) => {
      try {
        for await (const event of untilLeft(events as AsyncIterable<Event>, signal)) await run.write(event);
      } catch (error) {
        if (!signal.aborted) logger.error({ error, runId: key.id }, "a reply broke off");
        report({ failure: facts.failure ?? failureOf(error) });
      }
      await finish(howItEnded(signal.aborted ? (signal.reason as StopReason) : undefined, facts));
    };

    try {
      const turn = createTurn({ user, userId, conversationId, begun, earlier, signal, report });
      const events = await within(() => generate(turn));
      void within(() => reply(events));
      return { reader, ended };
    } catch (error) {
      if (isUnavailable(error)) {
        await finish({ status: "interrupted" });
        throw error;
      }
      logger.error({ error, runId: key.id }, "a reply could not be begun");
      await finish(failedWith(facts.failure ?? failureOf(error)));
      throw error;
    }
  }

  /** Lets the replies that are being made end, and interrupts what is left after `graceMs`. */
  async function close(graceMs: number): Promise<void> {
    const all = () => Promise.all([...running.values()].map(({ ended }) => ended));
    const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
    await Promise.race([all(), after(graceMs)]);
    closeBy = performance.now() + lastWordsMs;
    for (const { controller } of running.values()) controller.abort("shutdown" satisfies StopReason);
    // What a silent database does not take, another process ends with what is stored of it.
    await Promise.race([Promise.all([all(), writer.close()]), after(lastWordsMs)]);
  }

  return { start, close };
}

async function readMetadata<Event>(codec: WholeCodec<Event>, events: () => readonly Event[]): Promise<unknown> {
  try {
    return await codec.toMetadata(events());
  } catch {
    return undefined;
  }
}

function howItEnded(stop: StopReason | undefined, { failure, finishReason }: ReplyFacts): Ended {
  // A stop that comes after the last word stops nothing.
  if (!failure && finishReason) return { status: "completed", finishReason };
  if (stop) return { status: stop === "asked" ? "stopped" : "interrupted" };
  return failure ? failedWith(failure) : { status: "completed", finishReason: "stop" };
}

function failedWith({ code, sentence }: Failure): Ended {
  return { status: "failed", errorCode: code, error: sentence };
}

/** A name that the model has answered to is one that its host knows. */
function outcomeOf({ status, finishReason }: Ended, facts: ReplyFacts, model: string | null | undefined): RunOutcome {
  const named = status === "completed" && model ? { model } : {};
  return { status, finishReason, ...tokensIn(facts), ...named };
}

/** Providers also send fractions, and nothing. */
function tokensIn({ usage }: ReplyFacts): TokenCounts {
  const whole = (tokens = -1) => (Number.isSafeInteger(tokens) && tokens >= 0 ? tokens : undefined);
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens } = usage ?? {};
  return {
    inputTokens: whole(inputTokens),
    outputTokens: whole(outputTokens),
    cachedTokens: whole(cachedTokens),
    reasoningTokens: whole(reasoningTokens),
  };
}

/**
 * A reply that was shown is worth waiting for a database that is away: an outage is no bad reply. If another process has ended the
 * run meanwhile, that is what it comes to.
 */
async function persist(write: () => Promise<boolean>, closeBy: () => number): Promise<boolean> {
  const until = performance.now() + maxOutageMs;
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    try {
      return await write();
    } catch (error) {
      if (!isUnavailable(error) || performance.now() > Math.min(until, closeBy())) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ChatkeepError && error.code === "unavailable";
}

/** What is left of a reply that the database refused: its words, as many as surely fit. */
function shortened({ parts, metadata: _, ...end }: RunEnd): RunEnd {
  const text = textOf(parts).toWellFormed().slice(0, maxChars);
  return { ...end, ...failedWith(modelFailed), parts: text ? [{ type: "text", text }] : [] };
}
