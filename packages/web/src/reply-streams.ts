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
  for (const [path, listeners] of waiting) if (path.includes(conversationId)) for (const end of listeners) end();
}

export const fetchReply: typeof fetch = async (input, init) => {
  const isFollowing = init?.method === "GET";
  const over = new AbortController();
  init?.signal?.addEventListener("abort", () => over.abort());
  const place = takePlace(over.signal);
  try {
    if (isFollowing) {
      const isTurn = Promise.all([untilVisible(over.signal), place.taken]);
      await Promise.race([isTurn, untilEnded(String(input), over.signal), aborted(over.signal)]);
    }
    const response = await fetch(input, init);
    if (response.ok && response.body) return new Response(watched(response.body, place, over), response);
    over.abort();
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

async function untilEnded(path: string, over: AbortSignal): Promise<void> {
  const listeners = waiting.get(path) ?? new Set();
  waiting.set(path, listeners);
  await new Promise<void>((resolve) => {
    listeners.add(resolve);
    void aborted(over).then(resolve);
    void aborted(over).then(() => listeners.delete(resolve));
  });
}

function watched(body: ReadableStream<Uint8Array>, place: Place, over: AbortController): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const lateFrom = performance.now() + patienceMs;
  const isHidden = () => document.visibilityState !== "visible";
  let whenHidden = () => {};
  let chunks = 0;
  let isLetGo = false;
  const end = () => {
    over.abort();
    document.removeEventListener("visibilitychange", whenHidden);
  };
  const letGo = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    isLetGo = true;
    end();
    controller.error(new LetGoError());
    void reader.cancel();
  };
  const read = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const { done, value } = await reader.read();
    if (isLetGo) return;
    chunks += 1;
    if (value) controller.enqueue(value);
    if (!done) return;
    controller.close();
    end();
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
        await read(controller);
      } catch (error) {
        end();
        if (!isLetGo) controller.error(error);
      }
    },
    cancel: async (reason) => {
      end();
      await reader.cancel(reason);
    },
  });
}
