/** A reply as a response of OpenAI's: its id, which names its conversation and its message, and the object. */
import { NotFoundError } from "../../errors.ts";
import type { Message, MessageStatus } from "../../store/tables/message.ts";
import type { Run } from "../../store/tables/run.ts";
import { toItems } from "./items.ts";

/** Where a response is kept. */
export interface ResponsePlace {
  conversationId: string;
  messageId: string;
}

const prefix = "resp_";

/** Both ids in one, so that a response is found by its id alone. */
function responseIdOf({ conversationId, messageId }: ResponsePlace): string {
  return `${prefix}${Buffer.from(JSON.stringify([conversationId, messageId])).toString("base64url")}`;
}

/** @throws not_found for what is no such id */
export function placeOfResponse(id: string): ResponsePlace {
  try {
    if (!id.startsWith(prefix)) throw new TypeError("another prefix");
    const [conversationId, messageId] = JSON.parse(Buffer.from(id.slice(prefix.length), "base64url").toString());
    if (typeof conversationId === "string" && typeof messageId === "string") return { conversationId, messageId };
  } catch {
    // Answered like an id that never was.
  }
  throw new NotFoundError("response", id);
}

/** What is known of a response beside its message. */
export interface ResponseFacts {
  model: string;
  instructions?: string | null | undefined;
  previousResponseId?: string | null | undefined;
  /** What it says where it failed. */
  error?: string | null | undefined;
  usage?: Pick<Run, "inputTokens" | "outputTokens" | "cachedTokens" | "reasoningTokens"> | undefined;
}

const statuses: Record<Exclude<MessageStatus, "deleted">, string> = {
  complete: "completed",
  streaming: "in_progress",
  stopped: "cancelled",
  failed: "failed",
  interrupted: "incomplete",
};

/** The object of a reply that is stored, or is being written. @throws not_found for a deleted one */
export function responseOf(message: Message, facts: ResponseFacts) {
  const { status, finishReason, conversationId, id } = message;
  const responseId = responseIdOf({ conversationId, messageId: id });
  if (status === "deleted" || message.role !== "assistant") throw new NotFoundError("response", responseId);
  const isCut = status === "complete" && (finishReason === "length" || finishReason === "content-filter");
  const reason = finishReason === "length" ? "max_output_tokens" : "content_filter";
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens } = facts.usage ?? {};
  const failed = { code: "server_error", message: facts.error ?? "The reply could not be made: try again." };
  return {
    id: responseId,
    object: "response",
    created_at: Math.floor(message.createdAt.getTime() / 1_000),
    status: isCut ? "incomplete" : statuses[status],
    background: false,
    conversation: { id: conversationId },
    error: status === "failed" ? failed : null,
    incomplete_details: isCut ? { reason } : null,
    instructions: facts.instructions ?? null,
    max_output_tokens: null,
    metadata: {},
    model: facts.model,
    output: toItems(message),
    parallel_tool_calls: true,
    previous_response_id: facts.previousResponseId ?? null,
    reasoning: null,
    store: true,
    temperature: null,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: null,
    truncation: "auto",
    ...(typeof inputTokens === "number" &&
      typeof outputTokens === "number" && {
        usage: {
          input_tokens: inputTokens,
          input_tokens_details: { cached_tokens: cachedTokens ?? 0 },
          output_tokens: outputTokens,
          output_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
          total_tokens: inputTokens + outputTokens,
        },
      }),
  };
}
