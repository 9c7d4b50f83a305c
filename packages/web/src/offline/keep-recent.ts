/** Reads the chats of the last days once more where they have changed, so that they are kept, while nobody waits for it. */
import type { QueryClient } from "@tanstack/react-query";
import { client } from "../client.ts";
import { listedIn } from "../lists.ts";
import { isKeeping, keptTimeOf, trimKept } from "./kept.ts";

const maxChats = 20;
const maxAgeMs = 7 * 86_400_000;
const firstMs = 5_000;
const pauseMs = 60_000;

/** Until `signal` is aborted. Of one tab only: all of a browser read what it keeps. */
export async function keepRecent(queries: QueryClient, signal: AbortSignal): Promise<void> {
  for (let wait = firstMs; ; wait = pauseMs) {
    if (!(await passed(wait, signal))) return;
    if (!isKeeping() || !navigator.onLine || savesData()) continue;
    // What fails is tried again in the next round.
    await keepChanged(queries, signal).catch(() => {});
  }
}

async function keepChanged(queries: QueryClient, signal: AbortSignal): Promise<void> {
  const since = new Date(Date.now() - maxAgeMs).toISOString();
  const recent = listedIn(queries).filter(({ updatedAt, runId }) => updatedAt >= since && !runId);
  for (const { id, updatedAt } of recent.slice(0, maxChats)) {
    if (signal.aborted) return;
    if ((await keptTimeOf(id)) === updatedAt) continue;
    await client.messages.branch(id, { limit: 50, signal });
    await client.conversations.get(id, { signal });
  }
  await trimKept();
}

/** Whether the person has asked the browser to load little: not all browsers say so. */
function savesData(): boolean {
  return (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true;
}

function passed(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}
