/** The events of AG-UI as events of replies: kept one by one while a run is running, then compacted in a part beside what can be read. */
import { type BaseEvent, compactEvents } from "@ag-ui/client";
import type { Codec } from "../../replies/codec.ts";
import type { Message, Part } from "../../store/tables/message.ts";
import { shownParts } from "./shown.ts";
import { messagesIn, withMessages } from "./told.ts";

/** One event of a run as it is stored; `kept` are the ids of input messages that are messages of the conversation themselves. */
export interface RunEvent {
  event: BaseEvent;
  kept?: string[] | undefined;
}

/** The type of the part that holds the compacted events of a run. */
const runType = "data-ag-ui-run";

/** For `createReplies`, and for `partsOf` of `createStore`. */
export const agUiCodec: Codec<RunEvent> = {
  toParts: (stored) => {
    if (stored.length === 0) return [];
    const kept = new Set(stored.flatMap((one) => one.kept ?? []));
    const events = compacted(stored.map(({ event }) => event)).map((event) => withReferences(event, kept));
    return [...shownParts(events), { type: runType, data: { events } }];
  },
  toEvents: (reply) => (eventsIn(reply) ?? []).map((event) => ({ event })),
  encode: ({ event, kept }) => JSON.stringify({ event: plain(event), kept }),
  decode: (text) => JSON.parse(text) as RunEvent,
};

/** The compacted events of a run that a message is of; `undefined` where it is of none. */
export function eventsIn({ parts }: Pick<Message, "parts">): BaseEvent[] | undefined {
  const data = parts?.find(({ type }: Part) => type === runType)?.["data"] as { events?: BaseEvent[] } | undefined;
  return data?.events;
}

/** What came of a framework may be no JSON; without it the event says the same. */
function plain(event: BaseEvent): BaseEvent {
  try {
    JSON.stringify(event);
    return event;
  } catch {
    const { rawEvent: _, ...rest } = event;
    return rest as BaseEvent;
  }
}

/** Pieces of one text are one event, and changes of the state one snapshot, which begins with the state that the run was given. */
function compacted(events: BaseEvent[]): BaseEvent[] {
  const first = events.find(({ type }) => type === "STATE_SNAPSHOT" || type === "STATE_DELTA");
  const given = events.find(({ type }) => type === "RUN_STARTED");
  const state = (given as { input?: { state?: unknown } } | undefined)?.input?.state ?? {};
  const snapshot = { type: "STATE_SNAPSHOT", snapshot: state } as unknown as BaseEvent;
  const [head, ...rest] = events;
  const whole = first?.type === "STATE_DELTA" && head ? [head, snapshot, ...rest] : events;
  try {
    return compactEvents(structuredClone(whole));
  } catch {
    // A change that does not fit the state: whoever follows the events decides what becomes of it.
    return events;
  }
}

/** What is a message of the conversation is named, not kept twice: when it is redacted there, nothing of it is left here. */
function withReferences(event: BaseEvent, kept: ReadonlySet<string>): BaseEvent {
  const messages = messagesIn(event);
  if (messages.length === 0) return event;
  return withMessages(
    event,
    messages.map((message) => (kept.has(String(message["id"])) ? { id: message["id"] } : message)),
  );
}
