/**
 * What of a stored message a model may read. Only a reply that a run of ours wrote keeps what its provider put beside the
 * words: whoever else wrote a message says words, files and results of tools, and nothing about how a model is to take them.
 */
import { isToolUIPart, type UIMessage } from "ai";
import { NotFoundError } from "../../errors.ts";
import { fileIdOf } from "../../store/tables/file.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { type DecodedFile, decodeDataUrl, isTextType } from "./data-url.ts";

type ModelPart = UIMessage["parts"][number];
type Given = { type: string; [key: string]: unknown };

/** The files of whoever a message is of. */
export type Files = Pick<UserStore["files"], "get" | "read">;

interface StoredFiles {
  files: Files;
  /** A file that is larger as base64 is only named. */
  maxBytes: number;
}

/** A part that is ready for a model, with about what it costs to read. */
export interface ReadablePart {
  part: ModelPart;
  tokens: number;
  /** Of a file that is sent along. */
  bytes: number;
  /** What is said in place of a file. */
  name?: string;
}

const charsPerToken = 4;
/** About what a picture costs at most endpoints, however large its file is. */
const tokensPerFile = 1_000;
const bytesPerToken = 100;
const maxNameChars = 200;

/** Which parts of a reply that a run wrote go back as they are. */
const ownTypes = new Set(["text", "reasoning", "step-start", "dynamic-tool"]);

/** INVARIANT: what no run of ours wrote comes out with fields of the lists below, and no others. */
export async function readableParts(
  { role, content, parts, finishReason }: Message,
  stored?: StoredFiles,
): Promise<ReadablePart[]> {
  const given = (parts ?? [{ type: "text", text: content }]) as Given[];
  const isOwn = role === "assistant" && finishReason !== null;
  const calls = new Set<unknown>();
  const readable: ReadablePart[] = [];
  for (const part of given) {
    if (part.type === "file") readable.push(await readableFile(part, stored));
    else if (isOwn) readable.push(...(isOwnPart(part) ? [asText(part as ModelPart)] : []));
    else if (part.type === "text" && typeof part["text"] === "string") {
      readable.push(textPart(role === "tool" ? `[Result of a tool] ${part["text"]}` : part["text"]));
    } else if (role === "assistant" && !calls.has(part["toolCallId"])) {
      const result = toolResult(part);
      if (result) readable.push(asText(result));
      if (result) calls.add(part["toolCallId"]);
    }
  }
  return readable;
}

/** The same with the names of its files in their place. */
export function withoutFiles(parts: readonly ReadablePart[]): ReadablePart[] {
  return parts.map((each) => (each.name === undefined ? each : textPart(each.name)));
}

function textPart(text: string): ReadablePart {
  return asText({ type: "text", text });
}

/** Whether there is something in it that an endpoint takes for an answer: thoughts alone are none. */
export function hasSubstance({ part }: ReadablePart): boolean {
  return part.type === "text" ? part.text !== "" : part.type === "file" || isToolUIPart(part);
}

function isOwnPart({ type }: Given): boolean {
  return ownTypes.has(type) || type.startsWith("tool-");
}

function asText(part: ModelPart): ReadablePart {
  const length = part.type === "text" || part.type === "reasoning" ? part.text.length : JSON.stringify(part).length;
  return { part, tokens: Math.ceil(length / charsPerToken), bytes: 0 };
}

/** A file that is neither in the message nor in the store is only named: fetching it would let a chat reach into our network. */
async function readableFile(part: Given, stored: StoredFiles | undefined): Promise<ReadablePart> {
  const { url, filename, mediaType } = part;
  const file = (await decodeDataUrl(url, mediaType)) ?? (stored && (await storedFile(url, stored)));
  const named = typeof filename === "string" && filename !== "" ? filename : undefined;
  const name = `[A file: ${(named ?? (file ? file.mediaType : remote(url))).slice(0, maxNameChars)}]`;
  if (!file) return textPart(name);
  return {
    part: {
      type: "file",
      mediaType: file.mediaType,
      url: `data:${file.mediaType};base64,${file.base64}`,
      ...(named && { filename: named.slice(0, maxNameChars) }),
    },
    tokens: tokensOf(file),
    bytes: file.base64.length,
    name,
  };
}

/** `undefined` when it is not there any more, or too large to be sent. */
async function storedFile(url: unknown, { files, maxBytes }: StoredFiles): Promise<DecodedFile | undefined> {
  const id = fileIdOf(url);
  if (id === undefined) return undefined;
  try {
    const { mediaType, size } = await files.get(id);
    if (Math.ceil(size / 3) * 4 > maxBytes) return undefined;
    const base64 = Buffer.from(await files.read(id)).toString("base64");
    return { mediaType, base64, bytes: size, isText: isTextType(mediaType) };
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

function remote(url: unknown): string {
  return typeof url === "string" && !/^data:/i.test(url) ? url : "without a name";
}

function tokensOf({ mediaType, isText, bytes }: DecodedFile): number {
  if (isText) return Math.ceil(bytes / charsPerToken);
  if (mediaType.startsWith("image/")) return tokensPerFile;
  return tokensPerFile + Math.ceil(bytes / bytesPerToken);
}

/** A call of a tool with what came of it, as far as endpoints take it: they refuse names and ids of other letters. */
function toolResult(part: Given): ModelPart | undefined {
  const { type, state, toolCallId, input, output, errorText } = part;
  const toolName = type === "dynamic-tool" ? part["toolName"] : type.startsWith("tool-") ? type.slice(5) : undefined;
  if (typeof toolName !== "string" || !/^[\w-]{1,64}$/.test(toolName)) return undefined;
  if (typeof toolCallId !== "string" || !/^[\w.:-]{1,128}$/.test(toolCallId)) return undefined;
  const call = { type: "dynamic-tool" as const, toolName, toolCallId, input: isObject(input) ? input : {} };
  if (state === "output-available") return { ...call, state, output: output ?? null };
  if (state === "output-error" && typeof errorText === "string") return { ...call, state, errorText };
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
