/**
 * What an open page is told: which of its user's conversations have changed, and which replies begin and end. Each event says
 * how a conversation is now, read from the database after a notification, or because it is time to look; so a page that missed some
 * has missed nothing once it has read again.
 */
import type { LiveConversation, Notifier, Store } from "chatkeep";
import { coalesce } from "chatkeep/internal";
import { createOutageLog, type Log } from "../log.ts";
import type { OpenStream } from "./open-streams.ts";

type LiveEvent =
  /** From now on you are told; what was before, read now. */
  | { type: "ready" }
  /** New, renamed, with new messages, or with a reply that begins (`runId`) or has ended (`null`). */
  | ({ type: "conversation" } & Pick<LiveConversation, "conversation" | "runId">)
  | { type: "deleted"; conversationId: string };

export interface EventsOptions {
  store: Pick<Store, "system">;
  notifier: Notifier;
  log: Log;
}

export type Events = ReturnType<typeof createEvents>;

interface Page {
  tell(event: LiveEvent): void;
  sign(): void;
  end(): void;
}

interface Watched {
  pages: Set<Page>;
  /** Of the conversations that were told, or are the newest: how they were. */
  known: Map<string, string>;
  /** Whether the newest have been looked at. */
  isKnown: boolean;
}

const gatherMs = 50;
/** How often to look without a change: where notifications of other servers arrive, and where they do not. */
const pollMs = { heard: 10_000, unheard: 1_000 };
const signOfLifeMs = 15_000;
/** After which a page must show again who it is. */
const maxMs = 600_000;
const usersAtOnce = 500;

export function createEvents({ store, notifier, log }: EventsOptions) {
  const users = new Map<string, Watched>();
  const changed = new Map<string, { userId: string; conversationId: string }>();
  const stale = new Set<string>();
  const encoder = new TextEncoder();
  let polledAt = 0;
  let isClosed = false;

  const changes = createOutageLog(log, "changes could not be read");
  const telling = coalesce(
    changes.watch(async () => {
      const places = [...changed.values()];
      changed.clear();
      try {
        const found = await store.system.readLive(places);
        for (const live of found) tell(live);
        const there = new Set(found.map(({ conversation }) => conversation.id));
        for (const { userId, conversationId } of places)
          if (!there.has(conversationId)) tellDeleted(userId, conversationId);
      } catch (error) {
        for (const place of places) changed.set(place.conversationId, place);
        throw error;
      }
    }),
    { everyMs: gatherMs, onError: changes.failed },
  );
  const looking = coalesce(
    changes.watch(async () => {
      const some = [...stale].slice(0, usersAtOnce);
      const recent = Map.groupBy(await store.system.readRecent(some), ({ userId }) => String(userId));
      for (const userId of some) {
        stale.delete(userId);
        take(userId, recent.get(userId) ?? []);
      }
      if (stale.size > 0) looking.trigger();
    }),
    { everyMs: gatherMs, onError: changes.failed },
  );

  const poll = setInterval(() => {
    if (performance.now() - polledAt < (notifier.isListening() ? pollMs.heard : pollMs.unheard)) return;
    lookAtAll();
  }, pollMs.unheard / 4).unref();
  const signs = setInterval(() => {
    for (const { pages } of users.values()) for (const page of pages) page.sign();
  }, signOfLifeMs).unref();

  notifier.subscribe((change) => {
    if (!change) return lookAtAll();
    if (!("conversationId" in change) || !users.has(String(change.userId))) return;
    changed.set(change.conversationId, { userId: String(change.userId), conversationId: change.conversationId });
    telling.trigger();
  });

  function lookAtAll(): void {
    polledAt = performance.now();
    if (users.size === 0) return;
    for (const userId of users.keys()) stale.add(userId);
    looking.trigger();
  }

  /** The newest conversations of a user: those that are other than they were, and which of them are gone. */
  function take(userId: string, recent: readonly LiveConversation[]): void {
    const watched = users.get(userId);
    if (!watched) return;
    const { known, isKnown } = watched;
    watched.isKnown = true;
    const ids = new Set(recent.map(({ conversation }) => conversation.id));
    const last = recent.at(-1)?.conversation.updatedAt.getTime() ?? 0;
    for (const live of recent) {
      if (isKnown) tell(live);
      else known.set(live.conversation.id, formOf(live));
    }
    for (const [conversationId, form] of known) {
      if (ids.has(conversationId)) continue;
      // It is older than the newest now, or deleted: only a look at itself tells.
      known.delete(conversationId);
      if (timeOf(form) < last) continue;
      changed.set(conversationId, { userId, conversationId });
      telling.trigger();
    }
  }

  function tell(live: LiveConversation): void {
    const watched = users.get(String(live.userId));
    const form = formOf(live);
    if (!watched || watched.known.get(live.conversation.id) === form) return;
    watched.known.set(live.conversation.id, form);
    const { conversation, runId } = live;
    for (const page of watched.pages) page.tell({ type: "conversation", conversation, runId });
  }

  function tellDeleted(userId: string, conversationId: string): void {
    const watched = users.get(userId);
    watched?.known.delete(conversationId);
    for (const page of watched?.pages ?? []) page.tell({ type: "deleted", conversationId });
  }

  /** The events of one page, as server-sent events, for at most ten minutes: then the page asks again. */
  function stream({ userId, signal, release }: OpenStream): Response {
    let page: Page | undefined;
    let leave = () => false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const write = (text: string) => {
          // A page that takes nothing for so long is not there any more.
          if ((controller.desiredSize ?? 0) < -1_000) return page?.end();
          try {
            controller.enqueue(encoder.encode(text));
          } catch {
            // It was left at this moment; a timer that throws would end the process.
            page?.end();
          }
        };
        page = {
          tell: (event) => write(`data: ${JSON.stringify(event)}\n\n`),
          sign: () => write(": still here\n\n"),
          end: () => {
            if (!leave()) return;
            try {
              controller.close();
            } catch {
              // Closed from the other side.
            }
          },
        };
        const stay = enter(userId, page);
        leave = () => {
          release();
          return stay();
        };
        signal.addEventListener("abort", () => page?.end(), { once: true });
        write("retry: 1000\n\n");
        page.tell({ type: "ready" });
        if (isClosed || signal.aborted) page.end();
      },
      cancel: () => void leave(),
    });
    const headers = { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" };
    return new Response(body, { headers });
  }

  /** Gives the way out, which says whether the page was still in. */
  function enter(userId: string, page: Page): () => boolean {
    const watched = users.get(userId) ?? { pages: new Set(), known: new Map(), isKnown: false };
    users.set(userId, watched);
    watched.pages.add(page);
    const release = notifier.keepListening();
    const longest = setTimeout(() => page.end(), maxMs).unref();
    stale.add(userId);
    looking.trigger();
    let isIn = true;
    return () => {
      if (!isIn) return false;
      isIn = false;
      clearTimeout(longest);
      release();
      watched.pages.delete(page);
      if (watched.pages.size === 0) users.delete(userId);
      return true;
    };
  }

  return {
    stream,
    /** Lets all pages go: they come back elsewhere. */
    close: async () => {
      isClosed = true;
      clearInterval(poll);
      clearInterval(signs);
      for (const { pages } of [...users.values()]) for (const page of [...pages]) page.end();
      await Promise.all([telling.close(), looking.close()]);
    },
  };
}

/** What a page can see of a conversation, with its time first. */
function formOf({ conversation: { updatedAt, ...others }, runId }: LiveConversation): string {
  return JSON.stringify([updatedAt.getTime(), others, runId]);
}

function timeOf(form: string): number {
  return (JSON.parse(form) as [number])[0];
}
