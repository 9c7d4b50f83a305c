/**
 * What the AI SDK's `WorkflowChatTransport` wants beside the chat transport: a reply is named by its run, in a header, and taken up
 * again from the number of a chunk. Shapes: `@ai-sdk/workflow` 2, `workflow-chat-transport`.
 */
import { UI_MESSAGE_STREAM_HEADERS, type UIMessageChunk } from "ai";
import { InvalidInputError } from "../../errors.ts";
import type { UserReplies } from "../../replies/replies.ts";
import type { Reply } from "../../replies/reply.ts";
import { uuidSchema } from "../../store/schemas.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { chunksOf } from "./codec.ts";
import { type OpenStream, respondWith } from "./stream.ts";

/** A stored answer has no run: it is sent whole, and never taken up again. */
export function runHeaders(reply: Reply<UIMessageChunk>, conversationId: string): Record<string, string> {
  return { "x-workflow-run-id": reply.runId ?? encodeURIComponent(conversationId) };
}

/** `undefined` for a request of another transport. @throws invalid_input */
export function startIndexOf(request: Request): number | undefined {
  const given = new URL(request.url).searchParams.get("startIndex");
  if (given === null) return undefined;
  if (!/^-?\d{1,9}$/.test(given)) {
    throw new InvalidInputError(
      "startIndex must be a whole number: how many chunks are known, or below 0 how many to repeat.",
    );
  }
  return Number(given);
}

const isGone =
  "This reply has ended, and its stream is not kept any more. What it said is in the conversation: load it again.";

/**
 * The reply of a run, or of a conversation that is named in its place, from a chunk on. It always comes to a `finish`, since such a
 * client asks until there is one. `undefined` when there is neither.
 */
export async function resumeAt(
  startIndex: number,
  id: string,
  { replies, user, open }: { replies: UserReplies<UIMessageChunk>; user: UserStore; open: () => OpenStream },
): Promise<Response | undefined> {
  const named = uuidSchema.safeParse(id).success ? await user.runs.findById(id) : undefined;
  const run = named ?? (await user.runs.findRunning(id));
  if (!run) {
    const conversation = await user.conversations.find(id);
    return conversation && sent([{ type: "finish" }]);
  }
  const reply = await replies.followRun(run.id, startIndex);
  if (reply) {
    // Of the last chunk that there is, by which a place that was counted from the end is one from the beginning.
    const tail = { "x-workflow-stream-tail-index": String(reply.after - startIndex - 1) };
    return respondWith(reply, open(), { isFinished: true, ...(startIndex < 0 && { headers: tail }) });
  }
  if (startIndex > 0) return sent([{ type: "error", errorText: isGone }, { type: "finish" }]);
  return sent([...chunksOf(await user.messages.get(run.conversationId, run.messageId))]);
}

function sent(chunks: readonly UIMessageChunk[]): Response {
  const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
  return new Response(`${events.join("")}data: [DONE]\n\n`, { headers: UI_MESSAGE_STREAM_HEADERS });
}
