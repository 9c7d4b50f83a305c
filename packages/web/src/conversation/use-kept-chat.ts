/** The chat of this tab, filled with what the database has of the branch that is shown. */
import { useChat } from "@ai-sdk/react";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { UIMessage } from "ai";
import type { Conversation } from "chatkeep/client";
import { useEffect, useMemo } from "react";
import { client } from "../client.ts";
import { putInLists } from "../lists.ts";
import { storedQuestions } from "../reply-streams.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { notice } from "../ui/notices.ts";
import { toasts } from "../ui/toasts.tsx";
import { afterRead } from "./chat-state.ts";
import { chatOf, toUIMessage, whenReplied } from "./chats.ts";

const throttleMs = 50;
const pollMs = 1_000;

export function useKeptChat(id: string, isNew: boolean) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const instance = useMemo(() => chatOf(id), [id]);
  const chat = useChat({ chat: instance, experimental_throttle: throttleMs });
  const branch = useInfiniteQuery({
    queryKey: ["branch", id],
    queryFn: ({ pageParam }) => client.messages.branch(id, { limit: 50, before: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    // A conversation that this tab has just begun is not stored before its question arrives.
    enabled: !isNew && chat.status !== "submitted" && chat.status !== "streaming",
  });
  const { data } = branch;
  const { setMessages } = chat;
  // Only when something was read: while a reply comes, and until it is read back, the chat knows more than the data.
  useEffect(() => {
    if (!data) return;
    const stored = [...data.pages].reverse().flatMap((page) => page.items.map(toUIMessage));
    const next = afterRead(instance, stored);
    if (next) setMessages(next);
  }, [data, setMessages, instance]);
  useEffect(() => {
    const put = () =>
      outOfArchive(id).then(
        (conversation) => putInLists(queries, conversation),
        (error: Error) => void toasts.add({ title: sentenceOf(error) }),
      );
    storedQuestions.addEventListener(id, put);
    return () => storedQuestions.removeEventListener(id, put);
  }, [queries, id]);
  useEffect(() => {
    whenReplied((conversationId) => {
      void queries.invalidateQueries({ queryKey: ["branch", conversationId] });
      void queries.invalidateQueries({ queryKey: ["tasks"] });
      const { error } = chatOf(conversationId);
      if (error) return;
      notice({
        title: t.account.answerReady,
        text: queries.getQueryData<Conversation>(["conversation", conversationId])?.title ?? t.list.newChat,
        about: conversationId,
        path: `/c/${encodeURIComponent(conversationId)}`,
        onOpen: () => void navigate({ to: "/c/$conversationId", params: { conversationId } }),
      });
    });
  }, [queries, navigate]);
  useTaskNews(chat.messages);
  return { chat, branch };
}

/** A conversation that this tab has asked something in is no longer one of the past. */
async function outOfArchive(id: string): Promise<Conversation> {
  const conversation = await client.conversations.get(id);
  return conversation.archived ? await client.conversations.archive(id, false) : conversation;
}

/** The tasks change while the assistant works on them. */
function useTaskNews(messages: readonly UIMessage[]): void {
  const queries = useQueryClient();
  const done =
    messages.at(-1)?.parts.filter((part) => "state" in part && part.state === "output-available").length ?? 0;
  useEffect(() => {
    if (done > 0) void queries.invalidateQueries({ queryKey: ["tasks"] });
  }, [done, queries]);
}

/** Takes up a reply that is being written and that this tab did not ask for, or had lost. */
export function useFollow(id: string, isWrittenElsewhere: boolean): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!isWrittenElsewhere) return;
    let isFollowing = false;
    const timer = setInterval(follow, pollMs);
    void follow();
    return () => clearInterval(timer);

    async function follow() {
      const chat = chatOf(id);
      if (isFollowing || chat.status === "submitted" || chat.status === "streaming") return;
      isFollowing = true;
      await chat.resumeStream();
      isFollowing = false;
      await queries.invalidateQueries({ queryKey: ["branch", id] });
    }
  }, [id, isWrittenElsewhere, queries]);
}
