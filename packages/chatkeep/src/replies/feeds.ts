/**
 * Running replies as the clients of this process see them. One feed for each reply, whoever follows it: of a reply that is written
 * here it is filled after its events are stored, of another one it is read from the database when its notification comes.
 * So nobody, the one who asked included, is shown what a crash could take back.
 */
import { coalesce } from "../notify/coalesce.ts";
import { createOutageLog } from "../notify/outage-log.ts";
import type { RunNews } from "../store/runs/heartbeat.ts";
import type { SystemStore } from "../store/store.ts";
import type { RunStatus } from "../store/tables/run.ts";
import type { UserId } from "../store/tables/tables.ts";
import { eventsIn } from "./codec.ts";
import type { Logger } from "./logger.ts";
import type { ReplyNotifier } from "./notifier.ts";

/** How a reply ended; `gone` when its conversation was deleted. */
export interface Ending {
  status: Exclude<RunStatus, "running"> | "gone";
  error?: string | null | undefined;
}

/** The events of a reply in this process, one for all who follow it. */
export interface Feed {
  readonly userId: UserId;
  readonly runId: string;
  /** All of them from the first, as the codec encodes them. */
  readonly events: string[];
  readonly ending: Ending | undefined;
  /** Whether this process writes it. */
  readonly isOwn: boolean;
  /** Called when there is more, when it has ended, and from time to time to keep a connection alive. */
  readonly listeners: Set<() => void>;
}

/** `isCut`: nothing comes any more, because this process ends and another one writes it. */
export interface Subscription {
  readonly feed: Feed;
  unsubscribe(): void;
  isCut(): boolean;
}

export interface Reader {
  readonly runId: string;
  /** `onChange`: see `listeners`. */
  subscribe(onChange: () => void): Subscription;
}

/** The feed of a reply that this process writes. */
export interface OwnFeed {
  readonly events: readonly string[];
  publish(events: readonly string[]): void;
  end(ending: Ending): void;
  /** It is another's now: what becomes of it is read from the database. */
  detach(): void;
}

export interface FeedsOptions {
  system: Pick<SystemStore, "readRuns">;
  notifier: ReplyNotifier;
  logger: Logger;
  /** Called when a run is found whose process has died. */
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
export const keepAliveMs = 15_000;
const runsAtOnce = 200;

export function createFeeds({ system, notifier, logger, onDead }: FeedsOptions) {
  const feeds = new Map<string, OpenFeed>();
  const due = new Set<OpenFeed>();
  let isClosed = false;
  let polledAt = 0;

  const readings = createOutageLog(logger, "replies could not be read");
  const reading = coalesce(
    readings.watch(async () => {
      const some = [...due].slice(0, runsAtOnce);
      if (some.length === 0) return;
      const positions = some.map(({ userId, runId, events }) => ({ userId, runId, after: events.length }));
      const news = new Map((await system.readRuns(positions)).map((one) => [one.runId, one]));
      for (const feed of some) {
        due.delete(feed);
        take(feed, news.get(feed.runId));
      }
      if (due.size > 0) reading.trigger();
    }),
    { everyMs: 5, onError: readings.failed },
  );

  const poll = timer(pollMs.unheard, () => {
    if (performance.now() - polledAt < (notifier.isListening() ? pollMs.heard : pollMs.unheard)) return;
    polledAt = performance.now();
    refresh((feed) => !feed.isOwn);
  });
  const keepAlive = timer(keepAliveMs, () => {
    for (const feed of feeds.values()) wake(feed);
  });

  notifier.subscribe((change) => {
    if (!change) return refresh((feed) => !feed.isOwn);
    const feed = "runId" in change ? feeds.get(change.runId) : undefined;
    if (feed && !feed.isOwn) refresh((each) => each === feed);
  });

  function refresh(which: (feed: OpenFeed) => boolean): void {
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

  function open(userId: UserId, runId: string, isOwn: boolean): OpenFeed {
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
    if (!isClosed) for (const each of [poll, keepAlive]) each.start();
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
    if (feeds.size === 0) for (const each of [poll, keepAlive]) each.stop();
  }

  /** Follows a feed until it is left: the one that was held from its beginning, as long as that is still of use. */
  function subscribe(userId: UserId, runId: string, held: OpenFeed | undefined, onChange: () => void): Subscription {
    const known = feeds.get(runId);
    const shared = known?.userId === userId ? known : undefined;
    const feed = held?.ending ? held : (shared ?? open(userId, runId, false));
    if (feed !== held && feed !== shared) refresh((each) => each === feed);
    feed.listeners.add(onChange);
    const unsubscribe = () => {
      feed.listeners.delete(onChange);
      if (feed.listeners.size === 0 && !feed.isOwn) drop(feed);
    };
    return { feed, unsubscribe, isCut: () => isClosed && !feed.isOwn };
  }

  return {
    /** Begins the feed of a reply that is written here. */
    begin(userId: UserId, runId: string): OwnFeed {
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
        detach: () => {
          if (feed.ending) return;
          feed.isOwn = false;
          wake(feed);
          refresh((each) => each === feed);
        },
      };
    },
    /** The feed of a run of this user, for as long as somebody subscribes to it; of one that is written here it has everything. */
    reader(userId: UserId, runId: string): Reader {
      const known = feeds.get(runId);
      const held = known?.isOwn && known.userId === userId ? known : undefined;
      return { runId, subscribe: (onChange) => subscribe(userId, runId, held, onChange) };
    },
    /** Lets the followers of other processes' replies go: they come back elsewhere. Those of our own hear the end. */
    async close(): Promise<void> {
      isClosed = true;
      for (const each of [poll, keepAlive]) each.stop();
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

/** Runs while there is something to do, and keeps no process alive. */
function timer(everyMs: number, work: () => void) {
  let running: NodeJS.Timeout | undefined;
  return {
    start: () => {
      running ??= setInterval(work, everyMs).unref();
    },
    stop: () => {
      clearInterval(running);
      running = undefined;
    },
  };
}
