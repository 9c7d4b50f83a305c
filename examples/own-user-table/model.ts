/** The model: a real one where there is a key, else one that needs none, and says the question again, word by word. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { simulateReadableStream } from "ai";
import { MockLanguageModelV4 } from "ai/test";

const { OPENAI_API_KEY, OPENAI_BASE_URL = "https://api.openai.com/v1", OPENAI_MODEL = "gpt-5-mini" } = process.env;

const parrot = new MockLanguageModelV4({
  doStream: async ({ prompt }) => {
    const asked = prompt.flatMap((message) => (message.role === "user" ? message.content : []));
    const last = asked.at(-1);
    const said = `You have asked ${asked.length}. The last was: ${last?.type === "text" ? last.text : "a file"}`;
    const words = said.match(/\S+\s*/g) ?? [];
    return {
      stream: simulateReadableStream({
        chunkDelayInMs: 40,
        chunks: [
          { type: "text-start", id: "1" },
          ...words.map((delta) => ({ type: "text-delta" as const, id: "1", delta })),
          { type: "text-end", id: "1" },
          {
            type: "finish",
            finishReason: { unified: "stop", raw: "stop" },
            usage: {
              inputTokens: { total: asked.length, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
              outputTokens: { total: words.length, text: undefined, reasoning: undefined },
            },
          },
        ],
      }),
    };
  },
});

export const model = OPENAI_API_KEY
  ? createOpenAICompatible({ name: "openai", apiKey: OPENAI_API_KEY, baseURL: OPENAI_BASE_URL })(OPENAI_MODEL)
  : parrot;
