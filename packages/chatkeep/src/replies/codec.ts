/** All that replies need to know of a protocol: how its events lie in the rows of `run_chunk`, and what a message has of them. */
import type { PartsOf } from "../store/context.ts";
import type { Message, Part } from "../store/tables/message.ts";
import type { ChunkRow } from "../store/tables/run.ts";

/** How the events of a reply become stored text and back, and how its parts are made of them. */
export interface Codec<Event> {
  /**
   * The parts of a message from all events of its reply, which may have been cut off anywhere: as much as can be read. A reply
   * that went on has `earlier` ones, to which its events add: they are given, too.
   */
  toParts(events: readonly Event[], earlier: readonly Part[]): Part[] | Promise<Part[]>;
  /** The metadata of a message from all events of its reply; `undefined` where they say nothing of it. */
  toMetadata?(events: readonly Event[]): unknown;
  /** A stored reply as the events that it once was, for whoever asks the same question again. */
  toEvents(reply: Message): Iterable<Event>;
  /** The same events with those put together that may be one: what comes at one moment is stored so. */
  join?(events: readonly Event[]): Event[];
  /** An event as one line of well-formed text without NUL; JSON when it is left out. */
  encode?(event: Event): string;
  decode?(text: string): Event;
  /** About how many characters an event has as JSON, where that can be told without making it. */
  charsIn?(event: Event): number;
}

/** A codec with what was left out. */
export type WholeCodec<Event> = Required<Codec<Event>>;

export function wholeCodec<Event>(codec: Codec<Event>): WholeCodec<Event> {
  const encode = codec.encode ? inOneLine(codec.encode) : (event: Event) => JSON.stringify(event);
  return {
    toParts: (events, earlier) => codec.toParts(events, earlier),
    toMetadata: (events) => codec.toMetadata?.(events),
    toEvents: (reply) => codec.toEvents(reply),
    join: (events) => codec.join?.(events) ?? [...events],
    encode,
    decode: (text) => codec.decode?.(text) ?? (JSON.parse(text) as Event),
    // Encoded once more, so that what cannot be stored fails the reply that it is of, and no other one.
    charsIn: (codec.encode ? undefined : codec.charsIn) ?? ((event) => encode(event).length),
  };
}

/**
 * What a store has to be made with, so that a reply whose process died keeps what was streamed of it:
 * `createStore(connection, tables, { partsOf: partsOf(codec) })`.
 */
export function partsOf<Event>(codec: Codec<Event>): PartsOf {
  const { decode } = wholeCodec(codec);
  return (chunks, earlier) =>
    readParts(codec, () => chunks.flatMap((chunk) => eventsIn({ chunk })).map(decode), earlier);
}

/** A reply that cannot be read must not keep its conversation busy for ever. */
export async function readParts<Event>(
  codec: Codec<Event>,
  events: () => readonly Event[],
  earlier: readonly Part[],
): Promise<Part[]> {
  try {
    return await codec.toParts(events(), earlier);
  } catch {
    return [...earlier];
  }
}

/** A row of events that are numbered from `first` on: its `seq` is the number of its last one. */
export function toRow(first: number, events: readonly string[]): ChunkRow {
  return { seq: first + events.length - 1, chunk: events.join("\n") };
}

/** An event has no line breaks of its own. */
export function eventsIn({ chunk }: Pick<ChunkRow, "chunk">): string[] {
  return chunk.split("\n");
}

function inOneLine<Event>(encode: (event: Event) => string) {
  return (event: Event): string => {
    const text = encode(event);
    if (/[\n\0]/.test(text) || !text.isWellFormed()) {
      throw new TypeError("codec.encode must give one line of well-formed text without NUL, as JSON.stringify does.");
    }
    return text;
  };
}
