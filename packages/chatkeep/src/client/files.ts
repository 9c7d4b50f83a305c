/** Files for messages to name: sent with progress, and where they are. */
import type { Page, StoredFile } from "../wire.ts";
import { errorOf, unreachable } from "./api-error.ts";
import type { RequestOptions, Sender } from "./request.ts";

/** What sending a file takes. */
export interface SendFileOptions extends RequestOptions {
  /** 1 to 255 characters; a `File` has a name of its own. */
  name?: string | undefined;
  /** Told how many bytes have gone, in browsers; elsewhere, and through a `fetch` of your own, only at the end. */
  onProgress?: ((bytes: number, total: number) => void) | undefined;
}

/** Which page of the files. */
export interface FileListOptions extends RequestOptions {
  /** 1 to 100; 50 when left out. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** The user's files; each verb throws an `ApiError`. */
export interface FilesClient {
  /**
   * Sends a file of 1 byte to 32 MiB, and says what it is. Its `url` is for a part `{ type: "file", mediaType, url, filename }` of a
   * message, within a day. Aborting it leaves nothing behind.
   * @throws invalid_input; too_large, also when all files of the user are over their limit; rate_limited
   */
  send(file: Blob, options?: SendFileOptions): Promise<StoredFile>;
  /** A page of files, newest first. */
  list(options?: FileListOptions): Promise<Page<StoredFile>>;
  /** The bytes of a file. @throws not_found */
  read(fileId: string, options?: RequestOptions): Promise<Blob>;
  /** The whole address of a file, for a picture or a link: the browser asks for it with its cookie. */
  address(fileId: string, options?: { download?: boolean | undefined }): string;
  /** Removes a file that no message names. @throws not_found; conflict while a message names it */
  remove(fileId: string, options?: RequestOptions): Promise<void>;
}

export function filesClient(sender: Sender): FilesClient {
  const path = (fileId: string) => `/files/${encodeURIComponent(fileId)}`;
  return {
    send: (file, options) => sendFile(sender, file, options),
    list: ({ limit, cursor, ...options } = {}) => sender.request("/files", { ...options, query: { limit, cursor } }),
    read: async (fileId, options) => await (await sender.send(path(fileId), options)).blob(),
    address: (fileId, { download } = {}) => sender.url(path(fileId), { download: download || undefined }),
    remove: (fileId, options) => sender.request(path(fileId), { ...options, method: "DELETE" }),
  };
}

async function sendFile(
  sender: Sender,
  file: Blob,
  { name = file instanceof File ? file.name : "file", onProgress, ...options }: SendFileOptions = {},
): Promise<StoredFile> {
  const query = { name };
  const headers = { "content-type": file.type || "application/octet-stream" };
  const request = onProgress && !sender.hasOwnFetch ? uploadRequest() : undefined;
  if (request && onProgress) {
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total);
    const prepared = await sender.prepared({ headers });
    return await sendBy(request, sender.url("/files", query), file, prepared, options.signal);
  }
  const sent = await sender.request<StoredFile>("/files", { ...options, method: "POST", query, headers, body: file });
  onProgress?.(file.size, file.size);
  return sent;
}

/** What is needed of it here: this package is for Node too. */
interface UploadRequest {
  readonly upload: { onprogress: ((event: { loaded: number; total: number }) => void) | null };
  readonly status: number;
  readonly responseText: string;
  withCredentials: boolean;
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  onloadend: (() => void) | null;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  getResponseHeader(name: string): string | null;
  send(body: Blob): void;
  abort(): void;
}

/** Missing outside browsers. */
function uploadRequest(): UploadRequest | undefined {
  const { XMLHttpRequest: Made } = globalThis as { XMLHttpRequest?: new () => UploadRequest };
  return Made && new Made();
}

/** `fetch` tells nobody how far it is. */
function sendBy(
  request: UploadRequest,
  url: string,
  file: Blob,
  { headers, credentials }: RequestInit,
  signal: AbortSignal | undefined,
): Promise<StoredFile> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => request.abort();
    request.open("POST", url);
    request.withCredentials = credentials === "include";
    for (const [name, value] of new Headers(headers)) request.setRequestHeader(name, value);
    request.onerror = () => reject(unreachable(new Error("the upload broke off")));
    request.onabort = () => reject(signal?.reason ?? unreachable(new Error("the upload was ended")));
    request.onload = () => {
      const { status, responseText } = request;
      const answer = new Response(responseText, { status, headers: retryAfterOf(request) });
      if (!answer.ok) return void errorOf(answer).then(reject);
      answer.json().then(
        (sent) => resolve(sent as StoredFile),
        (error: unknown) => reject(unreachable(error)),
      );
    };
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    signal?.addEventListener("abort", abort);
    request.send(file);
  });
}

function retryAfterOf(request: UploadRequest): Record<string, string> {
  const retryAfter = request.getResponseHeader("retry-after");
  return retryAfter === null ? {} : { "retry-after": retryAfter };
}
