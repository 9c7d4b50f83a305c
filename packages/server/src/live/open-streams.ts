/**
 * Streams that stay open: events, and replies that are followed. Each is counted for its user, and ends when the session that
 * opened it does, wherever that happened: at the notification of it, and at the next look if that was lost.
 */
import { ChatkeepError, type Notifier } from "chatkeep";
import { createSlots } from "../limits.ts";
import type { Sessions } from "../sessions.ts";

export interface OpenStream {
  userId: string;
  /** Aborted when its user may see no more of it. */
  signal: AbortSignal;
  /** Call it when the stream has ended. */
  release(): void;
}

export interface OpenStreams {
  /** @throws rate_limited */
  open(userId: string, headers: Headers): OpenStream;
  /** How many there are. */
  count(): number;
  close(): void;
}

export interface OpenStreamsOptions {
  sessions: Sessions;
  notifier: Notifier;
  perUser: number;
}

interface Entry {
  userId: string;
  headers: Headers;
  controller: AbortController;
}

const lookEveryMs = 10_000;

export function createOpenStreams({ sessions, notifier, perUser }: OpenStreamsOptions): OpenStreams {
  const entries = new Set<Entry>();
  const slots = createSlots({
    perUser,
    sentence: "open pages and followed replies are the limit of one user: close some.",
  });

  async function look(some: Iterable<Entry>): Promise<void> {
    for (const entry of [...some]) {
      try {
        if ((await sessions.userIdOf(entry.headers)) !== entry.userId) end(entry);
      } catch (error) {
        if (error instanceof ChatkeepError && error.code === "unauthenticated") end(entry);
      }
    }
  }

  function end(entry: Entry): void {
    entry.controller.abort(new Error("signed out"));
  }

  const timer = setInterval(() => void look(entries), lookEveryMs).unref();
  notifier.subscribe((change) => {
    if (!change || !("isSignedOut" in change)) return;
    const userId = String(change.userId);
    sessions.forget(userId);
    void look([...entries].filter((entry) => entry.userId === userId));
  });

  return {
    open: (userId, headers) => {
      const giveBack = slots.take(userId);
      const entry: Entry = { userId, headers: new Headers(headers), controller: new AbortController() };
      entries.add(entry);
      const release = () => {
        entries.delete(entry);
        giveBack();
      };
      return { userId, signal: entry.controller.signal, release };
    },
    count: () => entries.size,
    close: () => clearInterval(timer),
  };
}
