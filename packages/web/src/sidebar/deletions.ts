/** Deleting with a way back: a conversation is hidden at once, and deleted when the seconds for undoing it are over, or the page goes. */

import { ApiError } from "chatkeep/client";
import { useSyncExternalStore } from "react";
import { client } from "../client.ts";

const undoMs = 6_000;

let hidden: ReadonlySet<string> = new Set();
const timers = new Map<string, ReturnType<typeof setTimeout>>();
const listeners = new Set<() => void>();

function change(edit: (ids: Set<string>) => void): void {
  const next = new Set(hidden);
  edit(next);
  hidden = next;
  for (const listener of listeners) listener();
}

/** `onFailed` is told when it could not be deleted; then it is shown again. */
export function deleteSoon(id: string, onFailed: (error: Error) => void): void {
  change((ids) => ids.add(id));
  const act = async () => {
    timers.delete(id);
    try {
      await client.conversations.delete(id);
    } catch (error) {
      if (error instanceof ApiError && error.code === "not_found") return;
      change((ids) => ids.delete(id));
      onFailed(error as Error);
    }
  };
  timers.set(id, setTimeout(act, undoMs));
}

export function undoDelete(id: string): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
  change((ids) => ids.delete(id));
}

export function useHidden(): ReadonlySet<string> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => hidden,
  );
}

addEventListener("pagehide", () => {
  for (const [id, timer] of timers) {
    clearTimeout(timer);
    void client.conversations.delete(id, { keepalive: true }).catch(() => {});
  }
  timers.clear();
});
