/** assistant-ui's own format `aui/v0` as parts of messages, and back. */
import type { Message, MessageStatus, Part } from "../../store/tables/message.ts";
import type { ForeignFormat } from "../frame/foreign.ts";

/** A message, or a part of one, as it came. */
export type Fields = Record<string, unknown>;

/** What a message has beside its parts, where another client wrote it. */
interface Shown extends Pick<Message, "role" | "parts" | "content"> {
  status?: MessageStatus | undefined;
  custom?: unknown;
}

/** Of what its parts do not say all the content is kept whole beside them. */
export const auiFormat: ForeignFormat<Fields> = {
  name: "assistant-ui",
  toParts,
  fromParts: (message) => auiContent(message),
};

function toParts({ content, attachments }: Fields): Part[] {
  const attached = listOf(attachments).flatMap(({ content }) => listOf(content));
  return [...listOf(content), ...attached].flatMap(partOf);
}

function partOf(given: Fields): Part[] {
  const { type, text, url, title, id, filename, mediaType, providerMetadata } = given;
  const more = isObject(providerMetadata) ? { providerMetadata } : {};
  if (type === "text" && typeof text === "string") return [{ type, text, ...more }];
  if (type === "reasoning" && typeof text === "string") return [{ type, text, ...more }];
  if (type === "source" && typeof url === "string") {
    return [{ type: "source-url", sourceId: id ?? url, url, ...(typeof title === "string" && { title }), ...more }];
  }
  if (type === "source" && typeof title === "string") {
    return [{ type: "source-document", sourceId: id ?? title, mediaType, title, ...named(filename), ...more }];
  }
  if (type === "tool-call") return toolPart(given);
  if (type === "data" && typeof given["name"] === "string" && given["name"] !== auiFormat.name) {
    return [{ type: `data-${given["name"]}`, ...(typeof id === "string" && { id }), data: given["data"] ?? null }];
  }
  return filePart(given);
}

function toolPart({ toolCallId, toolName, args, argsText, result, isError }: Fields): Part[] {
  if (typeof toolCallId !== "string" || typeof toolName !== "string") return [];
  const call = { type: `tool-${toolName}`, toolCallId, input: args ?? parsed(argsText) };
  if (result === undefined) return [{ ...call, state: "input-available" }];
  if (!isError) return [{ ...call, state: "output-available", output: result }];
  return [{ ...call, state: "output-error", errorText: typeof result === "string" ? result : JSON.stringify(result) }];
}

function filePart({ type, image, data, mimeType, sourceType, filename, audio }: Fields): Part[] {
  if (type === "image" && typeof image === "string") {
    return [
      { type: "file", mediaType: /^data:([^;,]+)/.exec(image)?.[1] ?? "image/*", url: image, ...named(filename) },
    ];
  }
  if (type === "file" && typeof data === "string" && typeof mimeType === "string" && sourceType !== "id") {
    const isUrl = sourceType === "url" || /^(?:data|https?|blob):/.test(data);
    const url = isUrl ? data : `data:${mimeType};base64,${data}`;
    return [{ type: "file", mediaType: mimeType, url, ...named(filename) }];
  }
  if (type === "audio" && isObject(audio) && typeof audio["data"] === "string") {
    const mediaType = audio["format"] === "wav" ? "audio/wav" : "audio/mpeg";
    return [{ type: "file", mediaType, url: `data:${mediaType};base64,${audio["data"]}` }];
  }
  return [];
}

/** As assistant-ui writes it, with its keys in that order. */
export function auiContent({ role, parts, content, status = "complete", custom }: Shown): Fields {
  const own = isObject(custom) ? custom : {};
  const given = parts ?? [{ type: "text", text: content }];
  if (role === "system") {
    const text = given.flatMap((part) => (part.type === "text" ? [part["text"]] : [])).join("\n");
    return { role, content: [{ type: "text", text }], metadata: { custom: own } };
  }
  const shown = given.flatMap(auiPart);
  if (role === "user") return { role, content: shown, metadata: { custom: own } };
  const metadata = { unstable_state: null, unstable_annotations: [], unstable_data: [], steps: [], custom: own };
  return { role: "assistant", content: shown, metadata, status: auiStatus(status) };
}

function auiPart(part: Part): Fields[] {
  const { type, text, providerMetadata, sourceId, url, title, mediaType, filename, id, data } = part;
  const more = isObject(providerMetadata) ? { providerMetadata } : {};
  if (type === "text" || type === "reasoning") return [{ type, text, ...more }];
  if (type === "source-url") {
    return [{ type: "source", sourceType: "url", id: sourceId, url, ...(title !== undefined && { title }), ...more }];
  }
  if (type === "source-document") {
    return [{ type: "source", sourceType: "document", id: sourceId, title, mediaType, ...named(filename), ...more }];
  }
  if (type === "file") {
    if (String(mediaType).startsWith("image/")) return [{ type: "image", image: url, ...named(filename) }];
    const isData = String(url).startsWith("data:");
    return [
      { type: "file", data: url, mimeType: mediaType, ...named(filename), ...(!isData && { sourceType: "url" }) },
    ];
  }
  if (type === "dynamic-tool" || type.startsWith("tool-")) return [auiTool(part)];
  if (type.startsWith("data-")) {
    return [{ type: "data", ...(id !== undefined && { id }), name: type.slice("data-".length), data: data ?? null }];
  }
  return [];
}

function auiTool({ type, toolName, toolCallId, state, input, output, errorText }: Part): Fields {
  const name = type === "dynamic-tool" ? toolName : type.slice("tool-".length);
  const call = {
    type: "tool-call",
    toolCallId,
    toolName: name,
    ...(isObject(input) ? { args: input } : { argsText: JSON.stringify(input ?? {}) }),
  };
  if (state === "output-available") return { ...call, result: output ?? null };
  return state === "output-error" ? { ...call, result: errorText ?? "", isError: true } : call;
}

function auiStatus(status: MessageStatus): Fields {
  if (status === "complete") return { type: "complete", reason: "unknown" };
  return { type: "incomplete", reason: status === "failed" ? "error" : "cancelled" };
}

/** How a client says that a message has ended. */
export type SaidStatus = "complete" | "stopped" | "failed";

/** How a message of assistant-ui stands, by what it says itself; `undefined` where it says nothing. */
export function statusIn({ role, status }: Fields): SaidStatus | undefined {
  if (role !== "assistant" || !isObject(status)) return undefined;
  if (status["type"] !== "incomplete") return "complete";
  if (status["reason"] === "cancelled") return "stopped";
  return status["reason"] === "error" ? "failed" : "complete";
}

function named(filename: unknown): { filename?: string } {
  return typeof filename === "string" ? { filename } : {};
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return text ?? {};
  }
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
