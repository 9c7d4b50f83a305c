/**
 * The archive that `chatkeep export` writes and `chatkeep restore` reads: a ZIP with a file of JSON lines for each user, and a manifest
 * with counts and hashes at its end. docs/export-format.md says what is in it; nothing of it depends on when it was written.
 */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { InvalidInputError, NotFoundError } from "chatkeep";
import { openPromise } from "yauzl";
import { ZipFile } from "yazl";
import { z } from "zod";
import type { ExportedRecord } from "./export.ts";
import { linesOf } from "./lines.ts";

const version = 1;
const manifestName = "manifest.json";
/** Of its bytes a manifest has few, however many users there are. */
const maxManifestBytes = 64 * 1024 * 1024;
/** The same for every archive, so that the same data is the same file. */
const zipTime = new Date(Date.UTC(1980, 0, 2));

const fileSchema = z.object({
  name: z.string().regex(/^users\/\d{6}\.jsonl$/, "must be users/ and six digits"),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0),
  conversations: z.int().min(0),
  messages: z.int().min(0),
  tasks: z.int().min(0),
});

const attachmentSchema = z.object({
  name: z.string().regex(/^files\/\d{6}\/[0-9a-f]{64}$/, "must be files/, six digits, and a hash"),
  bytes: z.int().min(1),
});

const manifestSchema = z.object({
  format: z.literal("chatkeep", "must be chatkeep"),
  version: z.literal(version, `must be ${version}`),
  files: z.array(fileSchema),
  attachments: z.array(attachmentSchema).default([]),
  /** Of files that were removed while the archive was written. */
  removed: z.array(attachmentSchema.shape.name).default([]),
});

type Manifest = z.output<typeof manifestSchema>;

/** The bytes of a user's file. */
export type BytesOf = (userId: string, fileId: string) => Promise<AsyncIterable<Uint8Array>>;

/** Writes the records of users, one after another, as they are read, and after each the bytes of the files, each once. */
export function writeArchive(users: AsyncIterable<AsyncIterable<ExportedRecord>>, bytesOf: BytesOf): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  void (async () => {
    const manifest: Manifest = { format: "chatkeep", version, files: [], attachments: [], removed: [] };
    for await (const records of users) {
      const number = String(manifest.files.length + 1).padStart(6, "0");
      const name = `users/${number}.jsonl`;
      const file = new PassThrough();
      const kept = new Map<string, KeptBytes>();
      zip.addReadStream(file, name, { mtime: zipTime });
      manifest.files.push(await writeFile(name, noting(records, kept), file));
      for (const [hash, { userId, fileIds, size }] of [...kept].sort()) {
        const attachment = attachmentName(name, hash);
        const bytes = new PassThrough();
        zip.addReadStream(bytes, attachment, { mtime: zipTime });
        const isThere = await writeBytes(bytesOf, userId, fileIds, bytes);
        if (isThere) manifest.attachments.push({ name: attachment, bytes: size });
        else manifest.removed.push(attachment);
      }
    }
    zip.addBuffer(Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`), manifestName, { mtime: zipTime });
    zip.end();
  })().catch((error: Error) => output.destroy(error));
  return output;
}

/** Of files that have the same. */
interface KeptBytes {
  userId: string;
  fileIds: string[];
  size: number;
}

/** Whether they came to their end: a file that is removed meanwhile ends where it was. */
async function writeBytes(bytesOf: BytesOf, userId: string, fileIds: string[], into: PassThrough): Promise<boolean> {
  let [isThere, hasBegun] = [false, false];
  await pipeline(async function* () {
    for (const fileId of fileIds) {
      try {
        for await (const piece of await bytesOf(userId, fileId)) {
          hasBegun = true;
          yield piece;
        }
        isThere = true;
        return;
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
        if (hasBegun) return;
      }
    }
  }, into);
  return isThere;
}

/** Of the bytes of whoever has the file of lines `name`. */
function attachmentName(name: string, hash: string): string {
  return `files/${name.slice("users/".length, -".jsonl".length)}/${hash}`;
}

/** Which files they are of, by their bytes. */
async function* noting(
  records: AsyncIterable<ExportedRecord>,
  kept: Map<string, KeptBytes>,
): AsyncGenerator<ExportedRecord> {
  let userId = "";
  for await (const record of records) {
    if (record.type === "user") userId = String(record["id"]);
    if (record.type === "file") {
      const hash = String(record["hash"]);
      const fileIds = [...(kept.get(hash)?.fileIds ?? []), String(record["id"])];
      kept.set(hash, { userId, fileIds, size: Number(record["size"]) });
    }
    yield record;
  }
}

async function writeFile(name: string, records: AsyncIterable<ExportedRecord>, file: PassThrough) {
  const hash = createHash("sha256");
  const counts = { conversations: 0, messages: 0, tasks: 0 };
  let bytes = 0;
  await pipeline(async function* () {
    for await (const record of records) {
      if (record.type === "conversation") counts.conversations += 1;
      else if (record.type === "message") counts.messages += 1;
      else if (record.type === "task") counts.tasks += 1;
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      hash.update(line);
      bytes += line.length;
      yield line;
    }
  }, file);
  return { name, sha256: hash.digest("hex"), bytes, ...counts };
}

/** An archive that was looked through: each file of it is as its manifest says. */
export interface CheckedArchive {
  users: number;
  conversations: number;
  messages: number;
  /** The lines of one user after another. */
  files(): AsyncIterable<AsyncIterable<Record<string, unknown>>>;
  /** The bytes of their files: of which user, from 0, with which hash. Each is to be read, or left, before the next. */
  attachments(): AsyncIterable<{ user: number; hash: string; stream: AsyncIterable<Uint8Array> }>;
}

/** Reads an archive through before anything of it is used. @throws invalid_input for what is none, is damaged, or of another version */
export async function openArchive(path: string): Promise<CheckedArchive> {
  const manifest = await readManifest(path);
  const seen = new Set<string>();
  const named = new Set<string>();
  const files = new Map(manifest.files.map((each) => [each.name, each]));
  const attachments = new Map(manifest.attachments.map((each) => [each.name, each]));
  const removed = new Set(manifest.removed);
  for await (const { name, stream } of filesOf(path)) {
    if (name === manifestName || removed.has(name)) continue;
    const file = files.get(name);
    const attachment = attachments.get(name);
    if (!(file ?? attachment) || seen.has(name)) throw damaged(`${name} is not in its manifest`);
    seen.add(name);
    for (const hash of file ? await check(file, stream) : []) named.add(attachmentName(name, hash));
    if (attachment) await checkBytes(attachment, stream);
  }
  const missing = [...manifest.files, ...manifest.attachments].find(({ name }) => !seen.has(name));
  if (missing) throw damaged(`${missing.name} is missing`);
  const lone = [...named].find((name) => !attachments.has(name) && !removed.has(name));
  if (lone) throw damaged(`${lone} is missing`);
  const nameless = manifest.attachments.find(({ name }) => !named.has(name));
  if (nameless) throw damaged(`nothing names ${nameless.name}`);
  const sum = (what: "conversations" | "messages") => manifest.files.reduce((all, file) => all + file[what], 0);
  return {
    users: manifest.files.length,
    conversations: sum("conversations"),
    messages: sum("messages"),
    files: async function* () {
      for await (const { name, stream } of filesOf(path)) if (files.has(name)) yield recordsOf(name, stream);
    },
    attachments: async function* () {
      for await (const { name, stream } of filesOf(path)) {
        const [, number, hash] = name.split("/");
        const user = manifest.files.findIndex((each) => each.name === `users/${number}.jsonl`);
        if (attachments.has(name) && hash !== undefined) yield { user, hash, stream: whole(stream) };
      }
    },
  };
}

async function checkBytes(
  { name, bytes: announced }: z.output<typeof attachmentSchema>,
  stream: AsyncIterable<Uint8Array>,
): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of whole(stream)) {
    bytes += piece.length;
    if (bytes > announced) throw damaged(`${name} is larger than its manifest says`);
    hash.update(piece);
  }
  if (bytes !== announced || hash.digest("hex") !== name.split("/").at(-1)) {
    throw damaged(`${name} is not as it was written`);
  }
}

/** Bytes, hash and counts, and that each line has its place; gives the hashes of the files that it names. */
async function check(file: Manifest["files"][number], stream: AsyncIterable<Uint8Array>): Promise<Set<string>> {
  const { name } = file;
  const hash = createHash("sha256");
  let bytes = 0;
  const hashed = async function* () {
    for await (const piece of whole(stream)) {
      bytes += piece.length;
      // More than was announced: what unpacks without an end is not unpacked.
      if (bytes > file.bytes) throw damaged(`${name} is larger than its manifest says`);
      hash.update(piece);
      yield piece;
    }
  };
  const counts = { user: 0, project: 0, task: 0, file: 0, conversation: 0, message: 0, feedback: 0, deleted: 0 };
  let [number, open]: [number, unknown] = [0, undefined];
  let wrong: string | undefined;
  const hashes = new Set<string>();
  for await (const { type, ...record } of recordsOf(name, hashed())) {
    number += 1;
    if (wrong !== undefined) continue;
    const isKnown = typeof type === "string" && Object.hasOwn(counts, type);
    if (isKnown) counts[type as keyof typeof counts] += 1;
    if (type === "file") hashes.add(String(record["hash"]));
    if (type === "conversation") open = record["id"];
    const isOfOne = type === "message" || type === "feedback" || type === "deleted";
    const isInside = !isOfOne || record["conversationId"] === open;
    if (!isKnown || (type === "user") !== (number === 1) || !isInside) wrong = `line ${number} of ${name}`;
    if (type === "deleted") open = undefined;
  }
  if (bytes !== file.bytes || hash.digest("hex") !== file.sha256) throw damaged(`${name} is not as it was written`);
  if (wrong !== undefined) throw damaged(`${wrong} has no place there`);
  const { conversations, messages, tasks } = file;
  if (counts.conversation !== conversations || counts.message !== messages || counts.task !== tasks) {
    throw damaged(`${name} has not what its manifest counts`);
  }
  return hashes;
}

async function* recordsOf(name: string, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Record<string, unknown>> {
  for await (const line of linesOf(whole(stream), { isOurs: true })) {
    if ("fault" in line) throw damaged(`line ${line.number} of ${name}: ${line.fault}`);
    yield objectIn(line.text);
  }
}

/** What is no object has no type, and so no place. */
function objectIn(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

async function readManifest(path: string): Promise<Manifest> {
  for await (const { name, stream, size } of filesOf(path)) {
    if (name !== manifestName) continue;
    if (size > maxManifestBytes) throw damaged("its manifest is too large");
    const pieces: Uint8Array[] = [];
    for await (const piece of whole(stream)) pieces.push(piece);
    let value: unknown;
    try {
      value = JSON.parse(Buffer.concat(pieces).toString("utf8"));
    } catch {
      throw damaged("its manifest is not JSON");
    }
    const { data, error } = manifestSchema.safeParse(value);
    if (data) return data;
    const [issue] = error.issues;
    throw new InvalidInputError(
      `This is no archive that this version can read: ${issue?.path.join(".")} of its manifest ${issue?.message}.`,
    );
  }
  throw new InvalidInputError("This is no archive of chatkeep export: it has no manifest.json.");
}

/** Each is to be read, or left, before the next. @throws invalid_input */
async function* filesOf(
  path: string,
): AsyncGenerator<{ name: string; size: number; stream: AsyncIterable<Uint8Array> }> {
  let zip: Awaited<ReturnType<typeof openPromise>>;
  try {
    zip = await openPromise(path);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT") throw new InvalidInputError(`There is no file ${path} that can be read.`);
    throw new InvalidInputError("This is no ZIP, or it is cut off: export again, or take another copy.");
  }
  try {
    for await (const entry of zip.eachEntry()) {
      const stream = await zip.openReadStreamPromise(entry);
      yield { name: entry.fileName, size: entry.uncompressedSize, stream: stream as AsyncIterable<Uint8Array> };
      stream.destroy();
    }
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    throw damaged("a file of it cannot be unpacked");
  } finally {
    zip.close();
  }
}

/** What cannot be unpacked is the archive's fault. */
async function* whole(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    throw damaged("a file of it cannot be unpacked");
  }
}

function damaged(how: string): InvalidInputError {
  return new InvalidInputError(`This archive is damaged: ${how}. Nothing of it was brought in; take another copy.`);
}
