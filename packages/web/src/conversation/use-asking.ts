/** What one asks in a chat: a question, the same in other words, another answer, and the last of these once more. */
import type { UIMessage } from "ai";
import { useCallback, useEffect, useRef } from "react";
import { v4 as uuid } from "uuid";
import { writeAsked } from "../composer/drafts.ts";
import { wantProject } from "../projects/projects.ts";
import { keptOf } from "./chats.ts";
import { markTemporary } from "./temporary.tsx";
import type { useKeptChat } from "./use-kept-chat.ts";

interface AskingOptions {
  personId: string;
  id: string;
  isTemporary: boolean;
  /** What the chat begins in. */
  projectId: string | undefined;
  /** What answers in this chat. */
  model: string | undefined;
  /** Before anything is asked. */
  onAsk(): void;
  /** Before another version of a message is made. */
  leave(messageId: string): void;
}

type Parts = UIMessage["parts"];

interface Asking {
  /** `above`: what it follows. */
  ask(parts: Parts, above: UIMessage[], parentId?: string | null): void;
  edit(message: UIMessage, text: string): void;
  /** `model`: of this answer alone. */
  regenerate(messageId: string, model?: string): void;
  again(): void;
  /** The question that failed, once more, without what can no longer be sent along. */
  againWithoutFiles(): void;
}

export function useAsking(chat: ReturnType<typeof useKeptChat>["chat"], options: AskingOptions): Asking {
  const { messages } = chat;
  const { personId, id, isTemporary, projectId, model, onAsk, leave } = options;
  const body = useRef<{ model: string }>(undefined);
  // Who chooses another one after a failure means it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the change that counts
  useEffect(() => {
    body.current = undefined;
  }, [model]);

  const ask = (parts: Parts, above: UIMessage[], parentId?: string | null) => {
    onAsk();
    body.current = undefined;
    const messageId = uuid();
    if (isTemporary) markTemporary(id);
    else if (projectId !== undefined) wantProject(id, projectId);
    const files = parts.filter((part) => part.type === "file");
    const asked = { messageId, text: wordsOf(parts), ...(files.length > 0 && { files }) };
    writeAsked(personId, id, { ...asked, ...(isTemporary && { isTemporary }), ...(projectId && { projectId }) });
    chat.setMessages(above);
    void chat.sendMessage({ id: messageId, parts }, parentId === undefined ? {} : { body: { parentId } });
  };
  // The messages of a long chat are drawn anew only when they change.
  const latest = useRef({ messages, ask, regenerate: chat.regenerate });
  latest.current = { messages, ask, regenerate: chat.regenerate };
  const edit = useCallback(
    (message: UIMessage, text: string) => {
      const { messages, ask } = latest.current;
      const index = messages.findIndex((each) => each.id === message.id);
      const parts = withWords(message.parts, text);
      leave(message.id);
      ask(parts, messages.slice(0, index), keptOf(message)?.parentId ?? messages[index - 1]?.id ?? null);
    },
    [leave],
  );
  const regenerate = useCallback(
    (messageId: string, model?: string) => {
      leave(messageId);
      body.current = model === undefined ? undefined : { model };
      void latest.current.regenerate({ messageId, ...withBody(body.current) });
    },
    [leave],
  );
  /** One that did not arrive is sent with its id, one that was answered gets another answer. */
  const again = () => {
    const last = messages.at(-1);
    const sent = withBody(body.current);
    if (last?.role === "user") void chat.sendMessage({ parts: last.parts, messageId: last.id }, sent);
    else void chat.regenerate(sent);
  };
  const againWithoutFiles = () => {
    const last = messages.at(-1);
    const parts = last?.parts.filter(({ type }) => type !== "file") ?? [];
    if (last && parts.length > 0) void chat.sendMessage({ parts, messageId: last.id }, withBody(body.current));
  };
  return { ask, edit, regenerate, again, againWithoutFiles };
}

function withBody(body: object | undefined) {
  return body ? { body } : {};
}

function wordsOf(parts: Parts): string {
  return parts.flatMap((part) => (part.type === "text" ? part.text : [])).join("\n\n");
}

/** The same question in other words: what else it has stays. */
function withWords(parts: Parts, text: string): Parts {
  const place = parts.findIndex(({ type }) => type === "text");
  const words: Parts = text ? [{ type: "text", text }] : [];
  const others = parts.flatMap((part, index): Parts => {
    if (index === place) return words;
    return part.type === "text" ? [] : [part];
  });
  return place < 0 ? [...others, ...words] : others;
}
