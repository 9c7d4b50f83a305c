/** Parts of Mastra's messages and parts of the AI SDK: what the one shows, said by the other. */
import type { Part } from "../../store/tables/message.ts";

export type Fields = Record<string, unknown>;

/** Of a call of a tool, as Mastra has them and as the AI SDK has them. */
const states: [mastra: string, sdk: string][] = [
  ["partial-call", "input-streaming"],
  ["call", "input-available"],
  ["result", "output-available"],
  ["output-error", "output-error"],
  ["output-denied", "output-denied"],
  ["approval-requested", "approval-requested"],
  ["approval-responded", "approval-responded"],
];

/** What stands in both under the same names. */
const same = new Set(["text", "step-start", "source-document"]);

/** What of the content of a message can be shown; what cannot has no such part. */
export function toParts(content: Fields): Part[] {
  const given = listOf(content["parts"]);
  const parts = given.flatMap((part) => toPart(part) ?? []);
  const text = content["content"];
  const hasText = given.some(({ type }) => type === "text");
  const said: Part[] = !hasText && typeof text === "string" && text !== "" ? [{ type: "text", text }] : [];
  const files = listOf(content["experimental_attachments"]).flatMap(({ url, contentType, name }): Part[] => {
    if (typeof url !== "string") return [];
    return [{ type: "file", mediaType: String(contentType ?? "application/octet-stream"), url, ...named(name) }];
  });
  return [...said, ...files, ...parts];
}

function toPart(part: Fields): Part | undefined {
  const { type } = part;
  if (typeof type !== "string") return undefined;
  if (type === "text") return typeof part["text"] === "string" ? (part as Part) : undefined;
  if (same.has(type)) return part as Part;
  if (type.startsWith("data-")) return "data" in part ? (part as Part) : { ...part, type, data: null };
  if (type === "reasoning") return reasoningPart(part);
  if (type === "file") return filePart(part);
  if (type === "source") return sourcePart(part);
  return type === "tool-invocation" ? toolPart(part) : undefined;
}

function reasoningPart({ reasoning, details, providerMetadata }: Fields): Part {
  const texts = listOf(details).flatMap(({ text }) => (typeof text === "string" ? text : []));
  const text = typeof reasoning === "string" && reasoning !== "" ? reasoning : texts.join("");
  return { type: "reasoning", text, ...(isFields(providerMetadata) && { providerMetadata }) };
}

function filePart({ mimeType, data, filename, providerMetadata }: Fields): Part | undefined {
  if (typeof data !== "string") return undefined;
  const mediaType = typeof mimeType === "string" ? mimeType : "application/octet-stream";
  const url = /^[a-z][a-z0-9+.-]*:/i.test(data) ? data : `data:${mediaType};base64,${data}`;
  return { type: "file", mediaType, url, ...named(filename), ...(isFields(providerMetadata) && { providerMetadata }) };
}

function sourcePart({ source, providerMetadata }: Fields): Part | undefined {
  if (!isFields(source) || typeof source["url"] !== "string") return undefined;
  const { id, url, title } = source;
  const titled = typeof title === "string" ? { title } : {};
  const more = isFields(providerMetadata) ? { providerMetadata } : {};
  return { type: "source-url", sourceId: String(id ?? url), url, ...titled, ...more };
}

function toolPart({ toolInvocation, providerMetadata, providerExecuted }: Fields): Part | undefined {
  if (!isFields(toolInvocation)) return undefined;
  const { toolName, toolCallId, args, result, isError, errorText, approval } = toolInvocation;
  const said = states.find(([mastra]) => mastra === toolInvocation["state"])?.[1] ?? "input-available";
  const state = said === "output-available" && isError === true ? "output-error" : said;
  const failure = typeof errorText === "string" ? errorText : textOf(result);
  return {
    type: `tool-${String(toolName)}`,
    toolCallId: String(toolCallId),
    state,
    input: args ?? {},
    ...(state === "output-available" && { output: result ?? null }),
    ...(state === "output-error" && { errorText: failure }),
    ...(isFields(approval) && { approval }),
    ...(typeof providerExecuted === "boolean" && { providerExecuted }),
    ...(isFields(providerMetadata) && { callProviderMetadata: providerMetadata }),
  };
}

/** Parts of Mastra for those of the AI SDK, whoever stored them. */
export function fromParts(parts: readonly Part[]): Fields[] {
  return parts.flatMap((part): Fields[] => {
    const said = fromPart(part);
    return said ? [said] : [];
  });
}

function fromPart(part: Part): Fields | undefined {
  const { type } = part;
  if (same.has(type) || type.startsWith("data-")) return part;
  const providerMetadata = isFields(part["providerMetadata"]) ? { providerMetadata: part["providerMetadata"] } : {};
  if (type === "reasoning") {
    const text = String(part["text"] ?? "");
    return { type, reasoning: text, details: [{ type: "text", text }], ...providerMetadata };
  }
  if (type === "file") {
    return { type, mimeType: part["mediaType"], data: part["url"], ...named(part["filename"]), ...providerMetadata };
  }
  if (type === "source-url") {
    const { sourceId: id, url, title } = part;
    const source = { sourceType: "url", id, url, ...(typeof title === "string" && { title }) };
    return { type: "source", source, ...providerMetadata };
  }
  return type === "dynamic-tool" || type.startsWith("tool-") ? invocation(part) : undefined;
}

function invocation(part: Part): Fields {
  const { toolCallId, input, output, errorText, approval, providerExecuted, callProviderMetadata } = part;
  const state = states.find(([, sdk]) => sdk === part["state"])?.[0] ?? "call";
  return {
    type: "tool-invocation",
    toolInvocation: {
      state,
      toolCallId,
      toolName: part.type === "dynamic-tool" ? part["toolName"] : part.type.slice("tool-".length),
      args: input ?? {},
      ...(state === "result" && { result: output ?? null }),
      ...(state === "output-error" && { errorText }),
      ...(isFields(approval) && { approval }),
    },
    ...(typeof providerExecuted === "boolean" && { providerExecuted }),
    ...(isFields(callProviderMetadata) && { providerMetadata: callProviderMetadata }),
  };
}

function named(filename: unknown) {
  return typeof filename === "string" ? { filename } : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
