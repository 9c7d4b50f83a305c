/** The chats that this tab has opened. They outlive the view, so that a reply goes on while another conversation is looked at. */
import { Chat } from "@ai-sdk/react";
import type { UIMessage } from "ai";
import { v4 as uuid } from "uuid";
import { chatTransport, type Message } from "../api.ts";

const chats = new Map<string, Chat<UIMessage>>();
let onReplied: (conversationId: string) => void = () => {};

export function chatOf(id: string): Chat<UIMessage> {
  const known = chats.get(id);
  if (known) return known;
  const chat = new Chat<UIMessage>({
    id,
    transport: chatTransport,
    generateId: () => uuid(),
    onFinish: () => onReplied(id),
    onError: () => onReplied(id),
  });
  chats.set(id, chat);
  return chat;
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

export interface KeptMetadata {
  status: Message["status"];
  createdAt: string;
}

export function toUIMessage({ id, role, content, parts, status, createdAt }: Message): UIMessage<KeptMetadata> {
  const kept = (parts ?? [{ type: "text", text: content }]) as UIMessage["parts"];
  return { id, role, parts: kept as UIMessage<KeptMetadata>["parts"], metadata: { status, createdAt } };
}
