/** The client: all that a server says over HTTP, by verbs; nothing in it but `fetch`, and for the progress of a file `XMLHttpRequest`. */
import type { FileImportReport, ImportReport } from "../wire.ts";
import { type ChatClient, chatClient } from "./chat.ts";
import { type ConversationsClient, conversationsClient } from "./conversations.ts";
import { type EventsClient, eventsClient } from "./events.ts";
import { type FilesClient, filesClient } from "./files.ts";
import { type ImportFileOptions, importFile } from "./import-file.ts";
import { type MessagesClient, messagesClient } from "./messages.ts";
import { type ClientOptions, createSender, type RequestOptions, type SendOptions } from "./request.ts";
import { type SearchClient, searchClient } from "./search.ts";
import { type TrashClient, trashClient } from "./trash.ts";
import { type UsageClient, usageClient } from "./usage.ts";

/** All that a chatkeep server can be asked, for one user. */
export interface Client {
  conversations: ConversationsClient;
  messages: MessagesClient;
  chat: ChatClient;
  events: EventsClient;
  search: SearchClient;
  usage: UsageClient;
  trash: TrashClient;
  files: FilesClient;
  /** Everything of the user, as JSON lines. Only a server with sign-in of its own has it: chatkeep's. */
  export(options?: RequestOptions): Promise<ReadableStream<Uint8Array>>;
  /** Stores the conversations of some lines of a file; importing again brings in what is missing. @throws invalid_input, too_large */
  import(format: string, lines: string | Blob, options?: RequestOptions): Promise<ImportReport>;
  /**
   * Stores the conversations of another product's export, a file of at most 4 GiB that is known by its shape; importing again brings in
   * what is missing. Aborting it ends it, and what was stored stays. @throws too_large, rate_limited, unavailable
   */
  importFile(file: Blob, options?: ImportFileOptions): Promise<FileImportReport>;
  /** The whole address of a path below `baseUrl`, for links. */
  url(path: string): string;
  /** What is below `baseUrl` and not chatkeep's, with the client's headers and errors: its JSON. @throws ApiError */
  request<Body>(path: string, options?: SendOptions): Promise<Body>;
  /** `fetch` with the client's address, headers and cookies, for what takes a `fetch`: answers that are errors come as they are. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/**
 * Makes a client, which holds no connection before something is asked of it. Each verb throws an `ApiError` with a `code`:
 * `unavailable` when the server cannot be reached; or the reason of `options.signal` once that is aborted.
 */
export function createClient(options: ClientOptions = {}): Client {
  const sender = createSender(options);
  return {
    conversations: conversationsClient(sender),
    messages: messagesClient(sender),
    chat: chatClient(sender),
    events: eventsClient(sender),
    search: searchClient(sender),
    usage: usageClient(sender),
    trash: trashClient(sender),
    files: filesClient(sender),
    export: async (given) => {
      const { body } = await sender.send("/export", given);
      return body ?? new ReadableStream({ start: (controller) => controller.close() });
    },
    import: (format, body, given) =>
      sender.request("/import", {
        ...given,
        method: "POST",
        query: { format },
        headers: { "content-type": "text/plain" },
        body,
      }),
    importFile: (file, given) => importFile(sender, file, given),
    url: (path) => sender.url(path),
    request: sender.request,
    fetch: sender.fetch,
  };
}
