/** The events of a reply, each once and in their order, however often the connection breaks: it goes on after the last one that came. */
import { ApiError, unreachable } from "./api-error.ts";
import { createBackoff, pause } from "./retry.ts";
import { readEvents } from "./server-sent-events.ts";

/** A chunk of the AI SDK's UI message stream, such as `{ type: "text-delta", id, delta }`. */
export type ReplyEvent = { type: string; [key: string]: unknown };

/** Take the events with `for await`, once. Leaving the loop closes the connection, and stops nothing. */
export interface Reply extends AsyncIterable<ReplyEvent> {
  /** Of the last event that came, to follow from there later; `undefined` where an answer was given again as a whole. */
  readonly lastEventId: string | undefined;
}

export interface Following {
  signal: AbortSignal | undefined;
  lastEventId: string | undefined;
  /** Opens the stream again; 204 when there is nothing to follow. */
  again(lastEventId: string | undefined): Promise<Response>;
}

const passing = new Set(["unavailable", "internal", "rate_limited"]);

const gone = () =>
  new ApiError("unavailable", "The reply ended while the connection was lost: read the messages.", { status: 204 });

export function replyOf(first: Response, { signal, again, ...given }: Following): Reply {
  let { lastEventId } = given;
  const events = read();
  return {
    get lastEventId() {
      return lastEventId;
    },
    [Symbol.asyncIterator]: () => events,
  };

  async function* read(): AsyncGenerator<ReplyEvent> {
    const backoff = createBackoff();
    let response = first;
    let hasNameless = false;
    for (;;) {
      let lost: unknown;
      try {
        for await (const { id, data } of readEvents(response)) {
          if (data === "[DONE]") return;
          if (id !== undefined && lastEventId !== undefined && runOf(id) !== runOf(lastEventId)) throw gone();
          if (id === undefined) hasNameless = true;
          else lastEventId = id;
          backoff.reset();
          yield JSON.parse(data) as ReplyEvent;
        }
      } catch (error) {
        if (signal?.aborted || error instanceof ApiError) throw error;
        lost = error;
      }
      // The end of a stream is an event that has no id; after others without one nothing says where to go on.
      if (hasNameless && lastEventId === undefined) throw unreachable(lost);
      response = await reopened(backoff);
      if (response.status === 204) throw gone();
    }
  }

  async function reopened(backoff: ReturnType<typeof createBackoff>): Promise<Response> {
    for (let wait: unknown; ; ) {
      await pause(backoff.next(wait), signal);
      try {
        return await again(lastEventId);
      } catch (error) {
        if (!(error instanceof ApiError) || !passing.has(error.code)) throw error;
        wait = error.details?.["retryAfter"];
      }
    }
  }
}

/** An event's id is `<run>:<number>`. */
function runOf(eventId: string): string {
  return eventId.slice(0, eventId.lastIndexOf(":"));
}
