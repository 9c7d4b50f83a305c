/** Formats of contents: what of a content is a message's role, parts and metadata, and the content of a message in a format. */
import { InvalidInputError } from "../../errors.ts";
import type { Message, MessageRole, Part } from "../../store/tables/message.ts";
import { partsToStore } from "../frame/foreign.ts";
import { auiContent, auiFormat, type Fields, isObject, type SaidStatus, statusIn } from "./aui-v0.ts";
import { type Facts, readMetadata } from "./facts.ts";

/** Of `useChat`: a message of the AI SDK without its id. */
const aiSdkFormat = "ai-sdk/v6";
const auiV0 = "aui/v0";

/** The part that has what the other parts do not say. */
const wholeType = `data-${auiFormat.name}`;

/** A content as it is stored. */
export interface StoredContent {
  role: MessageRole;
  parts: Part[];
  /** The client's; `undefined` for none. */
  theirs: unknown;
  format: Facts["format"];
  /** Where the content says how the message stands. */
  status: SaidStatus | undefined;
}

/** How contents of a format are written; what nobody here knows is kept whole, with the text in it that can be found. */
type Shape = "ui-message" | "aui" | "opaque";

function shapeOf(format: string): Shape {
  if (/^ai-sdk\//.test(format)) return "ui-message";
  return format === auiV0 ? "aui" : "opaque";
}

/** @throws invalid_input when the content is not of its format */
export function storedContent(format: string, content: Fields): StoredContent {
  const shape = shapeOf(format);
  const named = { format: format === aiSdkFormat ? undefined : format };
  if (shape === "ui-message") return { ...named, ...uiMessage(content), status: undefined };
  if (shape === "opaque") {
    return { ...named, role: opaqueRole(content), parts: opaqueParts(content), theirs: undefined, status: undefined };
  }
  const role = roleIn(content);
  if (!Array.isArray(content["content"])) throw wrong("content.content must be a list of parts");
  const parts = partsToStore(auiFormat, role, content);
  return { ...named, role, parts, theirs: undefined, status: statusIn(content) };
}

/** Which format a content has that changes a message: the message's own, or, where it was read in another one, that. */
export function formatOfChange(message: Message, content: Fields): string {
  const own = formatOf(message);
  if (shapeOf(own) === "opaque") return own;
  if (Array.isArray(content["parts"])) return shapeOf(own) === "ui-message" ? own : aiSdkFormat;
  return Array.isArray(content["content"]) ? auiV0 : own;
}

/** The format that a message was written in; other clients' are the AI SDK's. */
export function formatOf({ metadata }: Message): string {
  return readMetadata(metadata).facts.format ?? aiSdkFormat;
}

/** The content of a message in this format; `undefined` where there is none, as of a deleted one. */
export function contentOf(message: Message, format: string): Fields | undefined {
  if (message.status === "deleted") return undefined;
  const own = formatOf(message);
  if (own === format) {
    const whole = wholeOf(message, own);
    if (whole) return whole;
  }
  const shown = { ...message, parts: message.parts?.filter(({ type }) => type !== wholeType) ?? null };
  const { theirs } = readMetadata(message.metadata);
  if (shapeOf(format) === "aui") return auiContent({ ...shown, custom: theirs });
  if (shapeOf(format) === "opaque") return undefined;
  return {
    role: message.role === "tool" ? "assistant" : message.role,
    parts: shown.parts ?? [{ type: "text", text: message.content }],
    ...(theirs !== undefined && { metadata: theirs }),
    ...(own === format && restOf(message)),
  };
}

/** As it came, unless somebody has changed the parts since. */
function wholeOf(message: Message, format: string): Fields | undefined {
  const shape = shapeOf(format);
  const whole = message.parts?.find(({ type }) => type === wholeType)?.["data"];
  if (shape === "ui-message") return undefined;
  if (!isObject(whole)) return shape === "aui" ? auiContent({ ...message, status: "complete" }) : undefined;
  const parts = shape === "aui" ? partsToStore(auiFormat, message.role, whole) : opaqueParts(whole);
  return JSON.stringify(parts) === JSON.stringify(message.parts) ? whole : undefined;
}

/** What a message of the AI SDK had beside role, parts and metadata. */
function restOf({ parts }: Message): Fields {
  const rest = parts?.find(({ type }) => type === wholeType)?.["data"];
  return isObject(rest) ? rest : {};
}

function uiMessage({
  role: _role,
  parts,
  metadata,
  ...rest
}: Fields): Pick<StoredContent, "role" | "parts" | "theirs"> {
  const role = roleIn({ role: _role });
  if (!Array.isArray(parts) || !parts.every(isPart)) throw wrong("content.parts must be a list of objects with a type");
  if (parts.some(({ type }) => type === wholeType)) throw wrong(`content.parts must not have the type ${wholeType}`);
  const isPlain = Object.keys(rest).length === 0;
  return { role, parts: isPlain ? parts : [...parts, { type: wholeType, data: rest }], theirs: metadata };
}

function roleIn({ role }: Fields): MessageRole {
  if (role === "user" || role === "assistant" || role === "system") return role;
  throw wrong("content.role must be user, assistant or system");
}

function opaqueRole({ role, type }: Fields): MessageRole {
  const said = role ?? type;
  if (said === "user" || said === "human") return "user";
  return said === "system" || said === "tool" ? said : "assistant";
}

function opaqueParts(content: Fields): Part[] {
  const said = content["content"] ?? content["text"] ?? content["parts"];
  const texts = typeof said === "string" ? [said] : Array.isArray(said) ? said.map(textIn) : [];
  const shown = texts.filter((text) => text !== undefined && text !== "");
  return [...shown.map((text) => ({ type: "text", text })), { type: wholeType, data: content }];
}

function textIn(value: unknown): string | undefined {
  return isObject(value) && typeof value["text"] === "string" ? value["text"] : undefined;
}

function isPart(value: unknown): value is Part {
  return isObject(value) && typeof value["type"] === "string";
}

function wrong(rule: string): InvalidInputError {
  return new InvalidInputError(`${rule}: send the message as its format has it.`);
}
