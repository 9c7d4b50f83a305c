/** Waiting for one's turn: a question begins when the replies before it have ended; those that wait in one process, in their order. */
import { ConflictError } from "../errors.ts";
import type { UserId } from "../store/tables/tables.ts";
import type { Feeds } from "./feeds.ts";

/** How often it is looked at whether somebody still waits. */
const checkMs = 1_000;

export interface TurnsOptions {
  feeds: Feeds;
  maxWaitMs: number;
  isClosing(): boolean;
}

export function createTurns({ feeds, maxWaitMs, isClosing }: TurnsOptions) {
  const turns = new Map<string, Promise<unknown>>();

  /** Tries again after each reply that was in the way. @throws what `begin` throws otherwise, and when `signal` or time says so */
  async function inTurn<Result>(
    userId: UserId,
    conversationId: string,
    signal: AbortSignal,
    begin: () => Promise<Result>,
  ): Promise<Result> {
    const key = `${userId} ${conversationId}`;
    const before = turns.get(key);
    const until = performance.now() + maxWaitMs;
    const attempt = async (): Promise<Result> => {
      await before?.catch(() => {});
      for (;;) {
        try {
          return await begin();
        } catch (error) {
          const runId = error instanceof ConflictError ? error.details?.["runId"] : undefined;
          if (typeof runId !== "string" || signal.aborted || performance.now() > until) throw error;
          await ended(userId, runId, signal);
        }
      }
    };
    const turn = attempt();
    turns.set(key, turn);
    return await turn.finally(() => {
      if (turns.get(key) === turn) turns.delete(key);
    });
  }

  /** Until a reply has ended, or nobody waits for that any more. */
  async function ended(userId: UserId, runId: string, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    const check = () => (feed.ending || signal.aborted || isClosing()) && over.resolve();
    const { feed, unsubscribe } = feeds.reader(userId, runId).subscribe(check);
    const timer = setInterval(check, checkMs);
    check();
    await over.promise;
    clearInterval(timer);
    unsubscribe();
  }

  return inTurn;
}
