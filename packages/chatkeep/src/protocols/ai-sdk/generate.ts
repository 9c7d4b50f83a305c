/** What a model streams, whatever called it, as the chunks of a reply, and what of it says how the reply ended. */
import { type LanguageModelUsage, type TextStreamPart, type ToolSet, toUIMessageStream, type UIMessageChunk } from "ai";
import { limits } from "../../limits.ts";
import type { Failure } from "../../replies/failure.ts";
import type { Turn } from "../../replies/turn.ts";
import { finishReasons } from "../../store/tables/message.ts";
import type { TokenCounts } from "../../store/tables/run.ts";
import { modelFailure } from "./failures.ts";

/** What `streamText` gives, or the `stream` of an agent. */
export interface StreamResult {
  readonly stream: ReadableStream<TextStreamPart<never>> | ReadableStream<TextStreamPart<ToolSet>>;
}

/** What a model was called by, or chunks of one's own. */
export type ChatResult = StreamResult | ReadableStream<UIMessageChunk>;

/** The chunks of a reply; says by `turn.report` why it ended, what it took, and what failed. */
export async function* chunksOf(
  turn: Turn,
  result: ChatResult,
  failureOf: (error: unknown) => Failure,
): AsyncGenerator<UIMessageChunk> {
  let failed: Failure | undefined;
  const fail = (failure: Failure) => {
    failed = failure;
    turn.report({ failure });
  };
  const stream = "getReader" in result ? named(result, turn) : uiStream(turn, result, failureOf, fail);
  let last: UIMessageChunk | undefined;
  let hasAnswer = false;
  try {
    for await (const chunk of stream) {
      hasAnswer ||= isAnswer(chunk);
      last = chunk;
      if (chunk.type === "error" && !failed) {
        fail({ code: "model_failed", sentence: chunk.errorText.slice(0, limits.sentence) });
      }
      if (chunk.type === "finish" && !hasAnswer && !failed && !isCut(chunk.finishReason)) {
        const empty = modelFailure("model_empty");
        fail(empty);
        last = { type: "error", errorText: empty.sentence };
      }
      // The stop of whoever asked comes to nothing once the last word is there.
      if (last.type === "finish" && last.finishReason !== "error" && !failed) {
        const { finishReason } = last;
        turn.report({ finishReason: finishReasons.find((reason) => reason === finishReason) ?? "other" });
      }
      yield last;
    }
  } catch (error) {
    if (!failed) fail(failureOf(error));
    throw error;
  }
  if (turn.signal.aborted || failed || (last?.type === "finish" && last.finishReason !== "error")) return;
  fail(modelFailure(last?.type === "abort" ? "model_timeout" : "model_failed"));
}

function uiStream(
  turn: Turn,
  { stream }: StreamResult,
  failureOf: (error: unknown) => Failure,
  fail: (failure: Failure) => void,
): ReadableStream<UIMessageChunk> {
  let taken: TokenCounts | undefined;
  const watched = (stream as ReadableStream<TextStreamPart<ToolSet>>).pipeThrough(
    new TransformStream<TextStreamPart<ToolSet>, TextStreamPart<ToolSet>>({
      transform: (part, controller) => {
        if (part.type === "error") fail(failureOf(part.error));
        if (part.type === "finish-step") {
          taken = steps(taken, part.usage);
          turn.report({ usage: taken });
        }
        if (part.type === "finish") turn.report({ usage: steps(undefined, part.totalUsage) });
        controller.enqueue(part);
      },
    }),
  );
  return toUIMessageStream({
    stream: watched,
    originalMessages: [],
    generateMessageId: () => turn.replyId,
    onError: (error) => failureOf(error).sentence,
  });
}

/** What steps took together, which is known of each when it ends; the same again with what one more took. */
function steps(before: TokenCounts | undefined, usage: LanguageModelUsage): TokenCounts {
  const plus = (one: number | undefined, other: number | undefined) => (one === undefined ? other : one + (other ?? 0));
  return {
    inputTokens: plus(before?.inputTokens, usage.inputTokens),
    outputTokens: plus(before?.outputTokens, usage.outputTokens),
    cachedTokens: plus(before?.cachedTokens, usage.inputTokenDetails?.cacheReadTokens),
    reasoningTokens: plus(before?.reasoningTokens, usage.outputTokenDetails?.reasoningTokens),
  };
}

/** The id of the message is that of the draft, whatever the stream calls it. */
function named(stream: ReadableStream<UIMessageChunk>, { replyId }: Turn): ReadableStream<UIMessageChunk> {
  let isNamed = false;
  const start: UIMessageChunk = { type: "start", messageId: replyId };
  return stream.pipeThrough(
    new TransformStream<UIMessageChunk, UIMessageChunk>({
      transform: (chunk, controller) => {
        if (!isNamed && chunk.type !== "start") controller.enqueue(start);
        isNamed = true;
        controller.enqueue(chunk.type === "start" ? { ...chunk, messageId: replyId } : chunk);
      },
    }),
  );
}

/** Thoughts and spaces are no answer. */
function isAnswer(chunk: UIMessageChunk): boolean {
  if (chunk.type === "text-delta") return chunk.delta.trim() !== "";
  return /^(?:tool|file|source|data)\b/.test(chunk.type);
}

/** An answer that was cut before its first word says so by its reason. */
function isCut(reason: string | undefined): boolean {
  return reason === "length" || reason === "content-filter";
}
