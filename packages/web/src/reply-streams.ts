/**
 * The streams of replies, as few of them as the tabs of a browser may have together. A tab that is not seen lets go of its
 * stream, and so does one that finds all places taken, once its question has arrived: the reply goes on without them, and is
 * taken up again where it is then.
 */
import { errorOf } from "chatkeep/client";
import { client } from "./client.ts";
import { aborted, untilVisible, withPlace } from "./tabs.ts";

/** So long a stream may go on without a place: asking for one takes a moment. */
const timeoutMs = 1_000;
const places = [1, 2, 3].map((number) => `chatkeep.reply.${number}`);

/** The stream was let go of; the reply was not lost. The AI SDK takes it for a lost network by these words. */
export class DetachedError extends TypeError {
  constructor() {
    super("network: the stream was let go of");
  }
}

const waiting = new Map<string, Set<() => void>>();

/** Whoever waits for a place to follow it need not wait any longer. */
export function replyHasEnded(conversationId: string): void {
  for (const [path, listeners] of waiting) if (path.includes(conversationId)) for (const end of listeners) end();
}

/** Says of a conversation, as an event of its id, that the server has stored the question that was asked in it. */
export const storedQuestions = new EventTarget();

/** `fetch` for the streams below the client's address. @throws ApiError for an answer that is one */
export const fetchReply: typeof fetch = async (input, init) => {
  const path = String(input);
  const isFollowing = init?.method === "GET";
  const over = new AbortController();
  init?.signal?.addEventListener("abort", () => over.abort());
  if (isFollowing) await untilVisible(over.signal);
  const place = takePlace(over.signal);
  try {
    if (isFollowing) await Promise.race([place.taken, untilEnded(path, over.signal), aborted(over.signal)]);
    const response = await client.fetch(path, init);
    if (!response.ok) throw await errorOf(response);
    if (!isFollowing) {
      const { id } = JSON.parse(String(init?.body)) as { id: string };
      storedQuestions.dispatchEvent(new Event(id));
    }
    if (response.body) return new Response(watched(response.body, place, over), response);
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
  let isDetached = false;
  let unwatch = () => {};
  const end = () => {
    over.abort();
    unwatch();
  };
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      const detach = () => {
        isDetached = true;
        end();
        controller.error(new DetachedError());
        void reader.cancel();
      };
      const timeout = setTimeout(() => place.isTaken() || detach(), timeoutMs);
      const lookAtTab = () => document.visibilityState === "visible" || detach();
      document.addEventListener("visibilitychange", lookAtTab);
      unwatch = () => {
        clearTimeout(timeout);
        document.removeEventListener("visibilitychange", lookAtTab);
      };
      lookAtTab();
    },
    pull: async (controller) => {
      try {
        const { done, value } = await reader.read();
        if (isDetached) return;
        if (value) controller.enqueue(value);
        if (!done) return;
        end();
        controller.close();
      } catch (error) {
        end();
        if (!isDetached) controller.error(error);
      }
    },
    cancel: async (reason) => {
      end();
      await reader.cancel(reason);
    },
  });
}
