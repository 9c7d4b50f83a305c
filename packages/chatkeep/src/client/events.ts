/** What changes, told by the server for as long as somebody subscribes. */
import type { LiveEvent } from "../wire.ts";
import { ApiError, unreachable } from "./api-error.ts";
import type { Sender } from "./request.ts";
import { createBackoff, pause } from "./retry.ts";
import { readEvents } from "./server-sent-events.ts";

/** How the stream of events stands. */
export type EventsState =
  | { name: "connecting" }
  | { name: "open" }
  /** Not connected: `error` says why, and is left out where the server ended the stream, as it does from time to time. */
  | { name: "waiting"; error?: ApiError; retryInMs: number };

/** When to end, and who hears how the stream stands. */
export interface SubscribeOptions {
  /** Ends the subscription, like the function that `subscribe` gives. */
  signal?: AbortSignal | undefined;
  /** Told when the connection is opened, is open, or is waited for. */
  onState?: ((state: EventsState) => void) | undefined;
}

/** What changes in the conversations of the user, as it changes. */
export interface EventsClient {
  /**
   * Tells `listener` of every conversation that is new, changed or deleted, until the function that it gives is called. After
   * each `ready`, the first and those after a lost connection, read what you show: what was missed meanwhile is not told again.
   * It connects again by itself, after pauses of 1 to 30 seconds, also where it is refused: `onState` says so.
   */
  subscribe(listener: (event: LiveEvent) => void, options?: SubscribeOptions): () => void;
}

export function eventsClient({ send }: Sender): EventsClient {
  return {
    subscribe: (listener, { signal: given, onState = () => {} } = {}) => {
      const over = new AbortController();
      const signal = given ? AbortSignal.any([given, over.signal]) : over.signal;
      const told = { onState: outside(signal, onState), onEvent: outside(signal, listener) };
      // Not before the caller has the way to end it.
      queueMicrotask(() => void stayConnected({ send, signal, ...told }));
      return () => over.abort();
    },
  };
}

interface Connecting extends Pick<Sender, "send"> {
  signal: AbortSignal;
  onState(state: EventsState): void;
  onEvent(event: LiveEvent): void;
}

async function stayConnected({ send, signal, onState, onEvent }: Connecting): Promise<void> {
  const backoff = createBackoff();
  while (!signal.aborted) {
    let error: ApiError | undefined;
    try {
      onState({ name: "connecting" });
      const response = await send("/events", { signal, headers: { accept: "text/event-stream" } });
      for await (const { data } of readEvents(response, backoff.setFirst)) {
        const event = JSON.parse(data) as LiveEvent;
        if (event.type === "ready") {
          backoff.reset();
          onState({ name: "open" });
        }
        onEvent(event);
      }
    } catch (thrown) {
      error = thrown instanceof ApiError ? thrown : unreachable(thrown);
    }
    if (signal.aborted) return;
    const retryInMs = backoff.next(error?.details?.["retryAfter"]);
    onState({ name: "waiting", retryInMs, ...(error && { error }) });
    await pause(retryInMs, signal).catch(() => {});
  }
}

/** What a listener throws is its own affair, and ends no connection; after the end it is told nothing. */
function outside<Value>(signal: AbortSignal, listener: (value: Value) => void): (value: Value) => void {
  return (value) => {
    if (signal.aborted) return;
    try {
      listener(value);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}
