/**
 * Answering a question: question, draft and run are stored before the model is called; the reply is stored when it ends,
 * also when nobody listens any more. Closing the page never stops it.
 */
import { randomUUID } from "node:crypto";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import {
  consumeStream,
  createUIMessageStreamResponse,
  isStepCount,
  streamText,
  toUIMessageStream,
  type UIMessage,
} from "ai";
import {
  ChatkeepError,
  ConflictError,
  type Database,
  type Message,
  type NewMessage,
  NotFoundError,
  type Part,
  type RunEnd,
  type RunKey,
  type Store,
  textOf,
  UnavailableError,
  type UserStore,
} from "chatkeep";
import { taskTools } from "../assistant/tools.ts";
import type { Log } from "../log.ts";
import { readHistory } from "./history.ts";
import { describeModelError, failure, failureOf, type ModelFailure, tellingModel } from "./model-errors.ts";
import type { Question } from "./question.ts";
import { replay } from "./replay.ts";

export interface RepliesOptions {
  store: Store;
  db: Database;
  model: LanguageModelV4;
  log: Log;
  /** Names this process in the runs that it begins. */
  server: string;
}

export type Replies = ReturnType<typeof createReplies>;

type StopReason = "asked" | "lost" | "shutdown";

interface Begun {
  key: RunKey;
  questionId: string;
  replyId: string;
}

const beatMs = 500;
const mostSteps = 8;
/** Of a reply that is cut to be stored: no character takes more than six bytes of JSON. */
const mostCharacters = 2 * 1024 * 1024;
const patience = { firstChunkMs: 120_000, chunkMs: 120_000 };

/** Thrown to roll back: the question was asked before, and this is its answer. */
class AnsweredBefore extends Error {
  readonly reply: Message;
  constructor(reply: Message) {
    super();
    this.reply = reply;
  }
}

export function createReplies({ store, db, model, log, server }: RepliesOptions) {
  const telling = tellingModel(model);
  const running = new Map<string, { controller: AbortController; ended: Promise<void> }>();
  const beginning = new Set<Promise<unknown>>();
  let closing = false;

  /** Stores the question and answers with the stream of the reply. @throws what the store throws, before anything is streamed */
  async function answer(userId: string, question: Question): Promise<Response> {
    if (closing) throw new UnavailableError("This server is shutting down: try again.");
    const begun = beginAnswer(userId, question);
    beginning.add(begun);
    return await begun.finally(() => beginning.delete(begun));
  }

  async function beginAnswer(userId: string, question: Question): Promise<Response> {
    const begun = await begin(userId, question).catch((error: unknown) => {
      if (error instanceof AnsweredBefore) return error;
      throw error;
    });
    return begun instanceof AnsweredBefore ? replay(begun.reply) : await speak(userId, question.conversationId, begun);
  }

  async function begin(userId: string, { conversationId, message, regenerate }: Question): Promise<Begun> {
    const questionId = message.id ?? randomUUID();
    const replyId = randomUUID();
    const pair = [
      { ...message, id: questionId },
      { id: replyId, role: "assistant" as const, status: "streaming" as const, parentId: questionId },
    ];
    return store.transaction(async (tx) => {
      const mine = tx.forUser(userId);
      const [question, draft] = await appendOrCreate(mine, conversationId, pair);
      const wasStored = question && draft && draft.seq > question.seq + 1;
      const key = await mine.runs.begin({ conversationId, messageId: replyId, server, model: model.modelId });
      if (wasStored && !regenerate) {
        const [first] = (await mine.messages.list(conversationId, { after: question.seq, limit: 1 })).items;
        if (first?.parentId === questionId && first.status === "complete") throw new AnsweredBefore(first);
      }
      return { key, questionId, replyId };
    });
  }

  async function speak(userId: string, conversationId: string, { key, questionId, replyId }: Begun): Promise<Response> {
    const mine = store.forUser(userId);
    const controller = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    running.set(key.id, { controller, ended });
    const heart = keepAlive(userId, key, controller);
    let failed: ModelFailure | undefined;
    let usage: Pick<RunEnd, "inputTokens" | "outputTokens"> = {};

    const write = async (runEnd: RunEnd) => {
      const stored = await persist(() => mine.runs.end(key, { ...usage, ...runEnd }));
      if (!stored) log.warn({ runId: key.id }, "a reply came after its run was over");
    };

    const finish = async (runEnd: RunEnd) => {
      try {
        await write(runEnd).catch((error: unknown) => {
          log.error({ error, runId: key.id }, "a reply could not be stored whole");
          return write(shortened(runEnd));
        });
      } catch (error) {
        log.error({ error, runId: key.id }, "a reply could not be stored");
      } finally {
        clearInterval(heart);
        running.delete(key.id);
        end();
      }
    };

    try {
      const result = streamText({
        model: telling,
        instructions: instructions(),
        messages: await readHistory(mine, conversationId, questionId),
        tools: taskTools(db, userId),
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
        originalMessages: [] as UIMessage[],
        generateMessageId: () => replyId,
        onError: (error) => failureOf(error).sentence,
        onEnd: async ({ responseMessage, outcome, finishReason }) => {
          const stop = controller.signal.aborted ? (controller.signal.reason as StopReason) : undefined;
          const parts = settled(responseMessage.parts);
          await finish({ ...howItEnded(stop, outcome.status, finishReason, failed), parts });
        },
      });
      return createUIMessageStreamResponse({
        stream,
        consumeSseStream: ({ stream: sse }) => consumeStream({ stream: sse }),
      });
    } catch (error) {
      failed = failureOf(error);
      await finish({ status: "failed", parts: [], errorCode: failed.code, error: failed.sentence });
      throw error;
    }
  }

  /** Keeps the lease, and hears what other servers were asked: to stop, or that the conversation is gone. */
  function keepAlive(userId: string, key: RunKey, controller: AbortController): NodeJS.Timeout {
    const mine = store.forUser(userId);
    let beating = false;
    return setInterval(async () => {
      if (beating) return;
      beating = true;
      try {
        const { alive, stop } = await mine.runs.beat(key);
        if (stop) controller.abort("asked" satisfies StopReason);
        else if (!alive) controller.abort("lost" satisfies StopReason);
      } catch (error) {
        log.warn({ error, runId: key.id }, "a heartbeat failed");
      } finally {
        beating = false;
      }
    }, beatMs).unref();
  }

  /** Takes no new questions, lets the replies that are being written end, and interrupts what is left after `graceMs`. */
  async function close(graceMs: number): Promise<void> {
    closing = true;
    await Promise.allSettled(beginning);
    const all = () => Promise.all([...running.values()].map(({ ended }) => ended));
    const grace = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
    await Promise.race([all(), grace]);
    for (const { controller } of running.values()) controller.abort("shutdown" satisfies StopReason);
    await all();
  }

  return { answer, close };
}

/** Nothing when the conversation was made with them: then they are its first. */
async function appendOrCreate(mine: UserStore, conversationId: string, pair: NewMessage[]): Promise<Message[]> {
  const append = () => mine.messages.append(conversationId, pair);
  try {
    return await append();
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  try {
    await mine.conversations.create({ id: conversationId, messages: pair });
    return [];
  } catch (error) {
    // Made meanwhile by the same question, sent twice: then it is there now.
    if (!(error instanceof ConflictError) || !(await mine.conversations.find(conversationId))) throw error;
    return await append();
  }
}

function howItEnded(
  stop: StopReason | undefined,
  outcome: string,
  finishReason: string | undefined,
  failed: ModelFailure | undefined,
): Pick<RunEnd, "status" | "errorCode" | "error"> {
  if (stop === "asked") return { status: "stopped" };
  if (stop) return { status: "interrupted" };
  if (!failed && outcome === "completed" && finishReason !== "error") return { status: "completed" };
  const { code, sentence } = failed ?? failure(outcome === "aborted" ? "model_timeout" : "model_failed");
  return { status: "failed", errorCode: code, error: sentence };
}

/** Parts as they stay: what was being written when it ended is written now. */
function settled(parts: UIMessage["parts"]): Part[] {
  return parts.map(
    (part) => ("state" in part && part.state === "streaming" ? { ...part, state: "done" } : part) as Part,
  );
}

/** A reply that was shown is worth waiting for a database that is away; after the lease another server has ended the run. */
async function persist(write: () => Promise<boolean>): Promise<boolean> {
  for (const pauseMs of [100, 300, 1_000, 2_000, 4_000, 6_000]) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof ChatkeepError) || error.code !== "unavailable") throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
  return await write();
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
