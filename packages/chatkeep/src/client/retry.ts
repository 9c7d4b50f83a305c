/** How long to wait before a connection is tried again: longer each time, never in step with others, and not after the network is back. */

const firstMs = 1_000;
const maxMs = 30_000;

export interface Backoff {
  /** The connection works. */
  reset(): void;
  /** How long the first pause is, as the server wants it. */
  setFirst(ms: number): void;
  /** The next pause; at least so many seconds, where the server said so. */
  next(atLeastSeconds?: unknown): number;
}

export function createBackoff(): Backoff {
  let failures = 0;
  let first = firstMs;
  return {
    reset: () => {
      failures = 0;
    },
    setFirst: (ms) => {
      first = Math.min(ms, maxMs);
    },
    next: (atLeastSeconds) => {
      const longest = Math.min(first * 2 ** failures, maxMs);
      failures += 1;
      const least = typeof atLeastSeconds === "number" ? atLeastSeconds * 1_000 : 0;
      return Math.round(Math.max(least, longest * (0.5 + Math.random() / 2)));
    },
  };
}

interface OnlineEvents {
  addEventListener?(type: "online", listener: () => void): void;
  removeEventListener?(type: "online", listener: () => void): void;
}

/** Waits; in a browser no longer than until it is online again. @throws the reason of the signal */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const browser = globalThis as OnlineEvents;
  let end = () => {};
  await new Promise<void>((resolve) => {
    const done = () => resolve();
    const timer = setTimeout(done, ms);
    browser.addEventListener?.("online", done);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
    end = () => {
      clearTimeout(timer);
      browser.removeEventListener?.("online", done);
      signal?.removeEventListener("abort", done);
    };
  });
  end();
  signal?.throwIfAborted();
}
