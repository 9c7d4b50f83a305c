/** A feed as a response: server-sent events of the AI SDK's UI message stream, each with an id to go on from. */
import { UI_MESSAGE_STREAM_HEADERS, type UIMessageChunk } from "ai";
import { InvalidInputError, idSchema } from "chatkeep";
import { type Ending, type Feed, type Feeds, signOfLifeMs } from "./feeds.ts";

/** Where a client is in which reply: `<run>:<number of the last event it has>`, as in the `id` of each event. */
export interface EventPlace {
  runId: string;
  after: number;
}

const lettersAtOnce = 64 * 1024;
/** A little less than what feeds give signs of life after. */
const silenceMs = signOfLifeMs - 1_000;
const terminal = new Set(["finish", "abort", "error"]);

const interrupted = "The server that wrote this answer has stopped. What it wrote is kept: try again.";
const gone = "This conversation was deleted.";

/** @throws invalid_input */
export function placeIn(lastEventId: string | undefined): EventPlace | undefined {
  if (!lastEventId) return undefined;
  const [runId = "", after = ""] = lastEventId.split(":");
  if (!idSchema.safeParse(runId).success || !/^\d{1,9}$/.test(after)) {
    throw new InvalidInputError("Last-Event-ID must be the id of an event of this stream, or be left out.");
  }
  return { runId, after: Number(after) };
}

/** Everything after `after`, then what comes, until the reply ends. */
export function respondWith(feeds: Feeds, userId: string, { runId, after }: EventPlace): Response {
  const { feed, letGo } = feeds.follow(userId, runId);
  const encoder = new TextEncoder();
  const left = Promise.withResolvers<void>();
  let next = after;
  let isCancelled = false;

  let wroteAt = performance.now();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const write = (text: string) => {
        wroteAt = performance.now();
        controller.enqueue(encoder.encode(text));
      };
      while (!isCancelled) {
        const more = eventsFrom(feed, next);
        if (more) {
          next = more.next;
          return write(more.text);
        }
        if (feed.ending) {
          letGo();
          write(endOf(feed, feed.ending));
          return controller.close();
        }
        if (feeds.isClosed() && !feed.isOwn) {
          letGo();
          return controller.error(new Error("the server is shutting down"));
        }
        if (performance.now() - wroteAt >= silenceMs) return write(": still here\n\n");
        await Promise.race([feed.changed, left.promise]);
      }
    },
    cancel() {
      isCancelled = true;
      left.resolve();
      letGo();
    },
  });
  return new Response(body, { headers: UI_MESSAGE_STREAM_HEADERS });
}

function eventsFrom({ events, runId }: Feed, from: number): { text: string; next: number } | undefined {
  let text = "";
  let next = from;
  while (next < events.length && text.length < lettersAtOnce) {
    next += 1;
    text += `id: ${runId}:${next}\ndata: ${events[next - 1]}\n\n`;
  }
  return next > from ? { text, next } : undefined;
}

/** A stream that was cut off says how it ended; then all of them end alike. */
function endOf({ events }: Feed, ending: Ending): string {
  const last = JSON.parse(events.at(-1) ?? "{}") as Partial<UIMessageChunk>;
  const missing = terminal.has(last.type ?? "") ? "" : `data: ${JSON.stringify(chunkFor(ending))}\n\n`;
  return `${missing}data: [DONE]\n\n`;
}

function chunkFor({ status, error }: Ending): UIMessageChunk {
  switch (status) {
    case "completed":
      return { type: "finish" };
    case "stopped":
      return { type: "abort" };
    case "failed":
      return { type: "error", errorText: error ?? interrupted };
    case "interrupted":
      return { type: "error", errorText: interrupted };
    case "gone":
      return { type: "error", errorText: gone };
  }
}
