/** Asking over HTTP, following a reply from anywhere, stopping it. */
import type { NewMessage } from "../wire.ts";
import { type Reply, replyOf } from "./reply.ts";
import type { RequestOptions, Sender } from "./request.ts";

/** What is asked, in a conversation that is made if there is none. */
export interface Question {
  /** A UUID; a conversation that does not exist yet is made. */
  conversationId: string;
  /** The question: its `content`, or its `parts`. With an `id` of your own it can be asked again safely. */
  message: Pick<NewMessage, "id" | "content" | "parts">;
  /** The message that it follows, if that is not the last one; `null` for a new beginning. */
  parentId?: string | null | undefined;
  /** Another answer, beside the first, to a question that is stored. */
  regenerate?: boolean | undefined;
  /** Waits up to five minutes while another reply of the conversation is being written, in place of a `conflict`. */
  wait?: boolean | undefined;
}

/** From where on a reply is followed. */
export interface FollowOptions extends RequestOptions {
  /** Of the last event that came: the events after it are read. From the beginning when left out. */
  lastEventId?: string | undefined;
}

/** Asking, following and stopping; each verb throws an `ApiError`. */
export interface ChatClient {
  /**
   * Asks. When it is answered the question is stored, and the reply is written whether or not anybody reads it. The events come
   * with `for await`; where the connection breaks it is opened again, until `signal` ends it.
   * @throws invalid_input; conflict while another reply is being written (`details.runId`); rate_limited; too_large
   */
  ask(question: Question, options?: RequestOptions): Promise<Reply>;
  /**
   * The reply that is being written, or, with `lastEventId`, one that has ended within the last minutes; `undefined` when there
   * is nothing to follow: read the messages. Where the connection breaks it is opened again, until `signal` ends it.
   * @throws invalid_input
   */
  follow(conversationId: string, options?: FollowOptions): Promise<Reply | undefined>;
  /** Stops the reply that is being written, on whichever server, within a second; what was written stays. @throws not_found */
  stop(conversationId: string, options?: RequestOptions): Promise<void>;
}

const accept = "text/event-stream";

export function chatClient({ send, request }: Sender): ChatClient {
  const pathOf = (conversationId: string) => `/chat/${encodeURIComponent(conversationId)}`;
  const open = (conversationId: string, signal: AbortSignal | undefined) => (lastEventId: string | undefined) =>
    send(`${pathOf(conversationId)}/stream`, {
      signal,
      headers: { accept, ...(lastEventId !== undefined && { "last-event-id": lastEventId }) },
    });
  return {
    ask: async ({ conversationId: id, message, regenerate = false, parentId, wait }, { signal, keepalive } = {}) => {
      const trigger = regenerate ? "regenerate-message" : "submit-message";
      const json = { id, message: { ...message, role: "user" }, trigger, parentId, wait };
      const options = { headers: { accept }, signal, keepalive: keepalive ?? false };
      const response = await send("/chat", { method: "POST", json, ...options });
      return replyOf(response, { signal, lastEventId: undefined, again: open(id, signal) });
    },
    follow: async (conversationId, { signal, lastEventId } = {}) => {
      const again = open(conversationId, signal);
      const response = await again(lastEventId);
      return response.status === 204 ? undefined : replyOf(response, { signal, lastEventId, again });
    },
    stop: (conversationId, options) => request(`${pathOf(conversationId)}/stop`, { ...options, method: "POST" }),
  };
}
