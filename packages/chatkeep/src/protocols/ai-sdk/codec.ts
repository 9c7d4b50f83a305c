/** The AI SDK's UI message stream as events of replies: chunks that are put together where they may be, and the parts that they make. */
import { getToolName, isToolUIPart, readUIMessageStream, type UIMessage, type UIMessageChunk } from "ai";
import type { Codec } from "../../replies/codec.ts";
import type { Message, Part } from "../../store/tables/message.ts";
import { toUIMessage } from "./history.ts";

/** For `createReplies`, and for `partsOf` of `createStore`. */
export const aiSdkCodec: Codec<UIMessageChunk> = {
  toParts: async (events, earlier) => settled((await readMessage(events, earlier))?.parts ?? []),
  toMetadata: async (events) =>
    events.some((chunk) => "messageMetadata" in chunk) ? (await readMessage(events, []))?.metadata : undefined,
  toEvents: chunksOf,
  join: joined,
  charsIn: (chunk) => {
    if (beforeWords.has(chunk.type)) return 0;
    return "delta" in chunk ? chunk.delta.length : JSON.stringify(chunk).length;
  },
};

/** They announce words that nearly always come with them. */
const beforeWords = new Set(["start", "start-step", "text-start", "reasoning-start"]);

/** Texts that come in pieces: which key names the text, and which holds the piece. */
const pieces: Record<string, { of: string; piece: string }> = {
  "text-delta": { of: "id", piece: "delta" },
  "reasoning-delta": { of: "id", piece: "delta" },
  "tool-input-delta": { of: "toolCallId", piece: "inputTextDelta" },
};

type AnyChunk = Record<string, unknown> & { type: string };

/** The same stream with pieces of one text that follow each other put together: what comes at one moment is one event. */
function joined(chunks: readonly UIMessageChunk[]): UIMessageChunk[] {
  const result: AnyChunk[] = [];
  for (const chunk of chunks as unknown as AnyChunk[]) {
    const last = result.at(-1);
    const kind = pieces[chunk.type];
    if (last && kind && isPieceOf(last, chunk, kind)) {
      result[result.length - 1] = { ...last, [kind.piece]: `${last[kind.piece]}${chunk[kind.piece]}` };
    } else {
      result.push(chunk);
    }
  }
  return result as unknown as UIMessageChunk[];
}

/** What was read before the stream could not be read any more. */
async function readMessage(
  events: readonly UIMessageChunk[],
  earlier: readonly Part[],
): Promise<UIMessage | undefined> {
  const parts = structuredClone(earlier) as UIMessage["parts"];
  // A start under another id would begin anew.
  const id = events.find((chunk) => chunk.type === "start")?.messageId ?? "";
  const message: UIMessage | undefined = parts.length > 0 ? { id, role: "assistant", parts } : undefined;
  let last = message;
  try {
    const stream = ReadableStream.from(joined(events)) as ReadableStream<UIMessageChunk>;
    for await (const read of readUIMessageStream({ stream, ...(message && { message }) })) last = read;
  } catch {
    // A reply that cannot be read must not keep its conversation busy for ever.
  }
  return last;
}

/** A stored reply as the chunks that make it. */
export function* chunksOf(reply: Message): Generator<UIMessageChunk> {
  const metadata = reply.metadata === null ? {} : { messageMetadata: reply.metadata };
  yield { type: "start", messageId: reply.id, ...metadata };
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
      const dynamic = part.type === "dynamic-tool";
      yield { type: "tool-input-available", toolCallId, toolName: getToolName(part), input: part.input, dynamic };
      if (part.state === "approval-requested" || part.state === "approval-responded") {
        const { id, approved } = part.approval as { id: string; approved?: boolean };
        yield { type: "tool-approval-request", approvalId: id, toolCallId };
        if (approved !== undefined) yield { type: "tool-approval-response", approvalId: id, approved };
      }
      if (part.state === "output-available") yield { type: "tool-output-available", toolCallId, output: part.output };
      if (part.state === "output-error") yield { type: "tool-output-error", toolCallId, errorText: part.errorText };
    } else if (part.type === "file" || part.type === "source-url" || part.type === "source-document") {
      yield part;
    } else if (part.type.startsWith("data-")) {
      yield part as UIMessageChunk;
    }
  }
  yield { type: "finish", ...(reply.finishReason && { finishReason: reply.finishReason }) };
}

/** Parts as they stay: what was being written when it ended is written now. */
function settled(parts: UIMessage["parts"]): Part[] {
  return parts.map(
    (part) => ("state" in part && part.state === "streaming" ? { ...part, state: "done" } : part) as Part,
  );
}

function isPieceOf(last: AnyChunk, next: AnyChunk, { of, piece }: { of: string; piece: string }): boolean {
  const isPlain = (chunk: AnyChunk) => Object.keys(chunk).every((key) => key === "type" || key === of || key === piece);
  return last.type === next.type && last[of] === next[of] && isPlain(last) && isPlain(next);
}
