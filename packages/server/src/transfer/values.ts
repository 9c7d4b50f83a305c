/** The conversations of a product's file, one after another: a JSON array or object, or a ZIP of such files, read as a stream. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { JSONParser } from "@streamparser/json";
import { openPromise } from "yauzl";

/** A conversation as the file has it, or why the rest of this file was not read. */
export type Value = { file: string; value: unknown } | { file: string; fault: string };

/** Of the text of one conversation. */
const longest = 128 * 1024 * 1024;
const conversationsFile = /(?:^|\/)conversations[^/]*\.json$/i;

export async function* valuesOf(path: string): AsyncGenerator<Value> {
  if (!(await isZip(path))) {
    yield* valuesOfJson(path, createReadStream(path) as AsyncIterable<Uint8Array>);
    return;
  }
  let found = false;
  try {
    const zip = await openPromise(path);
    for await (const entry of zip.eachEntry()) {
      if (!conversationsFile.test(entry.fileName)) continue;
      found = true;
      const stream = await zip.openReadStreamPromise(entry);
      yield* valuesOfJson(entry.fileName, stream as AsyncIterable<Uint8Array>);
    }
  } catch {
    yield { file: path, fault: "This ZIP is damaged or cut off: what follows in it was not read." };
    return;
  }
  if (!found) yield { file: path, fault: "There is no conversations.json in this ZIP." };
}

async function isZip(path: string): Promise<boolean> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer.toString("latin1") === "PK";
}

/** What came whole before a fault is given. */
async function* valuesOfJson(file: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Value> {
  let parser: JSONParser | undefined;
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let ready: unknown[] = [];
  let length = 0;
  let fault: string | undefined;
  try {
    for await (const chunk of chunks) {
      decoder ??= new TextDecoder(encodingOf(chunk), { fatal: true });
      const text = decoder.decode(chunk, { stream: true });
      parser ??= parserFor(text, (value) => ready.push(value));
      if (!parser) continue;
      length += text.length;
      if (length > longest) {
        fault = `A conversation of more than ${longest / 1024 / 1024} MiB cannot be read: what follows it was not.`;
        break;
      }
      parser.write(text);
      if (ready.length > 0) length = 0;
      for (const value of ready) yield { file, value };
      ready = [];
    }
    if (!fault && !parser?.isEnded) fault = "This file is cut off, or empty: what follows was not read.";
  } catch (error) {
    fault = faultOf(error);
  }
  for (const value of ready) yield { file, value };
  if (fault) yield { file, fault };
}

function encodingOf(start: Uint8Array): string {
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  return start[0] === 0xfe && start[1] === 0xff ? "utf-16be" : "utf-8";
}

/** Of an array each entry is let go of when it was given; an object is one conversation, or has the list of them. */
function parserFor(text: string, take: (value: unknown) => void): JSONParser | undefined {
  const first = text.trimStart()[0];
  if (first === undefined) return undefined;
  const parser = new JSONParser({ paths: [first === "[" ? "$.*" : "$"], keepStack: false });
  parser.onValue = ({ value }) => {
    const list = first === "[" ? undefined : (value as { conversations?: unknown } | null)?.conversations;
    if (Array.isArray(list)) list.forEach(take);
    else take(value);
  };
  return parser;
}

function faultOf(error: unknown): string {
  if (error instanceof TypeError && "code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
    return "This file is not UTF-8: save it as UTF-8.";
  }
  return "This file is damaged, or is not JSON: what follows was not read.";
}
