/** The question that is on its way: until it is stored it is kept here, and if it never arrived it is written again. */
import type { UIMessage } from "ai";
import { useEffect, useState } from "react";
import { readAsked, writeAsked } from "../composer/drafts.ts";
import { storedQuestions } from "../reply-streams.ts";
import { keptOf } from "./chats.ts";

interface Chat {
  messages: readonly UIMessage[];
  status: string;
  /** What the server has of the conversation is known. */
  isRead: boolean;
}

/** The words of a question that did not arrive, and are nowhere to be seen. */
export function useUnsent(personId: string, id: string, { messages, status, isRead }: Chat): string | undefined {
  const [unsent, setUnsent] = useState<string>();
  useEffect(() => {
    const forget = () => writeAsked(personId, id, undefined);
    storedQuestions.addEventListener(id, forget);
    return () => storedQuestions.removeEventListener(id, forget);
  }, [personId, id]);
  useEffect(() => {
    const asked = readAsked(personId, id);
    const shown = messages.find((message) => message.id === asked?.messageId);
    if (shown && keptOf(shown)) writeAsked(personId, id, undefined);
    setUnsent((before) => {
      if (!asked || shown || status !== "ready") return undefined;
      // While it is read again it stays: whoever goes on writing, or sends it, loses nothing.
      return isRead ? asked.text : before;
    });
  }, [personId, id, messages, status, isRead]);
  return unsent;
}
