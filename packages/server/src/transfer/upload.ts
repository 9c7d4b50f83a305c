/** A file that was sent: kept in a folder of its own while its conversations are stored, of which its sender is told as they are. */
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { UserStore } from "chatkeep";
import type { FileImportEvent, FileImportReport } from "chatkeep/wire";
import { importConversations, type ProductReport } from "./conversations.ts";
import { noRoom, temporaryFolder } from "./temporary-folder.ts";
import { valuesOf } from "./values.ts";

/** How often a sender is told how far it is, in milliseconds. */
const tellEveryMs = 200;
/** What is listed of a report. */
const maxListed = { conversations: 200, reasons: 20, files: 100 };

export interface Upload {
  path: string;
  bytes: number;
  remove(): Promise<void>;
}

/** @throws unavailable when there is no room for it, and what reading the body throws */
export async function keepUpload(body: ReadableStream<Uint8Array> | null): Promise<Upload> {
  const { path: folder, remove } = await temporaryFolder();
  const path = join(folder, "file");
  try {
    await pipeline(Readable.from(body ?? []), createWriteStream(path, { mode: 0o600 }));
    return { path, bytes: (await stat(path)).size, remove };
  } catch (error) {
    await remove();
    return noRoom(error);
  }
}

export interface StoreUploadOptions {
  /** What the file is called where it comes from. */
  name: string;
  beforeRows(count: number): Promise<void>;
  signal: AbortSignal;
}

/** Stores what is in it. Ends with what became of it; what is thrown is for whoever sends the answer. */
export async function* storeUpload(
  mine: UserStore,
  userId: string,
  { path, bytes: total }: Upload,
  { name, beforeRows, signal }: StoreUploadOptions,
): AsyncGenerator<FileImportEvent> {
  let read = 0;
  const values = valuesOf(path, { name, onBytes: (bytes) => (read += bytes) });
  let isOver = false;
  const importing = importConversations(mine, userId, values, { beforeRows, signal }).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    yield { type: "progress", bytes: Math.min(Math.round(read), total), total };
    await Promise.race([importing.catch(() => {}), new Promise((resolve) => setTimeout(resolve, tellEveryMs))]);
  }
  yield { type: "done", report: brief(await importing) };
}

/** What there is to say something of comes first; the rest is counted. */
function brief({ conversations, faults, skipped, ...sums }: ProductReport): FileImportReport {
  const said = conversations.filter(({ outcome, leftOut }) => outcome === "failed" || leftOut.length > 0);
  const listed = said.slice(0, maxListed.conversations).map(({ leftOut, ...one }) => ({
    ...one,
    leftOut: leftOut.slice(0, maxListed.reasons),
    ...(leftOut.length > maxListed.reasons && { moreLeftOut: leftOut.length - maxListed.reasons }),
  }));
  const omitted = said.length - listed.length;
  return {
    ...sums,
    conversations: listed,
    ...(omitted > 0 && { omitted }),
    faults: faults.slice(0, maxListed.files),
    skipped: skipped.slice(0, maxListed.files),
  };
}
