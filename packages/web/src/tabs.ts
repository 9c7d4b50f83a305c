/**
 * What the tabs of a browser do as one. A browser opens six connections to a server, for all of its tabs together: what lasts
 * is therefore shared, and a tab that nobody sees lets go of what it holds.
 */

/** Browsers lend locks to pages of https and of this machine only; elsewhere each tab that is seen is on its own. */
const locks = navigator.locks as LockManager | undefined;

/** Holds one of the places until the function that is given to `use` lets it go, or `signal` says that it is not wanted. */
export async function withPlace(
  names: readonly string[],
  signal: AbortSignal,
  use: () => Promise<void>,
): Promise<void> {
  if (!locks) return signal.aborted ? undefined : use();
  const found = new AbortController();
  const wanted = AbortSignal.any([signal, found.signal]);
  let isTaken = false;
  const take = (name: string) =>
    locks
      .request(name, { signal: wanted }, async () => {
        if (isTaken || signal.aborted) return;
        isTaken = true;
        const used = use();
        found.abort();
        await used;
      })
      .catch((error: unknown) => {
        if (!(error instanceof DOMException) || error.name !== "AbortError") throw error;
      });
  await Promise.all(names.map(take));
}

/** Calls `whileSeen` whenever the tab comes into view, and aborts its signal when the tab goes out of it, or at the end. */
export function whileVisible(whileSeen: (signal: AbortSignal) => void): () => void {
  let seen: AbortController | undefined;
  const look = () => {
    const isVisible = document.visibilityState === "visible";
    if (isVisible === Boolean(seen)) return;
    seen?.abort();
    seen = isVisible ? new AbortController() : undefined;
    if (seen) whileSeen(seen.signal);
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    seen?.abort();
  };
}

/** Waits until the tab is in view, or is not wanted any more. */
export async function untilVisible(signal: AbortSignal): Promise<void> {
  let end = () => {};
  await new Promise<void>((resolve) => {
    end = whileVisible(() => resolve());
    void aborted(signal).then(resolve);
  });
  end();
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

type Word = "person";

const channel = new BroadcastChannel("chatkeep");

/** Tells the other tabs. */
export function tellTabs(word: Word): void {
  channel.postMessage(word);
}

export function hearTabs(word: Word, listener: () => void): () => void {
  const hear = ({ data }: MessageEvent) => data === word && listener();
  channel.addEventListener("message", hear);
  return () => channel.removeEventListener("message", hear);
}
