/** Replies as a client sees them: asking, waiting for one's turn, following from anywhere, stopping. Closing a page stops nothing. */
import type { LanguageModelV4 } from "@ai-sdk/provider";
import { ConflictError, type Database, type Store, UnavailableError } from "chatkeep";
import type { Doorbell } from "../live/doorbell.ts";
import type { Housework } from "../live/housework.ts";
import type { Log } from "../log.ts";
import { beginReply } from "./begin.ts";
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
  doorbell: Doorbell;
  housework: Housework;
  /** Names this process in the runs that it begins. */
  server: string;
}

export type Replies = ReturnType<typeof createReplies>;

/** For how long a question waits for its turn, and how often it looks whether somebody still waits for it. */
const turnMs = { most: 300_000, look: 1_000 };

export function createReplies({ store, db, model, log, doorbell, housework, server }: RepliesOptions) {
  const feeds = createFeeds({ server: store.server, doorbell, log, onDead: housework.sweep });
  const speaker = createSpeaker({ store, db, model, log, doorbell, feeds });
  const beginning = new Set<Promise<unknown>>();
  const turns = new Map<string, Promise<unknown>>();
  let closing = false;

  /** Stores the question and answers with the stream of the reply. @throws what the store throws, before anything is streamed */
  async function answer(userId: string, question: Question, signal: AbortSignal): Promise<Response> {
    if (closing) throw new UnavailableError("This server is shutting down: try again.");
    const begun = question.waits ? inTurn(userId, question, signal) : beginAnswer(userId, question);
    beginning.add(begun);
    return await begun.finally(() => beginning.delete(begun));
  }

  async function beginAnswer(userId: string, question: Question): Promise<Response> {
    const found = await beginReply(store, userId, question, { server, model: model.modelId });
    if ("answered" in found) return replay(found.answered);
    if ("runningId" in found) return respondWith(feeds, userId, { runId: found.runningId, after: 0 });
    await speaker.speak(userId, question.conversationId, found.begun);
    return respondWith(feeds, userId, { runId: found.begun.key.id, after: 0 });
  }

  /** Begins when the replies before it have ended; those that wait on one server for one conversation, in their order. */
  async function inTurn(userId: string, question: Question, signal: AbortSignal): Promise<Response> {
    const place = `${userId} ${question.conversationId}`;
    const before = turns.get(place);
    const until = performance.now() + turnMs.most;
    const attempt = async (): Promise<Response> => {
      await before?.catch(() => {});
      for (;;) {
        try {
          return await beginAnswer(userId, question);
        } catch (error) {
          const runId = error instanceof ConflictError ? error.details?.["runId"] : undefined;
          if (typeof runId !== "string" || closing || signal.aborted || performance.now() > until) throw error;
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
    userId: string,
    conversationId: string,
    place: EventPlace | undefined,
  ): Promise<Response | undefined> {
    const mine = store.forUser(userId);
    if (place) {
      const named = await mine.runs.find(conversationId, place.runId);
      if (named?.status === "running") return respondWith(feeds, userId, place);
      const [rest] = named ? await store.server.readRuns([{ userId, ...place }]) : [];
      if (rest && rest.chunks.length > 0) return respondWith(feeds, userId, place);
    }
    const found = await mine.runs.findRunning(conversationId);
    return found && respondWith(feeds, userId, { runId: found.id, after: 0 });
  }

  async function stop(userId: string, conversationId: string): Promise<void> {
    const runId = await store.forUser(userId).runs.stop(conversationId);
    if (runId) doorbell.ring({ runId, isStop: true });
  }

  /** Takes no new questions, lets the replies that are being written end, and interrupts what is left after `graceMs`. */
  async function close(graceMs: number): Promise<void> {
    closing = true;
    await feeds.close();
    await Promise.allSettled(beginning);
    await speaker.close(graceMs);
  }

  return { answer, reattach, stop, close };
}
