/** The trash over HTTP. */
import type { Conversation, ErasureReceipt, Page, TrashedConversation } from "../wire.ts";
import type { RequestOptions, Sender } from "./request.ts";

/** Which page of the trash. */
export interface TrashListOptions extends RequestOptions {
  /** 1 to 100; 20 when left out. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** Each verb throws an `ApiError`. */
export interface TrashClient {
  /** A page, what was deleted last first; `expiresAt` says when each is gone for good. */
  list(options?: TrashListOptions): Promise<Page<TrashedConversation>>;
  /** Brings a conversation back, as it was. @throws not_found; conflict when it is not in the trash */
  restore(conversationId: string, options?: RequestOptions): Promise<Conversation>;
  /** Removes a conversation for good. @throws not_found; conflict when it is not in the trash */
  purge(conversationId: string, options?: RequestOptions): Promise<ErasureReceipt>;
  /** Removes all that is in the trash for good. */
  empty(options?: RequestOptions): Promise<ErasureReceipt>;
}

export function trashClient({ request }: Sender): TrashClient {
  const path = (conversationId: string) => `/trash/${encodeURIComponent(conversationId)}`;
  return {
    list: ({ signal, keepalive, ...query }: TrashListOptions = {}) => request("/trash", { query, signal, keepalive }),
    restore: (id, options) => request(`${path(id)}/restore`, { ...options, method: "POST" }),
    purge: (id, options) => request(path(id), { ...options, method: "DELETE" }),
    empty: (options) => request("/trash", { ...options, method: "DELETE" }),
  };
}
