/** Messages over HTTP: by their order, and by the branch that they are on. */
import type { BranchMessage, Message, MessageChange, NewMessage, Page } from "../wire.ts";
import { conversationPath } from "./conversations.ts";
import type { RequestOptions, Sender } from "./request.ts";

/** What must be so for messages to be appended. */
export interface AppendOptions extends RequestOptions {
  /** How many messages there are; another number is a `conflict`, with `details.messageCount`. */
  expectedSeq?: number | undefined;
}

/** Which page of a conversation. */
export interface MessageListOptions extends RequestOptions {
  /** 1 to 500; 50 when left out. */
  limit?: number | undefined;
  /** A `seq`: the page before it, or after it. */
  before?: number | string | undefined;
  after?: number | string | undefined;
}

/** Which branch, and which page of it. */
export interface BranchOptions extends RequestOptions {
  /** 1 to 500; 50 when left out. */
  limit?: number | undefined;
  /** The message that the branch ends with; the conversation's head when left out. */
  leafId?: string | undefined;
  /** The `nextCursor` of the page below. */
  before?: string | undefined;
}

/** Messages of the user's conversations; each verb throws an `ApiError`. */
export interface MessagesClient {
  /**
   * Appends 1 to 100 messages, all or none. A message's `id` is its idempotency key: with it the same can be sent again safely.
   * @throws not_found; conflict; too_large over 16 MiB in one message
   */
  append(conversationId: string, messages: readonly NewMessage[], options?: AppendOptions): Promise<Message[]>;
  /**
   * Changes a message in place, if it has the `revision` that is given, which is that of the message as it was read.
   * @throws not_found; conflict when it was changed since (`details.revision`), while a reply writes it, or when it was deleted
   */
  update(conversationId: string, messageId: string, change: MessageChange, options?: RequestOptions): Promise<Message>;
  /** Takes the content of a message away for good; its place stays. @throws not_found; conflict while a reply writes it */
  redact(conversationId: string, messageId: string, options?: RequestOptions): Promise<Message>;
  /** The last page by `seq`, or the one before or after a `seq`; `nextCursor` is the next `before`, or `after`. @throws not_found */
  list(conversationId: string, options?: MessageListOptions): Promise<Page<Message>>;
  /** What is said on one branch, in its order; `nextCursor` is the `before` of the page above. @throws not_found */
  branch(conversationId: string, options?: BranchOptions): Promise<Page<BranchMessage>>;
}

export function messagesClient({ request }: Sender): MessagesClient {
  const pathOf = (id: string, messageId: string) => `${conversationPath(id)}/messages/${encodeURIComponent(messageId)}`;
  return {
    append: async (id, messages, { expectedSeq, ...options } = {}) => {
      const json = { messages, expectedSeq };
      const path = `${conversationPath(id)}/messages`;
      const { items } = await request<{ items: Message[] }>(path, { ...options, method: "POST", json });
      return items;
    },
    update: (id, messageId, json, options = {}) =>
      request(pathOf(id, messageId), { ...options, method: "PATCH", json }),
    redact: (id, messageId, options = {}) => request(pathOf(id, messageId), { ...options, method: "DELETE" }),
    list: (id, { signal, keepalive, ...query } = {}) =>
      request(`${conversationPath(id)}/messages`, { query: { ...query }, signal, keepalive }),
    branch: (id, { signal, keepalive, leafId, ...query } = {}) =>
      request(`${conversationPath(id)}/branch`, { query: { ...query, leaf: leafId }, signal, keepalive }),
  };
}
