/** Replies as a client sees them: asking, waiting for one's turn, following from anywhere, stopping. Closing a page stops nothing. */
import { setTimeout as pause } from "node:timers/promises";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import { ConflictError, type Database, type Notifier, type Store, UnavailableError } from "chatkeep";
import { createSlots, type Rows } from "../limits.ts";
import type { Housework } from "../live/housework.ts";
import type { OpenStream } from "../live/open-streams.ts";
import type { Log } from "../log.ts";
import { type Begun, beginReply } from "./begin.ts";
import { createFeeds } from "./feeds.ts";
import type { Question } from "./question.ts";
import { replay } from "./replay.ts";
import { createSpeaker } from "./speak.ts";
import { type EventPlace, respondWith } from "./stream.ts";

export interface RepliesOptions {
  store: Store;
  db: Database;
  model: LanguageModelV4;
  log: Log;
  notifier: Notifier;
  housework: Housework;
  /** Names this process in the runs that it begins. */
  server: string;
  repliesPerUser: number;
  rows: Rows;
}

export type Replies = ReturnType<typeof createReplies>;

/** For how long a question waits for its turn, and how often it looks whether somebody still waits for it. */
const turnMs = { most: 300_000, look: 1_000 };

const isClosing = () => new UnavailableError("This server is shutting down: try again.");

export function createReplies({
  store,
  db,
  model,
  log,
  notifier,
  housework,
  server,
  repliesPerUser,
  rows,
}: RepliesOptions) {
  const feeds = createFeeds({ server: store.server, notifier, log, onDead: housework.sweep });
  const speaker = createSpeaker({ store, db, model, log, notifier, feeds, rows });
  const beginning = new Set<Promise<unknown>>();
  const slots = createSlots({
    perUser: repliesPerUser,
    sentence: "replies at once are the limit of one user: wait for one to end.",
  });
  const turns = new Map<string, Promise<unknown>>();
  let closing = false;

  /**
   * Stores the question and answers with the stream of the reply.
   * @throws what the store throws, and rate_limited, before anything is streamed
   */
  async function answer(stream: OpenStream, question: Question, signal: AbortSignal): Promise<Response> {
    if (closing) throw isClosing();
    const begun = question.waits ? inTurn(stream, question, signal) : beginAnswer(stream, question);
    beginning.add(begun);
    return await begun.finally(() => beginning.delete(begun));
  }

  const mayBegin = () => {
    if (closing) throw isClosing();
  };

  async function beginAnswer(stream: OpenStream, question: Question): Promise<Response> {
    const { userId } = stream;
    const giveBack = slots.take(userId);
    let begun: Begun | undefined;
    try {
      const found = await beginReply(store, userId, question, { server, model: model.modelId }, mayBegin);
      if ("answered" in found) {
        stream.release();
        return replay(found.answered);
      }
      if ("runningId" in found) return respondWith(feeds, stream, { runId: found.runningId, after: 0 });
      begun = found.begun;
      await speaker.speak(userId, question.conversationId, begun, giveBack);
      return respondWith(feeds, stream, { runId: begun.key.id, after: 0 });
    } finally {
      if (!begun) giveBack();
    }
  }

  /** Begins when the replies before it have ended; those that wait on one server for one conversation, in their order. */
  async function inTurn(stream: OpenStream, question: Question, signal: AbortSignal): Promise<Response> {
    const { userId } = stream;
    const place = `${userId} ${question.conversationId}`;
    const before = turns.get(place);
    const until = performance.now() + turnMs.most;
    const attempt = async (): Promise<Response> => {
      await before?.catch(() => {});
      for (;;) {
        try {
          return await beginAnswer(stream, question);
        } catch (error) {
          const runId = error instanceof ConflictError ? error.details?.["runId"] : undefined;
          if (typeof runId !== "string" || signal.aborted || performance.now() > until) throw error;
          await ended(userId, runId, signal);
        }
      }
    };
    const turn = attempt();
    turns.set(place, turn);
    return await turn.finally(() => {
      if (turns.get(place) === turn) turns.delete(place);
    });
  }

  /** Until a reply has ended, or nobody waits for that any more. */
  async function ended(userId: string, runId: string, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    const look = () => (feed.ending || signal.aborted || closing) && over.resolve();
    const { feed, letGo } = feeds.follow(userId, runId, look);
    const timer = setInterval(look, turnMs.look);
    look();
    await over.promise;
    clearInterval(timer);
    letGo();
  }

  /** The running reply of a conversation, or the rest of the one that `place` names; `undefined` when there is nothing to follow. */
  async function reattach(
    stream: OpenStream,
    conversationId: string,
    place: EventPlace | undefined,
  ): Promise<Response | undefined> {
    const { userId } = stream;
    const mine = store.forUser(userId);
    if (place) {
      const named = await mine.runs.find(conversationId, place.runId);
      if (named?.status === "running") return respondWith(feeds, stream, place);
      const [rest] = named ? await store.server.readRuns([{ userId, ...place }]) : [];
      if (rest && rest.chunks.length > 0) return respondWith(feeds, stream, place);
    }
    const found = await mine.runs.findRunning(conversationId);
    return found && respondWith(feeds, stream, { runId: found.id, after: 0 });
  }

  async function stop(userId: string, conversationId: string): Promise<void> {
    await store.forUser(userId).runs.stop(conversationId);
  }

  /** Takes no new questions, lets the replies that are being written end, and interrupts what is left after `graceMs`. */
  async function close(graceMs: number): Promise<void> {
    closing = true;
    await feeds.close();
    const until = performance.now() + graceMs;
    await Promise.race([Promise.allSettled(beginning), pause(graceMs, undefined, { ref: false })]);
    await speaker.close(Math.max(0, until - performance.now()));
  }

  return { answer, reattach, stop, close };
}
