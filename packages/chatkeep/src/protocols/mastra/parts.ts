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

/** As the AI SDK takes it: whatever is not as it has to be is left out, and known to Mastra all the same. */
function toPart(part: Fields): Part | undefined {
  const said = shown(part);
  return said && { ...said, ...stamped(part) };
}

function shown(part: Fields): Part | undefined {
  const { type } = part;
  if (typeof type !== "string") return undefined;
  if (type === "text") return textPart(part);
  if (type === "step-start") return part as Part;
  if (type.startsWith("data-")) return dataPart(type, part);
  if (type === "reasoning") return reasoningPart(part);
  if (type === "file") return filePart(part);
  if (type === "source") return sourcePart(part);
  if (type === "source-document") return documentPart(part);
  return type === "tool-invocation" ? toolPart(part) : undefined;
}

function textPart({ text, providerMetadata }: Fields): Part | undefined {
  return typeof text === "string" ? { type: "text", text, ...described(providerMetadata) } : undefined;
}

function dataPart(type: string, { data, id }: Fields): Part {
  return { type, ...(typeof id === "string" && { id }), data: data ?? null };
}

function reasoningPart({ reasoning, details, providerMetadata }: Fields): Part {
  const texts = listOf(details).flatMap(({ text }) => (typeof text === "string" ? text : []));
  const text = typeof reasoning === "string" && reasoning !== "" ? reasoning : texts.join("");
  return { type: "reasoning", text, ...described(providerMetadata) };
}

function filePart({ mimeType, data, filename, providerMetadata }: Fields): Part | undefined {
  if (typeof data !== "string") return undefined;
  const mediaType = typeof mimeType === "string" ? mimeType : "application/octet-stream";
  const url = /^[a-z][a-z0-9+.-]*:/i.test(data) ? data : `data:${mediaType};base64,${data}`;
  return { type: "file", mediaType, url, ...named(filename), ...described(providerMetadata) };
}

function sourcePart({ source, providerMetadata }: Fields): Part | undefined {
  if (!isFields(source) || typeof source["url"] !== "string") return undefined;
  const { id, url, title } = source;
  const sourceId = typeof id === "string" ? id : source["url"];
  return { type: "source-url", sourceId, url, ...titled(title), ...described(providerMetadata) };
}

function documentPart({ sourceId, mediaType, title, filename, providerMetadata }: Fields): Part | undefined {
  if ([sourceId, mediaType, title].some((each) => typeof each !== "string")) return undefined;
  return { type: "source-document", sourceId, mediaType, title, ...named(filename), ...described(providerMetadata) };
}

function toolPart({ toolInvocation, providerMetadata, providerExecuted }: Fields): Part | undefined {
  if (!isFields(toolInvocation)) return undefined;
  const { toolName, toolCallId, args, result, errorText } = toolInvocation;
  const { state, approval } = stateOf(toolInvocation);
  return {
    type: `tool-${textOf(toolName)}`,
    toolCallId: textOf(toolCallId),
    state,
    input: args ?? {},
    ...(state === "output-available" && { output: result ?? null }),
    ...(state === "output-error" && { errorText: typeof errorText === "string" ? errorText : textOf(result) }),
    ...(approval && { approval }),
    ...(typeof providerExecuted === "boolean" && { providerExecuted }),
    ...(isDescription(providerMetadata) && { callProviderMetadata: providerMetadata }),
  };
}

/** With an approval where the AI SDK has one, and not in a state that needs one that is not there. */
function stateOf({ state: given, isError, approval: asked }: Fields): { state: string; approval?: Fields } {
  const said = states.find(([mastra]) => mastra === given)?.[1] ?? "input-available";
  const state = said === "output-available" && isError === true ? "output-error" : said;
  const { id, approved, reason } = isFields(asked) ? asked : {};
  const isNamed = typeof id === "string";
  const reasoned = typeof reason === "string" ? { reason } : {};
  if (state === "approval-requested") return isNamed ? { state, approval: { id } } : { state: "input-available" };
  if (state.startsWith("input-")) return { state };
  const approval = isNamed && typeof approved === "boolean" ? { id, approved, ...reasoned } : undefined;
  if (state === "approval-responded") return approval ? { state, approval } : { state: "input-available" };
  if (state === "output-denied") return approval?.approved === false ? { state, approval } : { state: "output-error" };
  return approval?.approved === true ? { state, approval } : { state };
}

/** Parts of Mastra for those of the AI SDK, whoever stored them. */
export function fromParts(parts: readonly Part[]): Fields[] {
  return parts.flatMap((part): Fields[] => {
    const said = fromPart(part);
    return said ? [said] : [];
  });
}

function fromPart(part: Part): Fields | undefined {
  const said = toldAgain(part);
  return said && { ...said, ...stamped(part) };
}

function toldAgain(part: Part): Fields | undefined {
  const { type, providerMetadata } = part;
  if (type === "step-start" || type.startsWith("data-")) return part;
  if (type === "text") return { type, text: part["text"], ...described(providerMetadata) };
  if (type === "reasoning") {
    const text = textOf(part["text"] ?? "");
    return { type, reasoning: text, details: [{ type: "text", text }], ...described(providerMetadata) };
  }
  if (type === "file") {
    const { mediaType, url, filename } = part;
    return { type, mimeType: mediaType, data: url, ...named(filename), ...described(providerMetadata) };
  }
  if (type === "source-url") {
    const { sourceId: id, url, title } = part;
    return {
      type: "source",
      source: { sourceType: "url", id, url, ...titled(title) },
      ...described(providerMetadata),
    };
  }
  if (type === "source-document") return documentPart(part);
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
    ...(isDescription(callProviderMetadata) && { providerMetadata: callProviderMetadata }),
  };
}

/** When Mastra got a part. */
function stamped({ createdAt }: Fields) {
  return typeof createdAt === "number" ? { createdAt } : {};
}

function named(filename: unknown) {
  return typeof filename === "string" ? { filename } : {};
}

function titled(title: unknown) {
  return typeof title === "string" ? { title } : {};
}

function described(providerMetadata: unknown) {
  return isDescription(providerMetadata) ? { providerMetadata } : {};
}

/** By the names of providers. */
function isDescription(value: unknown): value is Record<string, Fields> {
  return isFields(value) && Object.values(value).every(isFields);
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
