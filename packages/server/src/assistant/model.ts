/** Which model answers: the offline assistant, or any endpoint that speaks OpenAI's chat completions. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModelV4, LanguageModelV4FilePart, LanguageModelV4Prompt } from "@ai-sdk/provider";
import { wrapLanguageModel } from "ai";
import { isTextType } from "chatkeep/ai-sdk";
import type { ModelConfig } from "../config.ts";
import { endpointFetch } from "./endpoint.ts";
import { createOfflineModel } from "./offline.ts";
import type { Omission } from "./omissions.ts";

/** A model that has settings of its own, and something to tell whoever uses it. */
export interface AnsweringModel extends LanguageModelV4 {
  /** About how many tokens of a conversation it is given. */
  historyTokens?: number | undefined;
  /** Whether it is given files and tools; both when left out. */
  takes?: { files: boolean; tools: boolean } | undefined;
  /** Hears when its endpoint refuses something, which is left out from then on, with the endpoint's own words. */
  hear?: (listener: (omission: Omission, words: string) => void) => void;
}

/** Makes the model of a configuration: one of an OpenAI-compatible endpoint, or the offline assistant. */
export function createModel(config: ModelConfig | undefined): AnsweringModel {
  if (!config) return { ...createOfflineModel(), takes: { files: false, tools: true } };
  const { id, name = id, baseUrl, apiKey, without, historyTokens } = config;
  const listeners: ((omission: Omission, words: string) => void)[] = [];
  const provider = createOpenAICompatible({
    name: "openai-compatible",
    baseURL: baseUrl,
    includeUsage: true,
    fetch: endpointFetch({
      baseUrl,
      apiKey,
      without,
      onOmitted: (...told) => {
        for (const listener of listeners) listener(...told);
      },
    }),
    ...(apiKey && { apiKey }),
  });
  const middleware = { transformParams: async ({ params }: { params: Params }) => withReadableFiles(params) };
  return {
    ...wrapLanguageModel({ model: provider(id), middleware }),
    modelId: name,
    historyTokens,
    takes: { files: !without?.includes("files"), tools: !without?.includes("tools") },
    hear: (listener) => void listeners.push(listener),
  };
}

type Params = Parameters<LanguageModelV4["doStream"]>[0];
type UserPart = Extract<LanguageModelV4Prompt[number], { role: "user" }>["content"][number];

const taken = new Set([
  ...["image/png", "image/jpeg", "image/gif", "image/webp"],
  ...["audio/wav", "audio/mp3", "audio/mpeg", "application/pdf"],
]);

/** One file that no endpoint takes would keep a conversation from ever being answered again. */
function withReadableFiles(params: Params): Params {
  const prompt = params.prompt.map((message) =>
    message.role === "user"
      ? { ...message, content: message.content.map((part) => (part.type === "file" ? readableFile(part) : part)) }
      : message,
  );
  return { ...params, prompt };
}

function readableFile(part: LanguageModelV4FilePart): UserPart {
  const { mediaType, filename } = part;
  if (taken.has(mediaType) || mediaType.startsWith("text/") || mediaType.startsWith("video/")) return part;
  if (isTextType(mediaType)) return { ...part, mediaType: "text/plain" };
  return { type: "text", text: `[A file that this model cannot read: ${filename ?? "without a name"} (${mediaType})]` };
}
