/** The assistant that needs no key: a language model of a few rules, which calls real tools and reads the real conversation. */
import type {
  LanguageModelV4,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import { reply, toolFor } from "./intents.ts";
import type { TaskResult } from "./tools.ts";

export interface OfflineOptions {
  /** The pause between two words, so that one sees them come; 20 when left out. */
  wordMs?: number;
}

type Answer = { text: string } | { tool: string; input: string };

/** Makes the model. It is deterministic: the same conversation gets the same answer. */
export function createOfflineModel({ wordMs = 20 }: OfflineOptions = {}): LanguageModelV4 {
  return {
    specificationVersion: "v4",
    provider: "chatkeep",
    modelId: "offline",
    supportedUrls: {},
    async doGenerate({ prompt, tools }) {
      const answer = answerTo(prompt, toolNames(tools));
      return {
        content: [contentOf(answer)],
        finishReason: finishOf(answer),
        usage: usageOf(prompt, answer),
        warnings: [],
      };
    },
    async doStream({ prompt, tools, abortSignal }) {
      const answer = answerTo(prompt, toolNames(tools));
      return { stream: ReadableStream.from(generateWords(prompt, answer, wordMs, abortSignal)) };
    },
  };
}

async function* generateWords(
  prompt: LanguageModelV4Prompt,
  answer: Answer,
  wordMs: number,
  abortSignal: AbortSignal | undefined,
): AsyncGenerator<LanguageModelV4StreamPart> {
  yield { type: "stream-start", warnings: [] };
  if ("tool" in answer) {
    const id = callId(prompt);
    yield { type: "tool-input-start", id, toolName: answer.tool };
    yield { type: "tool-input-delta", id, delta: answer.input };
    yield { type: "tool-input-end", id };
    yield { type: "tool-call", toolCallId: id, toolName: answer.tool, input: answer.input };
  } else {
    yield { type: "text-start", id: "text" };
    for (const delta of answer.text.match(/\s*\S+|\s+$/g) ?? []) {
      abortSignal?.throwIfAborted();
      if (wordMs > 0) await new Promise((resolve) => setTimeout(resolve, wordMs));
      yield { type: "text-delta", id: "text", delta };
    }
    yield { type: "text-end", id: "text" };
  }
  yield { type: "finish", finishReason: finishOf(answer), usage: usageOf(prompt, answer) };
}

function answerTo(prompt: LanguageModelV4Prompt, tools: ReadonlySet<string>): Answer {
  const last = prompt.at(-1);
  if (last?.role === "tool") return { text: last.content.map(resultInWords).join("\n\n") };
  const questions = prompt.flatMap((message) => (message.role === "user" ? [textIn(message.content)] : []));
  const call = toolFor(questions.at(-1) ?? "");
  if (call && tools.has(call.tool)) return { tool: call.tool, input: JSON.stringify(call.input) };
  return { text: reply(questions) };
}

type ToolContent = Extract<LanguageModelV4Prompt[number], { role: "tool" }>["content"][number];

function resultInWords(part: ToolContent): string {
  if (part.type !== "tool-result" || part.output.type !== "json") return "That did not work; please try again.";
  const result = part.output.value as unknown as TaskResult;
  if (!result.ok) return result.reason;
  const [task] = result.tasks;
  switch (part.toolName) {
    case "addTask":
      return `Added **${task?.title}** to your list.`;
    case "completeTask":
      return `Done: **${task?.title}**.`;
    case "renameTask":
      return `**${result.before}** is now **${task?.title}**.`;
    case "deleteTask":
      return `Deleted **${task?.title}** from your list.`;
    default:
      return listInWords(result);
  }
}

function listInWords({ tasks, more }: Extract<TaskResult, { ok: true }>): string {
  if (tasks.length === 0) return "Your list is empty. Say “add buy milk”.";
  const count = tasks.length === 1 ? "one task" : `${tasks.length} tasks`;
  const lines = tasks.map(({ title, completed }) => (completed ? `- ~~${title}~~ (done)` : `- ${title}`));
  return `You have ${more ? "more than " : ""}${count}:\n\n${lines.join("\n")}`;
}

function textIn(content: Extract<LanguageModelV4Prompt[number], { role: "user" }>["content"]): string {
  return content.map((part) => (part.type === "text" ? part.text : "")).join("\n");
}

function toolNames(tools: readonly { name: string }[] | undefined): Set<string> {
  return new Set(tools?.map(({ name }) => name));
}

function contentOf(answer: Answer): LanguageModelV4Content {
  if ("text" in answer) return { type: "text", text: answer.text };
  return { type: "tool-call", toolCallId: "call", toolName: answer.tool, input: answer.input };
}

/** Different for each call of one conversation, as providers' are. */
function callId(prompt: LanguageModelV4Prompt): string {
  return `call-${prompt.length}`;
}

function finishOf(answer: Answer): LanguageModelV4FinishReason {
  return { unified: "tool" in answer ? "tool-calls" : "stop", raw: undefined };
}

/** In words, since there are no tokens here. */
function usageOf(prompt: LanguageModelV4Prompt, answer: Answer): LanguageModelV4Usage {
  const input = prompt.reduce((sum, message) => sum + wordsIn(message), 0);
  const output = countWords("text" in answer ? answer.text : answer.input);
  return {
    inputTokens: { total: input, noCache: input, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: output, text: output, reasoning: undefined },
  };
}

function wordsIn({ content }: LanguageModelV4Prompt[number]): number {
  if (typeof content === "string") return countWords(content);
  return content.reduce((sum, part) => sum + ("text" in part ? countWords(part.text) : 1), 0);
}

function countWords(text: string): number {
  return text.split(/\s+/).length;
}
