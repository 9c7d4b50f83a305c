/**
 * The streams of replies, as few of them as the tabs of a browser may have together. A tab that is not seen lets go of its
 * stream, and so does one that finds all places taken, once its question has arrived: the reply goes on without them, and is
 * taken up again where it is then.
 */
import { aborted, untilVisible, withPlace } from "./tabs.ts";

/** So long a stream may go on without a place: asking for one takes a moment. */
const patienceMs = 1_000;
const places = [1, 2, 3].map((number) => `chatkeep.reply.${number}`);

/** The stream was let go of; the reply was not lost. The AI SDK takes it for a lost network by these words. */
export class LetGoError extends TypeError {
  constructor() {
    super("network: the stream was let go of");
  }
}

const waiting = new Map<string, Set<() => void>>();

/** Whoever waits for a place to follow it need not wait any longer. */
export function replyHasEnded(conversationId: string): void {
  for (const [path, listeners] of waiting)
    if (path.includes(conversationId)) for (const listener of listeners) listener();
}

export const fetchReply: typeof fetch = async (input, init) => {
  const isFollowing = init?.method === undefined || init.method === "GET";
  const path = String(input);
  const over = new AbortController();
  const place = takePlace(over.signal);
  if (isFollowing) await Promise.race([Promise.all([untilVisible(init?.signal), place.taken]), untilEnded(path)]);
  try {
    const response = await fetch(input, init);
    if (!response.ok || !response.body) over.abort();
    else return new Response(watched(response.body, place, over), response);
    return response;
  } catch (error) {
    over.abort();
    throw error;
  }
};

interface Place {
  taken: Promise<void>;
  isTaken(): boolean;
}

/** Asks for one; it is given back when `over` says so. */
function takePlace(over: AbortSignal): Place {
  let isTaken = false;
  const taken = new Promise<void>((resolve) => {
    void withPlace(places, over, async () => {
      isTaken = true;
      resolve();
      await aborted(over);
    });
  });
  return { taken, isTaken: () => isTaken };
}

function untilEnded(path: string): Promise<void> {
  return new Promise((resolve) => {
    const listeners = waiting.get(path) ?? new Set();
    waiting.set(path, listeners.add(end));
    function end() {
      listeners.delete(end);
      if (listeners.size === 0) waiting.delete(path);
      resolve();
    }
  });
}

function watched(body: ReadableStream<Uint8Array>, place: Place, over: AbortController): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const lateFrom = performance.now() + patienceMs;
  const isHidden = () => document.visibilityState !== "visible";
  let whenHidden = () => {};
  let chunks = 0;
  const end = () => {
    over.abort();
    document.removeEventListener("visibilitychange", whenHidden);
  };
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      whenHidden = () => isHidden() && letGo(controller);
      document.addEventListener("visibilitychange", whenHidden);
    },
    pull: async (controller) => {
      const isLate = !place.isTaken() && performance.now() > lateFrom;
      if (chunks > 0 && (isHidden() || isLate)) return letGo(controller);
      try {
        const { done, value } = await reader.read();
        if (over.signal.aborted) return;
        chunks += 1;
        if (value) controller.enqueue(value);
        if (!done) return;
        controller.close();
        end();
      } catch (error) {
        if (over.signal.aborted) return;
        end();
        controller.error(error);
      }
    },
    cancel: async (reason) => {
      end();
      await reader.cancel(reason);
    },
  });

  function letGo(controller: ReadableStreamDefaultController<Uint8Array>): void {
    end();
    controller.error(new LetGoError());
    void reader.cancel();
  }
}
