/** Conversations over HTTP. */
import type { Conversation, ConversationChange, NewConversation, Page } from "../wire.ts";
import type { RequestOptions, Sender } from "./request.ts";

/** Which conversations, and which page of them. */
export interface ConversationListOptions extends RequestOptions {
  /** 1 to 100; 20 when left out. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
  /** Those in the archive, which are left out otherwise unless something is searched for. */
  archived?: boolean | undefined;
  pinned?: boolean | undefined;
  /** Words of the title, in whatever case. */
  search?: string | undefined;
  /** Only those whose metadata has all these keys with these values; of a list, all that are given. */
  metadata?: Record<string, string | number | boolean | null | (string | number | boolean)[]> | undefined;
}

/** What a conversation is written as. */
export type ConversationFileFormat = "markdown" | "json" | "ai-sdk" | "openai";

/** Each verb throws an `ApiError`; someone else's conversation is `not_found`, like one that never was. */
export interface ConversationsClient {
  /** Creates a conversation, with up to 100 first messages. With an `id` of your own it can be sent again safely. @throws conflict */
  create(input?: NewConversation, options?: RequestOptions): Promise<Conversation>;
  /** @throws not_found */
  get(conversationId: string, options?: RequestOptions): Promise<Conversation>;
  /** A page, newest activity first. */
  list(options?: ConversationListOptions): Promise<Page<Conversation>>;
  /** One page after the other, until there are no more. */
  pages(options?: ConversationListOptions): AsyncIterable<Page<Conversation>>;
  /** Changes several things together. @throws not_found */
  update(conversationId: string, change: ConversationChange, options?: RequestOptions): Promise<Conversation>;
  /** A title of 1 to 200 characters. @throws not_found */
  rename(conversationId: string, title: string, options?: RequestOptions): Promise<Conversation>;
  /** @throws not_found */
  pin(conversationId: string, pinned: boolean, options?: RequestOptions): Promise<Conversation>;
  /** Into the archive, or out of it. @throws not_found */
  archive(conversationId: string, archived: boolean, options?: RequestOptions): Promise<Conversation>;
  /** Shows the branch of a message, to its newest end. @throws not_found */
  showBranch(conversationId: string, messageId: string, options?: RequestOptions): Promise<Conversation>;
  /**
   * The branch that is shown as a file: Markdown to read, JSON with all that is kept of each message, messages as the AI SDK has
   * them, or items as OpenAI has them. Where the conversation is
   * deleted or turned to another branch meanwhile, the Markdown ends with a sentence about it, the JSON with `"isWhole":false`.
   * @throws not_found; rate_limited
   */
  export(
    conversationId: string,
    format: ConversationFileFormat,
    options?: RequestOptions,
  ): Promise<ReadableStream<Uint8Array>>;
  /** The whole address of that file, for a link: the browser asks for it with its cookie, and names it by the title. */
  exportUrl(conversationId: string, format: ConversationFileFormat): string;
  /** Into the trash, from which it can be restored for as many days as the server says (30); a temporary one is gone at once. @throws not_found */
  delete(conversationId: string, options?: RequestOptions): Promise<void>;
}

export const conversationPath = (conversationId: string) => `/conversations/${encodeURIComponent(conversationId)}`;

export function conversationsClient({ request, send, url }: Sender): ConversationsClient {
  const list = ({ signal, keepalive, metadata, ...query }: ConversationListOptions = {}) =>
    request<Page<Conversation>>("/conversations", {
      query: { ...query, metadata: metadata && JSON.stringify(metadata) },
      signal,
      keepalive,
    });
  const update: ConversationsClient["update"] = (id, json, options) =>
    request(conversationPath(id), { ...options, method: "PATCH", json });
  const exportPath = (id: string) => `${conversationPath(id)}/export`;
  return {
    create: (json = {}, options) => request("/conversations", { ...options, method: "POST", json }),
    get: (id, options) => request(conversationPath(id), options),
    list,
    pages: async function* (options = {}) {
      for (let cursor = options.cursor; ; ) {
        const page = await list({ ...options, cursor });
        yield page;
        if (page.nextCursor === null) return;
        cursor = page.nextCursor;
      }
    },
    update,
    rename: (id, title, options) => update(id, { title }, options),
    pin: (id, pinned, options) => update(id, { pinned }, options),
    archive: (id, archived, options) => update(id, { archived }, options),
    showBranch: (id, headId, options) => update(id, { headId }, options),
    export: async (id, format, options) => {
      const { body } = await send(exportPath(id), { ...options, query: { format } });
      return body ?? new ReadableStream({ start: (controller) => controller.close() });
    },
    exportUrl: (id, format) => url(exportPath(id), { format }),
    delete: (id, options) => request(conversationPath(id), { ...options, method: "DELETE" }),
  };
}
