/** Sending a file, and hearing how far its import is. */
import type { ErrorCode, FileImportEvent, FileImportReport } from "../wire.ts";
import { ApiError, unreachable } from "./api-error.ts";
import type { RequestOptions, Sender } from "./request.ts";

/** What an import of a file takes. */
export interface ImportFileOptions extends RequestOptions {
  /** What the file is called, for the report; a `File` has a name of its own. */
  name?: string | undefined;
  /** Told how many bytes of the file were looked at, once it has arrived. */
  onProgress?: ((bytes: number, total: number) => void) | undefined;
}

export async function importFile(
  sender: Sender,
  file: Blob,
  { name = file instanceof File ? file.name : undefined, onProgress, ...options }: ImportFileOptions = {},
): Promise<FileImportReport> {
  const { body } = await sender.send("/import/file", {
    ...options,
    method: "POST",
    query: { name: name?.slice(0, 255) },
    headers: { "content-type": "application/octet-stream" },
    body: file,
  });
  try {
    for await (const event of eventsIn(body)) {
      options.signal?.throwIfAborted();
      if (event.type === "progress") onProgress?.(event.bytes, event.total);
      else if (event.type === "done") return event.report;
      else {
        const { code, message, details } = event.error;
        throw new ApiError(code as ErrorCode, message, { status: 200, details });
      }
    }
  } catch (error) {
    throw error instanceof ApiError || options.signal?.aborted ? error : unreachable(error);
  }
  throw unreachable(new Error("the answer ended before the import"));
}

async function* eventsIn(body: ReadableStream<Uint8Array> | null): AsyncGenerator<FileImportEvent> {
  const reader = body?.pipeThrough(new TextDecoderStream() as never).getReader() as
    | ReadableStreamDefaultReader<string>
    | undefined;
  let rest = "";
  try {
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      const lines = (rest + read.value).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line) yield JSON.parse(line) as FileImportEvent;
    }
  } finally {
    // The server ends an import that nobody hears of any longer.
    await reader?.cancel().catch(() => {});
  }
}
