/** The model, by nothing but fetch: a real one where there is a key, else one that says the question again, word by word. */
import { setTimeout as pause } from "node:timers/promises";
import type { Turn } from "chatkeep/replies";
import { EventSourceParserStream } from "eventsource-parser/stream";

const { OPENAI_API_KEY, OPENAI_BASE_URL = "https://api.openai.com/v1", OPENAI_MODEL = "gpt-5-mini" } = process.env;

async function* parrot(turn: Turn): AsyncGenerator<string> {
  const asked = (await turn.history()).filter(({ role }) => role === "user");
  const said = `You have asked ${asked.length}. The last was: ${turn.question.content}`;
  for (const word of said.match(/\S+\s*/g) ?? []) {
    yield word;
    await pause(40, undefined, { signal: turn.signal });
  }
  turn.report({ finishReason: "stop" });
}

/** What an endpoint streams that speaks OpenAI's chat completions. */
interface Completion {
  choices: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
}

async function* openai(turn: Turn): AsyncGenerator<string> {
  const messages = (await turn.history({ maxTokens: 16_000 })).map(({ role, content }) => ({ role, content }));
  const response = await fetch(`${OPENAI_BASE_URL}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${OPENAI_API_KEY}` },
    body: JSON.stringify({ model: OPENAI_MODEL, messages, stream: true, stream_options: { include_usage: true } }),
    signal: turn.signal,
  });
  if (!response.ok || !response.body) throw new Error(`The model answered with ${response.status}.`);
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    if (data === "[DONE]") return;
    const { choices, usage } = JSON.parse(data) as Completion;
    const [choice] = choices;
    if (choice?.delta?.content) yield choice.delta.content;
    // Whoever asked for it to be stopped a moment after this has a whole reply all the same.
    if (choice?.finish_reason) turn.report({ finishReason: choice.finish_reason === "length" ? "length" : "stop" });
    if (usage) turn.report({ usage: { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens } });
  }
}

export const generate = OPENAI_API_KEY ? openai : parrot;
