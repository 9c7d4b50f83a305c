/** Language models of the tests: the only thing that is not real. */
import type { LanguageModelV4, LanguageModelV4Prompt, LanguageModelV4StreamPart } from "@ai-sdk/provider";

export interface ScriptedModel extends LanguageModelV4 {
  /** What it was asked, call by call. */
  prompts: LanguageModelV4Prompt[];
}

type Script = (
  prompt: LanguageModelV4Prompt,
  signal: AbortSignal | undefined,
) => AsyncIterable<LanguageModelV4StreamPart>;

/** A model that streams what `script` yields. */
export function scriptedModel(script: Script): ScriptedModel {
  const prompts: LanguageModelV4Prompt[] = [];
  return {
    prompts,
    specificationVersion: "v4",
    provider: "test",
    modelId: "scripted",
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error("not used")),
    doStream: async ({ prompt, abortSignal }) => {
      prompts.push(prompt);
      return { stream: ReadableStream.from(script(prompt, abortSignal)) };
    },
  };
}

export const finish: LanguageModelV4StreamPart = {
  type: "finish",
  finishReason: { unified: "stop", raw: undefined },
  usage: {
    inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 7, text: 7, reasoning: undefined },
  },
};

/** Says these words, waiting before each, and ends as `end` says. */
export async function* words(
  texts: readonly string[],
  { pauseMs = 0, end = [finish] }: { pauseMs?: number; end?: readonly LanguageModelV4StreamPart[] } = {},
): AsyncGenerator<LanguageModelV4StreamPart> {
  yield { type: "stream-start", warnings: [] };
  yield { type: "text-start", id: "1" };
  for (const delta of texts) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    yield { type: "text-delta", id: "1", delta };
  }
  if (end.length > 0) yield { type: "text-end", id: "1" };
  yield* end;
}

/** Says these words, the last ten only after `gate`: until then the reply is running. */
export async function* heldWords(texts: readonly string[], gate: Promise<void>) {
  yield* words(texts.slice(0, -10), { pauseMs: 5, end: [] });
  await gate;
  for (const delta of texts.slice(-10)) yield { type: "text-delta", id: "1", delta } as const;
  yield { type: "text-end", id: "1" } as const;
  yield finish;
}

/** A model whose replies are held like that until `release` is called. */
export function heldModel(texts: readonly string[]) {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  return { model: scriptedModel(() => heldWords(texts, promise)), release };
}

/** The words of a model's answer as a client reads them from the stream. */
export function textIn(stream: string): string {
  return chunksIn(stream)
    .map((chunk) => (chunk.type === "text-delta" ? chunk.delta : ""))
    .join("");
}

export interface Chunk {
  type: string;
  delta?: string;
  messageId?: string;
  errorText?: string;
}

export function chunksIn(stream: string): Chunk[] {
  const lines = stream.split("\n").filter((line) => line.startsWith("data: {"));
  return lines.map((line) => JSON.parse(line.slice("data: ".length)) as Chunk);
}
