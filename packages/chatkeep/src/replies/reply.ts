/** A reply as whoever follows it sees it: its events from some place on, each with an id to go on from, and how it ended. */
import { InvalidInputError, UnavailableError } from "../errors.ts";
import { uuidSchema } from "../store/schemas.ts";
import type { Message } from "../store/tables/message.ts";
import type { WholeCodec } from "./codec.ts";
import type { Ending, Feed, Reader, Subscription } from "./feeds.ts";

/** Where a client is in which reply: `<run>:<number of the last event that it has>`. */
export type EventId = `${string}:${number}`;

/** One event of a reply, with the id from which `follow` goes on. */
export interface ReplyEvent<Event> {
  /** Missing in a reply that is read from its message, since there is nothing to go on from. */
  id: EventId | undefined;
  event: Event;
}

/**
 * A reply that is being made, or has been. It can be read any number of times, and nothing happens to it when nobody reads it.
 * Reading throws `unavailable` when this process ends while another one makes the reply: follow it again elsewhere.
 */
export interface Reply<Event> extends AsyncIterable<ReplyEvent<Event>> {
  /** Missing when the question was answered before: then this is the answer that it has. */
  readonly runId: string | undefined;
  /** How many of its events are left out, because whoever follows it has them. */
  readonly after: number;
  /** How it ended, when it has. @throws unavailable, as reading does */
  ended(): Promise<Ending>;
  /**
   * Its events as they are encoded, for protocols that send them so to many. `onChange` is called when there is more, when it
   * has ended, and from time to time to keep a connection alive; call `unsubscribe` when nobody reads any more.
   */
  subscribe(onChange: () => void): Subscription;
}

/** Of a run. */
export function replyOf<Event>(codec: WholeCodec<Event>, reader: Reader, after: number): Reply<Event> {
  return readable(codec, reader.runId, after, reader.subscribe);
}

/** Of a message that is stored whole. */
export function storedReply<Event>(codec: WholeCodec<Event>, message: Message): Reply<Event> {
  const feed: Feed = {
    userId: "",
    runId: "",
    events: [...codec.toEvents(message)].map(codec.encode),
    ending: { status: "completed" },
    isOwn: false,
    listeners: new Set(),
  };
  return readable(codec, undefined, 0, () => ({ feed, unsubscribe: () => {}, isCut: () => false }));
}

/** @throws invalid_input */
export function positionIn(eventId: string): { runId: string; after: number } {
  const [runId = "", after = ""] = eventId.split(":");
  const id = uuidSchema.safeParse(runId);
  if (!id.success || !/^\d{1,9}$/.test(after)) {
    throw new InvalidInputError("Last-Event-ID must be the id of an event of this stream, or be left out.");
  }
  return { runId: id.data, after: Number(after) };
}

function readable<Event>(
  codec: WholeCodec<Event>,
  runId: string | undefined,
  after: number,
  subscribe: Reply<Event>["subscribe"],
): Reply<Event> {
  async function* read(from: number): AsyncGenerator<ReplyEvent<Event>, Ending> {
    let next = from;
    let changed = Promise.withResolvers<void>();
    const { feed, unsubscribe, isCut } = subscribe(() => changed.resolve());
    try {
      for (;;) {
        changed = Promise.withResolvers();
        for (; next < feed.events.length; next += 1) {
          const event = codec.decode(feed.events[next] as string);
          yield { id: runId === undefined ? undefined : `${runId}:${next + 1}`, event };
        }
        if (feed.ending) return feed.ending;
        if (isCut()) throw new UnavailableError("This server is shutting down: try again.");
        await changed.promise;
      }
    } finally {
      unsubscribe();
    }
  }
  return {
    runId,
    after,
    subscribe,
    [Symbol.asyncIterator]: () => read(after),
    ended: async () => {
      const { value } = await read(Number.POSITIVE_INFINITY).next();
      return value as Ending;
    },
  };
}
