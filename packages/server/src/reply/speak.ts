/** Speaking: the model is called, what it says is stored before it is shown, and the reply when it ends. Nobody has to listen. */
import { isStepCount, streamText, toUIMessageStream, type UIMessageChunk } from "ai";
import { ChatkeepError, type Database, finishReasons, type Notifier, type RunEnd, type Store, textOf } from "chatkeep";
import type { AnsweringModel } from "../assistant/model.ts";
import { taskTools } from "../assistant/tools.ts";
import type { Rows } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Begun } from "./begin.ts";
import { eventsIn, partsOf } from "./events.ts";
import type { Ending, Feeds } from "./feeds.ts";
import { readHistory } from "./history.ts";
import { describeModelError, failure, failureOf, type ModelFailure, tellingModel } from "./model-errors.ts";
import { createPulse } from "./pulse.ts";

export interface SpeakerOptions {
  store: Store;
  db: Database;
  model: AnsweringModel;
  log: Log;
  notifier: Notifier;
  feeds: Feeds;
  rows: Rows;
}

type StopReason = "asked" | "lost" | "shutdown";

const mostSteps = 8;
/** Of a reply that is cut to be stored: no character takes more than six bytes of JSON. */
const mostCharacters = 2 * 1024 * 1024;
/** For so long a reply that has ended waits for its database. */
const maxOutageMs = 600_000;
/** For what is left to be stored when the server stops, after the replies had their time. */
const lastWordsMs = 2_000;
const patience = { firstChunkMs: 120_000, chunkMs: 120_000 };

export function createSpeaker({ store, db, model, log, notifier, feeds, rows }: SpeakerOptions) {
  const telling = tellingModel(model);
  const { historyTokens } = model;
  model.hear?.((without, words) =>
    log.warn(
      { model: model.modelId, without, words },
      "the endpoint refuses this, and is asked without it from now on",
    ),
  );
  const running = new Map<string, { controller: AbortController; ended: Promise<void> }>();
  let closeBy = Number.POSITIVE_INFINITY;
  const pulsing = createPulse({ server: store.server, notifier, log });
  notifier.subscribe((change) => change && "runId" in change && change.isStop && pulsing.look(change.runId));

  /** Begins to speak; the feed of the run has it from here on. @throws what reading the history throws */
  async function speak(
    userId: string,
    conversationId: string,
    { key, questionId, replyId }: Begun,
    onEnd: () => void,
  ): Promise<void> {
    const mine = store.forUser(userId);
    const controller = new AbortController();
    const { promise: hasEnded, resolve: end } = Promise.withResolvers<void>();
    running.set(key.id, { controller, ended: hasEnded });
    // It began at the moment in which the server stopped.
    if (Number.isFinite(closeBy)) controller.abort("shutdown" satisfies StopReason);
    const feed = feeds.begin(userId, key.id);
    const writer = pulsing.add({
      userId,
      key,
      onStored: feed.publish,
      onStop: () => controller.abort("asked" satisfies StopReason),
      onLost: () => controller.abort("lost" satisfies StopReason),
    });
    let failed: ModelFailure | undefined;
    let usage: Pick<RunEnd, "inputTokens" | "outputTokens"> = {};

    const write = async (runEnd: RunEnd) => {
      const isStored = await persist(
        () => mine.runs.end(key, { ...usage, ...runEnd }),
        () => closeBy,
      );
      if (!isStored) return feed.lose();
      feed.publish((runEnd.chunks ?? []).flatMap(eventsIn));
      feed.end(runEnd as Ending);
    };

    const finish = async (ended: Omit<RunEnd, "parts" | "chunks">) => {
      const chunks = await writer.close();
      const parts = await partsOf([...feed.events, ...chunks.map(({ chunk }) => chunk)]);
      const runEnd = { ...ended, chunks, parts };
      try {
        await write(runEnd).catch((error: unknown) => {
          if (isUnavailable(error)) throw error;
          log.error({ error, runId: key.id }, "a reply could not be stored whole");
          return write(shortened(runEnd));
        });
      } catch (error) {
        log.error({ error, runId: key.id }, "a reply could not be stored");
        feed.lose();
      } finally {
        running.delete(key.id);
        onEnd();
        end();
      }
    };

    try {
      const result = streamText({
        model: telling,
        instructions: instructions(),
        messages: await readHistory(mine, conversationId, questionId, historyTokens),
        tools: taskTools(db, userId, rows),
        stopWhen: isStepCount(mostSteps),
        abortSignal: controller.signal,
        timeout: patience,
        onError: ({ error }) => {
          failed = failureOf(error);
          log.warn({ runId: key.id, code: failed.code, provider: describeModelError(error) }, "the model failed");
        },
        onEnd: ({ usage: { inputTokens, outputTokens } }) => {
          usage = { inputTokens: whole(inputTokens), outputTokens: whole(outputTokens) };
        },
      });
      const stream = toUIMessageStream({
        stream: result.stream,
        originalMessages: [],
        generateMessageId: () => replyId,
        onError: (error) => failureOf(error).sentence,
      });
      const reply = async () => {
        let last: UIMessageChunk | undefined;
        let hasAnswer = false;
        try {
          for await (const chunk of stream) {
            hasAnswer ||= isAnswer(chunk);
            const isEmpty = chunk.type === "finish" && !hasAnswer && !failed && !isCut(chunk.finishReason);
            if (isEmpty) failed = failure("model_empty");
            last = isEmpty ? { type: "error", errorText: failure("model_empty").sentence } : chunk;
            await writer.write(last);
          }
        } catch (error) {
          log.error({ error, runId: key.id }, "a reply broke off");
          failed ??= failureOf(error);
        }
        const stop = controller.signal.aborted ? (controller.signal.reason as StopReason) : undefined;
        await finish(howItEnded(stop, last, failed));
      };
      void reply();
    } catch (error) {
      if (isUnavailable(error)) {
        await finish({ status: "interrupted" });
        throw error;
      }
      failed = failureOf(error);
      await finish({ status: "failed", errorCode: failed.code, error: failed.sentence });
      throw error;
    }
  }

  /** Lets the replies that are being written end, and interrupts what is left after `graceMs`. */
  async function close(graceMs: number): Promise<void> {
    const all = () => Promise.all([...running.values()].map(({ ended }) => ended));
    const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
    await Promise.race([all(), after(graceMs)]);
    closeBy = performance.now() + lastWordsMs;
    for (const { controller } of running.values()) controller.abort("shutdown" satisfies StopReason);
    // What a silent database does not take, another server ends with what is stored of it.
    await Promise.race([Promise.all([all(), pulsing.close()]), after(lastWordsMs)]);
  }

  return { speak, close };
}

function howItEnded(
  stop: StopReason | undefined,
  last: UIMessageChunk | undefined,
  failed: ModelFailure | undefined,
): Omit<RunEnd, "parts" | "chunks"> {
  // A stop that comes after the last word stops nothing.
  if (!failed && last?.type === "finish" && last.finishReason !== "error") {
    return { status: "completed", finishReason: finishReasons.find((reason) => reason === last.finishReason) };
  }
  if (stop) return { status: stop === "asked" ? "stopped" : "interrupted" };
  const { code, sentence } = failed ?? failure(last?.type === "abort" ? "model_timeout" : "model_failed");
  return { status: "failed", errorCode: code, error: sentence };
}

/** Thoughts and spaces are no answer. */
function isAnswer(chunk: UIMessageChunk): boolean {
  if (chunk.type === "text-delta") return chunk.delta.trim() !== "";
  return /^(?:tool|file|source|data)\b/.test(chunk.type);
}

/** An answer that was cut before its first word says so by its reason. */
function isCut(reason: string | undefined): boolean {
  return reason === "length" || reason === "content-filter";
}

/**
 * A reply that was shown is worth waiting for a database that is away: an outage is no bad reply. If another server has ended the
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
function shortened({ parts, ...end }: RunEnd): RunEnd {
  const text = textOf(parts).toWellFormed().slice(0, mostCharacters);
  const { code, sentence } = failure("model_failed");
  return { ...end, status: "failed", parts: text ? [{ type: "text", text }] : [], errorCode: code, error: sentence };
}

/** Providers also send fractions, and nothing. */
function whole(tokens: number | undefined): number | undefined {
  return Number.isSafeInteger(tokens) ? tokens : undefined;
}

function instructions(): string {
  const today = new Date().toISOString().slice(0, 10);
  return `You are the assistant of chatkeep, a place that keeps conversations. Today is ${today}. Answer in Markdown, in the language of the user. You can read and change the user's tasks with your tools; use them when the user speaks of tasks, and say what you did.`;
}
