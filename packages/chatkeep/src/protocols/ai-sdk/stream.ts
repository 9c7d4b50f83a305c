/** A feed as a response: server-sent events of the AI SDK's UI message stream, each with an id to go on from. */
import { UI_MESSAGE_STREAM_HEADERS, type UIMessageChunk } from "ai";
import { type Ending, type Feed, keepAliveMs } from "../../replies/feeds.ts";
import type { Reply } from "../../replies/reply.ts";
import type { Message } from "../../store/tables/message.ts";
import { chunksOf } from "./codec.ts";

/** A response that stays open: for as long as its user may see it, and counted until it ends. */
export interface OpenStream {
  /** Aborted when its user may see no more of it. */
  signal: AbortSignal;
  /** Called once when the stream has ended. */
  release(): void;
}

const charsAtOnce = 64 * 1024;
/** A little less than what feeds wake their listeners after. */
const silenceMs = keepAliveMs - 1_000;
const terminal = new Set(["finish", "abort", "error"]);

const interrupted = "The server that wrote this answer has stopped. What it wrote is kept: try again.";
const gone = "This conversation was deleted.";

/** How a reply is sent. */
export interface ResponseOptions {
  /** What the reply had before it went on. */
  earlier?: Message | undefined;
  /** Its last chunk is `finish`, however it ended, for clients that ask again until it comes. */
  isFinished?: boolean | undefined;
  headers?: Record<string, string> | undefined;
}

/** What of the reply is there already, then what comes, until it ends. */
export function respondWith(
  reply: Reply<UIMessageChunk>,
  { signal, release }: OpenStream,
  { earlier, isFinished = false, headers }: ResponseOptions = {},
): Response {
  let next = reply.after;
  let wroteAt = performance.now();
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let isOver = false;

  const write = (bytes: Uint8Array) => {
    wroteAt = performance.now();
    controller.enqueue(bytes);
  };
  const finish = () => {
    if (isOver) return;
    isOver = true;
    signal.removeEventListener("abort", signedOut);
    unsubscribe();
    release();
  };
  const signedOut = () => {
    if (isOver) return;
    finish();
    controller.error(signal.reason);
  };
  // As much as the client takes: what it is too slow for waits in the feed, which is there anyway.
  const flow = () => {
    while (!isOver && (controller.desiredSize ?? 0) > 0) {
      if (next < feed.events.length) {
        const frame = frameOf(feed, next);
        next = frame.to;
        write(frame.bytes);
      } else if (feed.ending) {
        finish();
        write(encoder.encode(endOf(feed, feed.ending, isFinished)));
        controller.close();
      } else if (isCut()) {
        finish();
        controller.error(new Error("the server is shutting down"));
      } else {
        if (performance.now() - wroteAt >= silenceMs) write(encoder.encode(": still here\n\n"));
        return;
      }
    }
  };
  const { feed, unsubscribe, isCut } = reply.subscribe(flow);
  const body = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
      signal.addEventListener("abort", signedOut, { once: true });
      if (signal.aborted) signedOut();
      else if (earlier) write(encoder.encode(eventsOf(earlier)));
    },
    pull: flow,
    cancel: finish,
  });
  return new Response(body, { headers: { ...UI_MESSAGE_STREAM_HEADERS, ...headers } });
}

/** What the reply had before it went on; its end is still to come. */
function eventsOf(message: Message): string {
  const chunks = [...chunksOf(message)].filter(({ type }) => type !== "finish");
  return chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
}

interface Frame {
  from: number;
  to: number;
  bytes: Uint8Array;
}

const encoder = new TextEncoder();
const latest = new WeakMap<Feed, Frame>();

/** Some of the events from there on. Those who follow one reply mostly wait for the same ones: they are encoded once. */
function frameOf(feed: Feed, from: number): Frame {
  const known = latest.get(feed);
  if (known?.from === from && (known.to === feed.events.length || known.bytes.length >= charsAtOnce)) return known;
  let text = "";
  let to = from;
  while (to < feed.events.length && text.length < charsAtOnce) {
    to += 1;
    text += `${feed.runId && `id: ${feed.runId}:${to}\n`}data: ${feed.events[to - 1]}\n\n`;
  }
  const frame = { from, to, bytes: encoder.encode(text) };
  latest.set(feed, frame);
  return frame;
}

/** A stream that was cut off says how it ended; then all of them end alike. */
function endOf({ events }: Feed, ending: Ending, isFinished: boolean): string {
  const last = JSON.parse(events.at(-1) ?? "{}") as Partial<UIMessageChunk>;
  const end = terminal.has(last.type ?? "") ? (last as UIMessageChunk) : chunkFor(ending);
  const missing: UIMessageChunk[] = end === last ? [] : [end];
  if (isFinished && end.type !== "finish") missing.push({ type: "finish" });
  return `${missing.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`;
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
