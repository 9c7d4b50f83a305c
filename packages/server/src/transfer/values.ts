/**
 * What the files of a product's export hold, one value after another: JSON, JSON lines, or a table (CSV), alone, in a ZIP or in a
 * folder, read as streams.
 */
import { createReadStream } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { parse as parseCsv } from "csv-parse/sync";
import { type Entry, openPromise } from "yauzl";
import { type AssetFinder, Assets } from "./assets.ts";
import { jsonReader } from "./json-values.ts";
import { missingShards } from "./manifest.ts";

/** A value as the file has it; why the rest of this file was not read; or why nothing of it was looked at. */
export type Value =
  | { file: string; value: unknown; assets?: AssetFinder }
  | { file: string; fault: string }
  | { file: string; skipped: string };

/** Told of the bytes of the export that were read. */
type OnBytes = (bytes: number) => void;

export interface ValuesOptions {
  /** What the file is called in a report; its path when left out. */
  name?: string;
  onBytes?: OnBytes;
}

const readable = /\.(?:json|jsonl|ndjson|csv)$/i;
const nested = "It is a ZIP in a ZIP: unpack it, and import what is in it.";
const isHtml = "It is HTML: ask for the export as JSON.";
/** What is longer is no list of file names. */
const maxManifest = 16 * 1024 * 1024;
/** What is known of each is held; exports of years of chats have a tenth of it. */
const maxEntries = 200_000;
const tooMany = `This ZIP has more than ${maxEntries} files: unpack it, and import the folders in it one after another.`;

/** Everything of a file or folder. @throws what reading a file throws */
export async function* valuesOf(
  path: string,
  { name: own = path, onBytes = () => {} }: ValuesOptions = {},
): AsyncGenerator<Value> {
  if (!(await stat(path)).isDirectory()) {
    yield* valuesOfFile(path, own, onBytes, true);
    return;
  }
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  let others = 0;
  const assets = new Assets();
  for (const file of files) {
    assets.add({ path: file, open: async () => createReadStream(file) as AsyncIterable<Uint8Array> });
  }
  for (const file of files.toSorted()) {
    const name = relative(path, file);
    if (readable.test(name) || name.toLowerCase().endsWith(".zip"))
      yield* besides(valuesOfFile(file, name, onBytes), assets);
    else if (isActivityPage(name)) yield { file: name, skipped: isHtml };
    else others += 1;
  }
  if (others > 0) yield { file: path, skipped: othersIn(others) };
}

/** How many bytes there are to be read. */
export async function sizeOf(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const names = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = names.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name)));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}

/** What is in a ZIP that is the whole export is called as it is there. */
async function* valuesOfFile(path: string, name: string, onBytes: OnBytes, isAll = false): AsyncGenerator<Value> {
  if (await isZip(path)) yield* valuesOfZip(path, { name, isAll }, onBytes);
  else yield* valuesIn(name, counted(createReadStream(path) as AsyncIterable<Uint8Array>, onBytes));
}

async function* valuesOfZip(
  path: string,
  { name, isAll }: { name: string; isAll: boolean },
  onBytes: OnBytes,
): AsyncGenerator<Value> {
  const seen: string[] = [];
  let [others, manifest]: [number, Uint8Array | undefined] = [0, undefined];
  let zip: Awaited<ReturnType<typeof openPromise>> | undefined;
  try {
    zip = await openPromise(path, { autoClose: false });
    if (zip.entryCount > maxEntries) {
      yield { file: name, fault: tooMany };
      return;
    }
    const { entries, assets, others: rest, fault } = await entriesOf(zip);
    others = rest.count;
    onBytes(rest.bytes);
    for (const entry of entries) {
      const inside = isAll ? entry.fileName : `${name}/${entry.fileName}`;
      if (readable.test(entry.fileName)) {
        const share = entry.compressedSize / Math.max(1, entry.uncompressedSize);
        const stream = (await zip.openReadStreamPromise(entry)) as AsyncIterable<Uint8Array>;
        seen.push(entry.fileName);
        if (isManifest(entry)) manifest = await bytesOf(stream);
        else
          yield* besides(
            valuesIn(
              inside,
              counted(stream, (bytes) => onBytes(bytes * share)),
            ),
            assets,
          );
      } else {
        yield { file: inside, skipped: isActivityPage(entry.fileName) ? isHtml : nested };
        onBytes(entry.compressedSize);
      }
    }
    if (fault) throw fault;
  } catch {
    yield { file: name, fault: "This ZIP is damaged or cut off: what follows in it was not read." };
    return;
  } finally {
    zip?.close();
  }
  for (const shard of missingShards(manifest, seen))
    yield { file: shard, fault: "Its export names it, and it is not in this ZIP." };
  if (others > 0) yield { file: name, skipped: othersIn(others) };
  if (seen.length === 0) yield { file: name, fault: "There is no file of conversations in this ZIP." };
}

/** What is in a ZIP, as far as that can be read: what is to be looked at, files by their ids, and how much else. */
async function entriesOf(zip: Awaited<ReturnType<typeof openPromise>>) {
  const entries: Entry[] = [];
  const assets = new Assets();
  const others = { count: 0, bytes: 0 };
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName } = entry;
      const open = async () => (await zip.openReadStreamPromise(entry)) as AsyncIterable<Uint8Array>;
      assets.add({ path: fileName, open });
      if (readable.test(fileName) || /\.zip$/i.test(fileName) || isActivityPage(fileName)) entries.push(entry);
      else if (!fileName.endsWith("/")) {
        others.count += 1;
        others.bytes += entry.compressedSize;
      }
    }
  } catch (error) {
    return { entries, assets, others, fault: error };
  }
  return { entries, assets, others, fault: undefined };
}

/** The same, each with the files that lie beside it. */
async function* besides(values: AsyncIterable<Value>, assets: Assets): AsyncGenerator<Value> {
  for await (const value of values) yield "value" in value ? { assets, ...value } : value;
}

function isManifest({ fileName, uncompressedSize }: Entry): boolean {
  return /(?:^|\/)export_manifest\.json$/i.test(fileName) && uncompressedSize <= maxManifest;
}

function isActivityPage(name: string): boolean {
  return /(?:^|\/)My ?Activity\.html$/i.test(name);
}

function othersIn(count: number): string {
  return `${count} files in it are no conversations (pictures, pages): they were not looked at.`;
}

async function isZip(path: string): Promise<boolean> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer.toString("latin1") === "PK";
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* counted(chunks: AsyncIterable<Uint8Array>, onBytes: OnBytes): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** Of a value's text, and of a row's. */
const longest = 128 * 1024 * 1024;
const tooLong = `A conversation of more than ${longest / 1024 / 1024} MiB cannot be read: what follows it was not.`;

interface Reader {
  /** Gives what came whole with this text. @throws for what cannot be read */
  write(text: string): unknown[];
  /** Gives the rest. @throws when it is cut off */
  end(): unknown[];
}

/** What came whole before a fault is given. */
async function* valuesIn(file: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Value> {
  let reader: Reader | undefined;
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let [length, count] = [0, 0];
  try {
    for await (const chunk of chunks) {
      decoder ??= new TextDecoder(encodingOf(chunk), { fatal: true });
      const text = decoder.decode(chunk, { stream: true });
      reader ??= readerFor(text);
      if (!reader) continue;
      length += text.length;
      if (length > longest) {
        yield { file, fault: tooLong };
        return;
      }
      const values = reader.write(text);
      if (values.length > 0) length = 0;
      count += values.length;
      for (const value of values) yield { file, value };
    }
    const last = reader?.end() ?? [];
    for (const value of last) yield { file, value };
    if (count + last.length === 0)
      yield { file, skipped: "It is empty: nothing in it is an entry of a list or table." };
  } catch (error) {
    // What was whole in the piece that is not.
    for (const value of (error as { values?: unknown[] }).values ?? []) yield { file, value };
    yield { file, fault: faultOf(error) };
  }
}

function encodingOf(start: Uint8Array): string {
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  return start[0] === 0xfe && start[1] === 0xff ? "utf-16be" : "utf-8";
}

/** By what it begins with. */
function readerFor(text: string): Reader | undefined {
  const first = text.trimStart()[0];
  if (first === undefined) return undefined;
  return first === "[" || first === "{" ? jsonReader(first) : csvReader();
}

/** A table with names in its first line; such exports are small, so it is read at its end. */
function csvReader(): Reader {
  const texts: string[] = [];
  return {
    write(text) {
      texts.push(text);
      return [];
    },
    end: () => parseCsv(texts.join(""), { columns: true, bom: true, skip_empty_lines: true, relax_column_count: true }),
  };
}

function faultOf(error: unknown): string {
  const { code } = error as { code?: string };
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "This file is not UTF-8: save it as UTF-8.";
  if (code === "CUT_OFF") return "This file is cut off: what follows was not read.";
  return "This file is damaged, or is no JSON and no table: what follows was not read.";
}
