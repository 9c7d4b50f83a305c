/** Which model answers: the offline assistant, or any endpoint that speaks OpenAI's chat completions. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import type { ModelConfig } from "../config.ts";
import { createOfflineModel } from "./offline.ts";

export function createModel(config: ModelConfig | undefined): LanguageModelV4 {
  if (!config) return createOfflineModel();
  const provider = createOpenAICompatible({
    name: "openai-compatible",
    baseURL: config.baseUrl,
    includeUsage: true,
    ...(config.apiKey && { apiKey: config.apiKey }),
  });
  return provider(config.id);
}
