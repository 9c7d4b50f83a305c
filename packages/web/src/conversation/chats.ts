/** The chats that this tab has opened. They outlive the view, so that a reply goes on while another conversation is looked at. */
import { Chat } from "@ai-sdk/react";
import type { UIMessage } from "ai";
import type { BranchMessage } from "chatkeep/client";
import { v4 as uuid } from "uuid";
import { DetachedError } from "../reply-streams.ts";
import { chatTransport, type KeptMetadata } from "./transport.ts";

const chats = new Map<string, Chat<UIMessage>>();
/** Why replies ended that this tab has followed, by message: what is read of them later may not say it. */
const heard = new Map<string, string>();
let onReplied: (conversationId: string) => void = () => {};

export function chatOf(id: string): Chat<UIMessage> {
  const known = chats.get(id);
  if (known) return known;
  const chat = new Chat<UIMessage>({
    id,
    transport: chatTransport,
    generateId: () => uuid(),
    onFinish: ({ isDisconnect, message, finishReason }) => {
      if (finishReason) heard.set(message.id, finishReason);
      onReplied(id);
      if (isDisconnect) void takeUpAgain(chat);
    },
    onError: () => onReplied(id),
  });
  chats.set(id, chat);
  return chat;
}

type Ended = Pick<Chat<UIMessage>, "status" | "error" | "messages">;

/** Whether the connection was lost while a reply came: it goes on without us, and is taken up again. */
export function isCutOff(chat: Ended): boolean {
  const { status, error, messages } = chat;
  return (
    isDetached(chat) || (status === "error" && error instanceof TypeError && messages.at(-1)?.role === "assistant")
  );
}

/** Whether this tab itself let the connection go, because others need it more. */
export function isDetached({ status, error }: Pick<Ended, "status" | "error">): boolean {
  return status === "error" && error instanceof DetachedError;
}

const beingTakenUp = new Set<Chat<UIMessage>>();
const firstPauseMs = 500;
const maxPauseMs = 8_000;

async function takeUpAgain(chat: Chat<UIMessage>): Promise<void> {
  if (beingTakenUp.has(chat)) return;
  beingTakenUp.add(chat);
  try {
    for (let pauseMs = firstPauseMs; isCutOff(chat); pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
      if (!isDetached(chat)) await backOnlineOr(pauseMs);
      if (chats.get(chat.id) !== chat || !isCutOff(chat)) return;
      await chat.resumeStream();
    }
  } finally {
    beingTakenUp.delete(chat);
  }
  onReplied(chat.id);
}

function backOnlineOr(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });
}

/** It was deleted: what this tab still has of it must not make it anew. */
export function forgetChat(id: string): void {
  void chats.get(id)?.stop();
  chats.delete(id);
}

/** Another person may sign in next. */
export function forgetChats(): void {
  for (const chat of chats.values()) void chat.stop();
  chats.clear();
}

/** Calls `listener` whenever a reply of any chat has ended. */
export function whenReplied(listener: (conversationId: string) => void): void {
  onReplied = listener;
}

export function toUIMessage({ id, role: said, content, parts, ...stored }: BranchMessage): UIMessage<KeptMetadata> {
  // The AI SDK knows no messages of tools: this one is shown as what it is by what is kept of it.
  const role = said === "tool" ? "assistant" : said;
  const metadata = { ...stored, role: said };
  const kept = (parts ?? (content ? [{ type: "text", text: content }] : [])) as UIMessage["parts"];
  return { id, role, parts: kept as UIMessage<KeptMetadata>["parts"], metadata };
}

/** Why the model ended: as it is stored, or as this tab has heard. */
export function finishReasonOf(message: UIMessage): string | undefined {
  return keptOf(message)?.finishReason ?? heard.get(message.id);
}

export function keptOf(message: UIMessage | undefined): KeptMetadata | undefined {
  return message?.metadata as KeptMetadata | undefined;
}
