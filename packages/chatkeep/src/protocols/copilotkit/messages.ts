/** Messages of AG-UI and stored messages: as parts that every reader knows, and whole where these would not give them back. */
import type { NewMessage } from "../../store/schemas.ts";
import type { Message, Part } from "../../store/tables/message.ts";
import { type ForeignFormat, itemOf, partsToStore } from "../frame/foreign.ts";
import type { Fields } from "./closing.ts";
import { parsed } from "./shown.ts";

/** Who can have said a message that is kept as one of the conversation; what else a run is given is kept with the run. */
const roles: Record<string, "user" | "assistant" | "system"> = {
  user: "user",
  assistant: "assistant",
  system: "system",
  developer: "system",
};

/** Without its id, which is that of the stored message. */
const format: ForeignFormat<Fields> = {
  name: "ag-ui-message",
  toParts: ({ content, toolCalls }) => [...contentParts(content), ...callParts(toolCalls)],
  fromParts: ({ role, parts, content }) => {
    if (role === "user") return { role, content: userContent(parts ?? [{ type: "text", text: content }]) };
    return { role, content: parts ? textsOf(parts).join("") : content };
  },
};

const wholeType = `data-${format.name}`;

/** Whether a message of an input is kept as a message of the conversation. */
export function isKept({ role }: Fields): boolean {
  return Object.hasOwn(roles, String(role));
}

/** The message to store for one of an input; under another id, and with its own inside, where that is in use elsewhere. */
export function toStore({ id, role, content, ...rest }: Fields, isCopy: boolean): NewMessage {
  const named = roles[String(role)] ?? "user";
  const item = { ...(isCopy && { id }), role, ...(content !== undefined && { content }), ...rest };
  const parts = partsToStore(format, named, item);
  // Without words it is a message all the same.
  const whole = parts.length > 0 ? parts : [{ type: wholeType, data: item }];
  return { id: isCopy ? `ag-ui-${id}` : String(id), role: named, parts: whole };
}

/** The messages of AG-UI that a stored message which no run has written is: one for each step of an answer. */
export function messagesOf(message: Message): Fields[] {
  const { id, role, status, parts } = message;
  if (status === "deleted") return [];
  const isWhole = parts?.some(({ type }) => type === wholeType);
  if (isWhole || role === "user" || role === "system") return [{ id, ...itemOf(format, message) }];
  return answerMessages(message);
}

function contentParts(content: unknown): Part[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return Array.isArray(content) ? content.flatMap((block) => blockParts(block as Fields)) : [];
}

function blockParts({ type, text, source, mimeType, data, url, filename }: Fields): Part[] {
  if (typeof text === "string") return [{ type: "text", text }];
  const from = (source ?? {
    mimeType,
    ...(url === undefined ? { value: data, type: "data" } : { value: url }),
  }) as Fields;
  if (typeof from["value"] !== "string") return [];
  const mediaType = String(from["mimeType"] ?? `${type}/*`);
  const place = from["type"] === "data" ? `data:${mediaType};base64,${from["value"]}` : from["value"];
  return [{ type: "file", mediaType, url: place, ...(typeof filename === "string" && { filename }) }];
}

function callParts(calls: unknown): Part[] {
  return (Array.isArray(calls) ? (calls as Fields[]) : []).map((call) => {
    const { name, arguments: args } = (call["function"] ?? {}) as Fields;
    return { type: `tool-${name}`, toolCallId: call["id"], state: "input-available", input: parsed(args) };
  });
}

function userContent(parts: readonly Part[]): unknown {
  const shown = parts.filter(({ type }) => type === "text" || type === "file");
  if (shown.every(({ type }) => type === "text")) return textsOf(shown).join("");
  return shown.map((part) => (part.type === "text" ? { type: "text", text: part["text"] } : fileBlock(part)));
}

function fileBlock({ mediaType, url }: Part): Fields {
  const mimeType = String(mediaType);
  const [kind = ""] = mimeType.split("/");
  const inline = /^data:[^,]*;base64,(.*)$/s.exec(String(url))?.[1];
  const source =
    inline === undefined ? { type: "url", value: url, mimeType } : { type: "data", value: inline, mimeType };
  return { type: ["image", "audio", "video"].includes(kind) ? kind : "document", source };
}

function textsOf(parts: readonly Part[]): string[] {
  return parts.flatMap(({ type, text }) => (type === "text" && typeof text === "string" ? [text] : []));
}

/** What is said after a call of a tool is a message of its own. */
function answerMessages({ id, role, parts, content }: Message): Fields[] {
  const messages: Fields[] = [];
  let answer: Fields | undefined;
  let count = 0;
  const idOf = () => (count++ === 0 ? id : `${id}:${count - 1}`);
  const current = () => {
    answer ??= messages[messages.push({ id: idOf(), role: "assistant" }) - 1] as Fields;
    return answer;
  };
  const results: Fields[] = [];
  const flush = () => {
    messages.push(...results.splice(0));
    answer = undefined;
  };
  for (const part of parts ?? [{ type: "text", text: content }]) {
    const { type, text } = part;
    if (type === "reasoning" && text) {
      flush();
      messages.push({ id: `${id}:thought-${messages.length}`, role: "reasoning", content: text });
    } else if (type === "text" && text) {
      if (answer?.["toolCalls"]) flush();
      const message = current();
      message["content"] = `${message["content"] ?? ""}${text}`;
    } else if (part["toolCallId"] !== undefined) {
      if (role === "assistant") {
        const message = current();
        message["toolCalls"] = [...((message["toolCalls"] as Fields[] | undefined) ?? []), callOf(part)];
      }
      results.push(...resultsOf(part));
    }
  }
  flush();
  return messages;
}

function callOf({ type, toolName, toolCallId, input }: Part): Fields {
  const name = type === "dynamic-tool" ? String(toolName) : type.slice("tool-".length);
  const args = typeof input === "string" ? input : JSON.stringify(input ?? {});
  return { id: toolCallId, type: "function", function: { name, arguments: args } };
}

function resultsOf({ toolCallId, state, output, errorText }: Part): Fields[] {
  const id = `${toolCallId}-result`;
  if (state === "output-error") return [{ id, role: "tool", toolCallId, content: "", error: errorText }];
  if (state !== "output-available") return [];
  const content = typeof output === "string" ? output : JSON.stringify(output ?? null);
  return [{ id, role: "tool", toolCallId, content }];
}
