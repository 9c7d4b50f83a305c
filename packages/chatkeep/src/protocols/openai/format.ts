/** Items of OpenAI's conversations as parts of messages, one item for one message. */
import type { Message, MessageRole, Part } from "../../store/tables/message.ts";
import type { ForeignFormat } from "../frame/foreign.ts";

/** An item: what every kind has, and whatever else its own kind has. */
export interface Item {
  type: string;
  [key: string]: unknown;
}

type Fields = Record<string, unknown>;

/** Kinds that always say how they stand. */
const withStatus = new Set(["message", "function_call", "function_call_output", "computer_call_output"]);

/** An item without its id, with what clients may leave out, and with its keys in the order in which parts give them back. */
export function normalized(given: Fields): Item {
  const { id: _id, type = "message", ...rest } = given;
  if (type !== "message") return inOrder({ type, ...(withStatus.has(String(type)) && completed(rest)), ...rest });
  const { role, content } = rest;
  const kind = role === "assistant" ? "output_text" : "input_text";
  const blocks = typeof content === "string" ? [{ type: kind, text: content }] : (content as Fields[]);
  return inOrder({ type, ...completed(rest), ...rest, content: blocks.map(block) });
}

function completed({ status }: Fields): Fields {
  return { status: status ?? "completed" };
}

const order = ["type", "status", "role", "content", "call_id", "name", "arguments", "output", "summary"];

function inOrder(item: Fields): Item {
  const known = order.flatMap((key) => (key in item ? [[key, item[key]] as const] : []));
  return { ...(Object.fromEntries(known) as Item), ...item };
}

/** With what OpenAI's own answers always have. */
function block({ type, ...rest }: Fields): Fields {
  if (type === "output_text") return { type, annotations: rest["annotations"] ?? [], ...rest };
  if (type !== "input_image") return { type, ...rest };
  const { detail, file_id, image_url, ...more } = rest;
  const image = { detail: detail ?? "auto", file_id: file_id ?? null, image_url: image_url ?? null };
  return { type, ...image, ...more };
}

/** Who said it, among the roles that messages have. */
export function roleOf({ type, role }: Item): MessageRole {
  if (role === "user" || role === "system" || role === "tool") return role;
  if (role === "developer") return "system";
  return type.endsWith("_output") ? "tool" : "assistant";
}

/** The format: an item has neither its id nor, where it is not `completed`, another status than it came with. */
export const format: ForeignFormat<Item> = { name: "openai-item", toParts, fromParts };

function toParts(item: Item): Part[] {
  const { type, content, call_id: toolCallId, name } = item;
  if (type === "message") return (content as Fields[]).flatMap(partOf);
  if (type === "reasoning") {
    return [...textsOf(item["summary"]), ...textsOf(content)].map((text) => ({ type: "reasoning", text }));
  }
  if (typeof toolCallId !== "string") return [];
  if (type === "function_call" || type === "custom_tool_call") {
    const input = type === "function_call" ? parsed(item["arguments"]) : item["input"];
    return [{ type: `tool-${String(name)}`, toolCallId, state: "input-available", input }];
  }
  if (type === "function_call_output" || type === "custom_tool_call_output") {
    const toolName = typeof name === "string" ? name : "function";
    const output = item["output"] ?? null;
    return [{ type: "dynamic-tool", toolName, toolCallId, state: "output-available", input: {}, output }];
  }
  return [];
}

function partOf(given: Fields): Part[] {
  const { type, file_data, file_url, filename, image_url } = given;
  const text = given["text"] ?? given["refusal"];
  if (typeof text === "string") return [{ type: "text", text }];
  const url = type === "input_image" ? image_url : (file_data ?? file_url);
  if (typeof url !== "string") return [];
  const mediaType =
    /^data:([^;,]+)/.exec(url)?.[1] ?? (type === "input_image" ? "image/*" : "application/octet-stream");
  return [{ type: "file", mediaType, url, ...(typeof filename === "string" && { filename }) }];
}

function textsOf(blocks: unknown): string[] {
  const texts = Array.isArray(blocks) ? (blocks as (Fields | null)[]).map((each) => each?.["text"]) : [];
  return texts.filter((text) => typeof text === "string");
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return text;
  }
}

/** Of parts that are one item, and no more. */
function fromParts({ role, parts, content }: Pick<Message, "role" | "parts" | "content">): Item | undefined {
  // The draft of a reply has neither words nor parts.
  const given = parts ?? (content === "" ? [] : [{ type: "text", text: content }]);
  const [only] = given;
  if (!only) return undefined;
  if (role === "user" || role === "system") return message(role, given);
  if (given.every(({ type }) => type === "text" || type === "file")) return message(role, given);
  if (given.every(({ type }) => type === "reasoning")) return reasoning(given);
  const items = given.length === 1 ? toolItems(role, only) : [];
  return items.length === 1 ? items[0] : undefined;
}

/** A message of the parts among these that are words or files. */
export function message(role: MessageRole, parts: readonly Part[]): Item {
  const content = parts.flatMap((part): Fields[] => {
    const { type, text, mediaType, url, filename } = part;
    if (type === "text") {
      return [role === "assistant" ? { type: "output_text", annotations: [], text } : { type: "input_text", text }];
    }
    if (type !== "file") return [];
    if (String(mediaType).startsWith("image/")) {
      return [{ type: "input_image", detail: "auto", file_id: null, image_url: url }];
    }
    const where = String(url).startsWith("data:") ? { file_data: url } : { file_url: url };
    return [{ type: "input_file", ...(filename !== undefined && { filename }), ...where }];
  });
  return { type: "message", status: "completed", role, content };
}

/** Thoughts of a model. */
export function reasoning(parts: readonly Part[]): Item {
  return { type: "reasoning", summary: parts.map(({ text }) => ({ type: "summary_text", text })) };
}

/** A call of a tool, and what came of it where something did; of a message of the role `tool` that alone. */
export function toolItems(role: MessageRole, part: Part): Item[] {
  const { type, toolName, toolCallId, state, input, output, errorText } = part;
  const isTool = type === "dynamic-tool" || type.startsWith("tool-");
  if (!isTool) return [];
  const name = type === "dynamic-tool" ? toolName : type.slice("tool-".length);
  const result = state === "output-error" ? errorText : output;
  const isOver = state === "output-available" || state === "output-error";
  const status = "completed";
  const call = { type: "function_call", status, call_id: toolCallId, name, arguments: textOf(input ?? {}) };
  const answer = { type: "function_call_output", status, call_id: toolCallId, output: outputOf(result) };
  if (role === "tool") return [answer];
  return isOver ? [call, answer] : [call];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "null");
}

/** A text, or a list of blocks as OpenAI has them. */
function outputOf(value: unknown): unknown {
  const isBlocks =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (each) => typeof (each as Fields | null)?.["type"] === "string" && String(each.type).startsWith("input_"),
    );
  return isBlocks ? value : textOf(value ?? null);
}
