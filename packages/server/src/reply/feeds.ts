/**
 * Running replies as this server's clients see them. One feed for each reply, whoever follows it: of a reply that is written
 * here it is filled after its events are stored, of another one it is read from the database when its notification comes.
 * So nobody, the one who asked included, is shown what a crash could take back.
 */
import { coalesce, type Notifier, type RunNews, type RunStatus, type ServerStore } from "chatkeep";
import { createOutageLog, type Log } from "../log.ts";
import { eventsIn } from "./events.ts";

/** How a reply ended; `gone` when its conversation was deleted. */
export interface Ending {
  status: Exclude<RunStatus, "running"> | "gone";
  error?: string | null | undefined;
}

export interface Feed {
  readonly userId: string;
  readonly runId: string;
  /** All of them, from the first; JSON of the AI SDK's UI message chunks. */
  readonly events: string[];
  readonly ending: Ending | undefined;
  /** Whether this server writes it. */
  readonly isOwn: boolean;
  /** Called when there is more, when it has ended, and from time to time as a sign of life. */
  readonly listeners: Set<() => void>;
}

/** The feed of a reply that this server writes. */
export interface OwnFeed {
  readonly events: readonly string[];
  publish(events: readonly string[]): void;
  end(ending: Ending): void;
  /** It is another's now: what becomes of it is read from the database. */
  lose(): void;
}

export interface FeedsOptions {
  server: Pick<ServerStore, "readRuns">;
  notifier: Notifier;
  log: Log;
  /** Called when a run is found whose server has died. */
  onDead(): void;
}

export type Feeds = ReturnType<typeof createFeeds>;

interface OpenFeed extends Feed {
  ending: Ending | undefined;
  isOwn: boolean;
  release: (() => void) | undefined;
}

/** Without notifications, often enough for words to seem to flow; with them, in case that one was lost. */
const pollMs = { unheard: 100, heard: 2_000 };
export const signOfLifeMs = 15_000;
const runsAtOnce = 200;

export function createFeeds({ server, notifier, log, onDead }: FeedsOptions) {
  const feeds = new Map<string, OpenFeed>();
  const due = new Set<OpenFeed>();
  let isClosed = false;
  let polledAt = 0;

  const readings = createOutageLog(log, "replies could not be read");
  const reading = coalesce(
    readings.watch(async () => {
      const some = [...due].slice(0, runsAtOnce);
      if (some.length === 0) return;
      const places = some.map(({ userId, runId, events }) => ({ userId, runId, after: events.length }));
      const news = new Map((await server.readRuns(places)).map((one) => [one.runId, one]));
      for (const feed of some) {
        due.delete(feed);
        take(feed, news.get(feed.runId));
      }
      if (due.size > 0) reading.trigger();
    }),
    { everyMs: 5, onError: readings.failed },
  );

  const poll = setInterval(() => {
    if (performance.now() - polledAt < (notifier.isListening() ? pollMs.heard : pollMs.unheard)) return;
    polledAt = performance.now();
    askFor((feed) => !feed.isOwn);
  }, pollMs.unheard).unref();
  const signsOfLife = setInterval(() => {
    for (const feed of feeds.values()) wake(feed);
  }, signOfLifeMs).unref();

  notifier.subscribe((change) => {
    if (!change) return askFor((feed) => !feed.isOwn);
    const feed = "runId" in change ? feeds.get(change.runId) : undefined;
    if (feed && !feed.isOwn) askFor((each) => each === feed);
  });

  function askFor(which: (feed: OpenFeed) => boolean): void {
    for (const feed of feeds.values()) if (which(feed)) due.add(feed);
    if (due.size > 0) reading.trigger();
  }

  function take(feed: OpenFeed, news: RunNews | undefined): void {
    if (feed.isOwn) return;
    if (!news) {
      end(feed, { status: "gone" });
      return;
    }
    for (const row of news.chunks) {
      const events = eventsIn(row);
      const known = feed.events.length - (row.seq - events.length);
      feed.events.push(...events.slice(Math.max(0, known)));
    }
    if (news.chunks.length > 0) wake(feed);
    if (news.hasMore) due.add(feed);
    else if (news.status !== "running") end(feed, { status: news.status, error: news.error });
    else if (news.isOver) onDead();
  }

  function open(userId: string, runId: string, isOwn: boolean): OpenFeed {
    const feed: OpenFeed = {
      userId,
      runId,
      events: [],
      ending: undefined,
      listeners: new Set(),
      isOwn,
      release: isOwn ? undefined : notifier.keepListening(),
    };
    feeds.set(runId, feed);
    return feed;
  }

  function end(feed: OpenFeed, ending: Ending): void {
    feed.ending ??= ending;
    drop(feed);
    wake(feed);
  }

  function drop(feed: OpenFeed): void {
    if (feeds.get(feed.runId) === feed) feeds.delete(feed.runId);
    due.delete(feed);
    feed.release?.();
    feed.release = undefined;
  }

  return {
    /** Begins the feed of a reply that is written here. */
    begin(userId: string, runId: string): OwnFeed {
      // Somebody may follow it already: its row was there a moment before this.
      const feed = feeds.get(runId) ?? open(userId, runId, true);
      feed.isOwn = true;
      feed.release?.();
      feed.release = undefined;
      return {
        events: feed.events,
        publish: (events) => {
          feed.events.push(...events);
          wake(feed);
        },
        end: (ending) => end(feed, ending),
        lose: () => {
          if (feed.ending) return;
          feed.isOwn = false;
          wake(feed);
          askFor((each) => each === feed);
        },
      };
    },
    /** The feed of a run of this user, until the function that comes with it is called. `onChange`: see `listeners`. */
    follow(userId: string, runId: string, onChange: () => void): { feed: Feed; letGo(): void } {
      const known = feeds.get(runId);
      const feed = known?.userId === userId ? known : open(userId, runId, false);
      if (feed !== known) askFor((each) => each === feed);
      feed.listeners.add(onChange);
      const letGo = () => {
        feed.listeners.delete(onChange);
        if (feed.listeners.size === 0 && !feed.isOwn) drop(feed);
      };
      return { feed, letGo };
    },
    isClosed: () => isClosed,
    /** Lets the followers of other servers' replies go: they come back elsewhere. Those of our own hear the end. */
    async close(): Promise<void> {
      isClosed = true;
      clearInterval(poll);
      clearInterval(signsOfLife);
      await reading.close();
      for (const feed of feeds.values()) wake(feed);
    },
  };
}

function wake({ listeners }: Feed): void {
  for (const listener of [...listeners]) {
    try {
      listener();
    } catch {
      // A follower that has just left; it must not end those beside it, nor the process.
      listeners.delete(listener);
    }
  }
}
