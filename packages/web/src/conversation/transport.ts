/** How the AI SDK's chat asks and follows: through the client, with what this app does about its streams. */
import { DefaultChatTransport, type UIMessage } from "ai";
import type { BranchMessage } from "chatkeep/client";
import { makeInProject } from "../projects/projects.ts";
import { fetchReply } from "../reply-streams.ts";
import { makeInstructed } from "./chat-instructions.tsx";
import { sentSettings } from "./generation-settings.tsx";
import { wantedModel } from "./models.ts";
import { makeTemporary } from "./temporary.tsx";

/** What is known of a message that was read from the server. */
export interface KeptMetadata
  extends Pick<BranchMessage, "role" | "status" | "finishReason" | "createdAt" | "parentId" | "siblings" | "model"> {}

/** Sends only the newest question, and which message it follows: the server has the others. */
export const chatTransport = new DefaultChatTransport<UIMessage>({
  api: "/chat",
  fetch: fetchReply,
  prepareSendMessagesRequest: async ({ id, messages, trigger, body }) => {
    const index = messages.findLastIndex(({ role }) => role === "user");
    const question = messages[index];
    const message = question && { id: question.id, role: question.role, parts: question.parts };
    await makeTemporary(id);
    await makeInProject(id);
    await makeInstructed(id);
    const settings = await sentSettings(id);
    const parentId = parentOf(messages.slice(0, index + 1));
    return { body: { id, message, trigger, parentId, model: wantedModel(id), settings, ...body } };
  },
});

/**
 * The stored message that the last one follows: its own parent, or the one above it that the server has. Without either it
 * follows what the conversation ends with, which may not have been read yet.
 */
function parentOf(messages: readonly UIMessage[]): string | null | undefined {
  const kept = messages.at(-1)?.metadata as KeptMetadata | undefined;
  if (kept) return kept.parentId;
  const above = messages.slice(0, -1).findLast(({ role, metadata }) => role === "assistant" || metadata !== undefined);
  return above?.id;
}
