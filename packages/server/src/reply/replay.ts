/** A stored reply as the stream that it once was, for a client that asks the same question again because it lost the answer. */
import { createUIMessageStreamResponse, getToolName, isToolUIPart, type UIMessageChunk } from "ai";
import type { Message } from "chatkeep";
import { toUIMessage } from "./history.ts";

export function replay(reply: Message): Response {
  return createUIMessageStreamResponse({ stream: ReadableStream.from(chunksOf(reply)) });
}

function* chunksOf(reply: Message): Generator<UIMessageChunk> {
  yield { type: "start", messageId: reply.id };
  for (const [index, part] of toUIMessage(reply).parts.entries()) {
    const id = `part-${index}`;
    if (part.type === "step-start") {
      yield { type: "start-step" };
    } else if (part.type === "text" || part.type === "reasoning") {
      yield { type: `${part.type}-start`, id };
      yield { type: `${part.type}-delta`, id, delta: part.text };
      yield { type: `${part.type}-end`, id };
    } else if (isToolUIPart(part)) {
      const { toolCallId } = part;
      yield { type: "tool-input-available", toolCallId, toolName: getToolName(part), input: part.input };
      if (part.state === "output-available") yield { type: "tool-output-available", toolCallId, output: part.output };
      if (part.state === "output-error") yield { type: "tool-output-error", toolCallId, errorText: part.errorText };
    } else if (part.type === "file" || part.type === "source-url" || part.type === "source-document") {
      yield part;
    }
  }
  yield { type: "finish", ...(reply.finishReason && { finishReason: reply.finishReason }) };
}
