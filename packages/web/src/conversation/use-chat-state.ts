/** The state of the chat that is in view, from one drawing of it to the next. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { moveDraftToNew, readAsked, writeAsked } from "../composer/drafts.ts";
import { storedQuestions } from "../reply-streams.ts";
import { atFirst, type ChatState, reduceChat } from "./chat-state.ts";
import { forgetChat, keptOf } from "./chats.ts";
import type { useKeptChat } from "./use-kept-chat.ts";

interface Viewed extends Pick<ReturnType<typeof useKeptChat>, "chat" | "branch"> {
  personId: string;
  id: string;
  isNew: boolean;
}

export function useChatState({ personId, id, isNew, chat, branch }: Viewed): ChatState {
  const queries = useQueryClient();
  const { status, error, messages } = chat;
  const before = useRef(atFirst);
  const asked = readAsked(personId, id);
  const state = reduceChat(before.current, { status, error, messages, isNew, read: branch, asked });
  const { isMissing, unsent, instead } = state;
  useEffect(() => {
    before.current = { isMissing, unsent };
  }, [isMissing, unsent]);
  useEffect(() => {
    const shown = messages.find((message) => message.id === asked?.messageId);
    if (shown && keptOf(shown)) writeAsked(personId, id, undefined);
  }, [personId, id, messages, asked?.messageId]);
  useEffect(() => {
    const forget = () => {
      writeAsked(personId, id, undefined);
      // It is there from its first question on, and is not read again before the answer has ended.
      if (!before.current.isMissing) return;
      before.current = atFirst;
      void queries.resetQueries({ queryKey: ["branch", id] });
    };
    storedQuestions.addEventListener(id, forget);
    return () => storedQuestions.removeEventListener(id, forget);
  }, [queries, personId, id]);
  const isGone = instead === "gone";
  // What was being written in it goes into the next chat.
  useEffect(() => {
    if (!isGone) return;
    forgetChat(id);
    moveDraftToNew(personId, id);
  }, [isGone, personId, id]);
  return state;
}
