/** Items of the OpenAI Agents SDK and stored messages: as parts that every reader knows, and whole where these would not give them back. */
import type { AgentInputItem } from "@openai/agents";
import { InvalidInputError } from "../../errors.ts";
import type { NewMessage } from "../../store/schemas.ts";
import type { Message, MessageRole, Part } from "../../store/tables/message.ts";

type Fields = Record<string, unknown>;

/** The type of a part that holds an item whole. */
const wholeType = "data-openai-agents-item";
const bytesKey = "$bytes";

/** The message to store for an item. @throws invalid_input for what JSON cannot hold */
export function messageOf(given: AgentInputItem): NewMessage & { parts: Part[] } {
  const item = encode(given) as Fields;
  const role = roleOf(item);
  const parts = shownParts(item);
  const back = itemsFromParts(role, parts, "");
  const isWhole = back.length === 1 && JSON.stringify(back[0]) === JSON.stringify(item);
  return { role, parts: isWhole ? parts : [...parts, { type: wholeType, data: item }] };
}

/** The items of a stored message, in order: as they came, or as its parts say them; none of a deleted one. */
export function itemsOf({ role, parts, content, status }: Message): AgentInputItem[] {
  if (status === "deleted") return [];
  const whole = parts?.filter(({ type }) => type === wholeType) ?? [];
  const items = whole.length > 0 ? whole.map(({ data }) => data) : itemsFromParts(role, parts, content);
  return items.map((item) => decode(item) as AgentInputItem);
}

/** The parts of a stored message once its items are these. */
export function partsWith(message: Message, items: readonly AgentInputItem[]): Part[] {
  const [only] = items;
  if (items.length === 1 && only) return messageOf(only).parts;
  const shown = message.parts?.filter(({ type }) => type !== wholeType) ?? [{ type: "text", text: message.content }];
  return [...shown, ...items.map((item) => ({ type: wholeType, data: encode(item) }))];
}

function roleOf(item: Fields): MessageRole {
  if (item["role"] === "user" || item["role"] === "system") return item["role"];
  return String(item["type"]).endsWith("_result") || String(item["type"]).endsWith("_output") ? "tool" : "assistant";
}

/** What of an item can be shown; an item that cannot has no such part. */
function shownParts(item: Fields): Part[] {
  const { type, content } = item;
  if (type === "function_call") {
    const input = parsed(item["arguments"]);
    return [{ type: toolType(item), toolCallId: item["callId"], state: "input-available", input }];
  }
  if (type === "function_call_result") {
    const output = outputOf(item["output"]);
    return [{ type: toolType(item), toolCallId: item["callId"], state: "output-available", input: {}, output }];
  }
  if (type === "reasoning") return textsOf(content).map((text) => ({ type: "reasoning", text }));
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? content.flatMap((block) => blockParts(block as Fields)) : [];
}

function blockParts(block: Fields): Part[] {
  const text = block["text"] ?? block["refusal"] ?? block["transcript"];
  if (typeof text === "string") return [{ type: "text", text }];
  const url = block["type"] === "input_image" ? block["image"] : undefined;
  return typeof url === "string" ? [{ type: "file", mediaType: mediaTypeOf(url), url }] : [];
}

function mediaTypeOf(url: string): string {
  return /^data:([^;,]+)/.exec(url)?.[1] ?? "image/*";
}

function textsOf(content: unknown): string[] {
  const blocks = Array.isArray(content) ? (content as Fields[]) : [];
  return blocks.flatMap(({ text }) => (typeof text === "string" ? text : []));
}

function toolType({ name }: Fields): string {
  return `tool-${String(name)}`;
}

function outputOf(output: unknown): unknown {
  const text = (output as Fields | null)?.["text"];
  return typeof text === "string" && (output as Fields)["type"] === "text" ? text : (output ?? null);
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return text;
  }
}

/** Of what other clients have stored. Thoughts of a model, and calls without a result, are nothing that a model can be given again. */
function itemsFromParts(role: MessageRole, given: readonly Part[] | null, content: string): Fields[] {
  const parts = given ?? [{ type: "text", text: content }];
  if (role === "system") return [{ type: "message", role, content: textsOf(parts).join("") }];
  if (role === "user") return [{ type: "message", role, content: userContent(parts) }];
  return parts.flatMap((part) => {
    if (part.type === "text") return part["text"] === "" ? [] : [answer(part["text"])];
    const isTool = part.type === "dynamic-tool" || part.type.startsWith("tool-");
    return isTool ? toolItems(role, part) : [];
  });
}

function answer(text: unknown): Fields {
  return { type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text }] };
}

function userContent(parts: readonly Part[]): unknown {
  const [only] = parts;
  if (parts.length === 1 && only?.type === "text") return only["text"];
  return parts.flatMap((part): Fields[] => {
    if (part.type === "text") return [{ type: "input_text", text: part["text"] }];
    if (part.type !== "file") return [];
    const isImage = String(part["mediaType"]).startsWith("image/");
    return [isImage ? { type: "input_image", image: part["url"] } : { type: "input_file", file: part["url"] }];
  });
}

function toolItems(role: MessageRole, part: Part): Fields[] {
  const name = part.type === "dynamic-tool" ? part["toolName"] : part.type.slice("tool-".length);
  const callId = part["toolCallId"];
  const result = part["state"] === "output-error" ? part["errorText"] : part["output"];
  if (result === undefined) return [];
  const text = typeof result === "string" ? result : JSON.stringify(result);
  const call = {
    type: "function_call",
    callId,
    name,
    status: "completed",
    arguments: JSON.stringify(part["input"] ?? {}),
  };
  const output = { type: "function_call_result", name, callId, status: "completed", output: { type: "text", text } };
  return role === "tool" ? [output] : [call, output];
}

/** Bytes, which items may have and JSON has not, as base64. */
function encode(value: unknown): unknown {
  if (value instanceof Uint8Array) return { [bytesKey]: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol") throw unkeepable();
  if (typeof value !== "object" || value === null) return value;
  if (bytesKey in value || !isPlain(value)) throw unkeepable();
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, encode(each)]));
}

/** Of other classes, as Date and Map, the entries are not the content. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== "object" || value === null) return value;
  const bytes = (value as Fields)[bytesKey];
  if (typeof bytes === "string") return new Uint8Array(Buffer.from(bytes, "base64"));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, decode(each)]));
}

function unkeepable() {
  return new InvalidInputError(
    `An item holds a value that JSON cannot hold, or the key "${bytesKey}": give texts, numbers, lists, objects or bytes.`,
  );
}
