/** A conversation: what was said, the reply as it comes, and where to write. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { UIMessage } from "ai";
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, conversations, errorIn } from "../api.ts";
import { Composer } from "../composer/composer.tsx";
import { readDraft, writeDraft } from "../composer/drafts.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Failure } from "../ui/failure.tsx";
import { forgetChat, isCutOff, keptOf } from "./chats.ts";
import { MessageView } from "./message-view.tsx";
import { useStickToEnd } from "./stick-to-end.ts";
import { useFollow, useKeptChat } from "./use-kept-chat.ts";
import { Welcome } from "./welcome.tsx";

const stopTries = 10;
const stopPauseMs = 400;
const cutOff: (string | undefined)[] = ["stopped", "failed", "interrupted"];

interface ConversationViewProps {
  personId: string;
  id: string;
  isNew?: boolean;
}

export function ConversationView({ personId, id, isNew = false }: ConversationViewProps) {
  const navigate = useNavigate();
  const draftOf = isNew ? "new" : id;
  const { chat, branch } = useKeptChat(id, isNew);
  const { messages, status, error, clearError } = chat;
  const isReplying = status === "submitted" || status === "streaming";
  const last = messages.at(-1);
  const isLost = isCutOff(chat);
  const isWrittenElsewhere = !isReplying && keptOf(last)?.status === "streaming";
  const isBusy = isReplying || isWrittenElsewhere;
  useFollow(id, isWrittenElsewhere);
  useTitle(id, isNew);
  const { ref: scroller, toEnd } = useStickToEnd(messages);
  const [stopError, setStopError] = useState<Error>();
  const sent = useRef<string>(undefined);
  useEffect(() => {
    // The first word of the reply says that the question is stored.
    if (status !== "streaming" || sent.current === undefined) return;
    if (readDraft(personId, id) === sent.current) writeDraft(personId, id, "");
    sent.current = undefined;
  }, [status, personId, id]);

  const ask = useCallback(
    (text: string, above: UIMessage[], parentId?: string | null) => {
      clearError();
      setStopError(undefined);
      toEnd();
      writeDraft(personId, id, text);
      sent.current = text;
      chat.setMessages(above);
      void chat.sendMessage({ parts: [{ type: "text", text }] }, parentId === undefined ? {} : { body: { parentId } });
    },
    [chat.sendMessage, chat.setMessages, clearError, toEnd, personId, id],
  );
  const send = (text: string) => {
    writeDraft(personId, "new", "");
    ask(text, messages);
    if (isNew) void navigate({ to: "/c/$conversationId", params: { conversationId: id }, replace: true });
  };
  const latest = useRef({ messages, ask, regenerate: chat.regenerate });
  latest.current = { messages, ask, regenerate: chat.regenerate };
  const edit = useCallback((message: UIMessage, text: string) => {
    const { messages, ask } = latest.current;
    const index = messages.findIndex((each) => each.id === message.id);
    ask(text, messages.slice(0, index), keptOf(message)?.parentId ?? messages[index - 1]?.id ?? null);
  }, []);
  const regenerate = useCallback((messageId: string) => void latest.current.regenerate({ messageId }), []);
  const show = useShowBranch(id);

  const isGone =
    !isNew && branch.error instanceof ApiError && ["not_found", "invalid_input"].includes(branch.error.code);
  const isUnsent = isGone && readDraft(personId, id) !== "";
  useEffect(() => {
    if (isGone && !isBusy && !isUnsent) forgetChat(id);
  }, [isGone, isBusy, isUnsent, id]);
  if (isGone && !isBusy && !isUnsent) return <Gone />;
  if (branch.error && messages.length === 0 && !isUnsent)
    return <Failure error={branch.error} onRetry={() => branch.refetch()} />;

  const isEmpty = messages.length === 0 && (isNew || isUnsent || branch.isSuccess);
  return (
    <div className="flex h-full flex-col">
      <div ref={scroller} data-scroller className="relative min-h-0 flex-1 overflow-y-auto [overflow-anchor:none]">
        <div className="mx-auto max-w-3xl px-4 py-6">
          {branch.hasNextPage && (
            <Earlier isLoading={branch.isFetchingNextPage} onVisible={() => void branch.fetchNextPage()} />
          )}
          {isEmpty && <Welcome onPick={send} />}
          <div role="log" aria-live="off" aria-label={t.chat.messages} className="grid grid-cols-[minmax(0,1fr)] gap-6">
            {messages.map((message) => (
              <MessageView
                key={message.id}
                message={message}
                isStreaming={isReplying && message === last && message.role === "assistant"}
                isLocked={isBusy}
                onEdit={edit}
                onRegenerate={regenerate}
                onShow={show}
              />
            ))}
          </div>
          <p
            role="status"
            className={status === "submitted" || isWrittenElsewhere ? "mt-6 text-quiet text-sm" : "sr-only"}
          >
            {isBusy ? t.chat.writing : last?.role === "assistant" && status === "ready" ? t.chat.answered : ""}
          </p>
          {stopError && isReplying && (
            <p role="alert" className="mt-4 text-danger text-sm">
              {stopError.message}
            </p>
          )}
          {isLost && <p className="mt-6 text-quiet text-sm">{t.chat.lost}</p>}
          {error && !isLost && (
            <div role="alert" className="mt-6 flex flex-wrap items-center gap-3 text-danger text-sm">
              <span>{errorIn(error.message).message}</span>
              <Button onClick={() => void askAgain(chat)}>{t.tryAgain}</Button>
            </div>
          )}
          {!error && !isBusy && (cutOff.includes(keptOf(last)?.status) || (last?.role === "user" && keptOf(last))) && (
            <Button className="mt-4" onClick={() => void chat.regenerate()}>
              {t.tryAgain}
            </Button>
          )}
        </div>
      </div>
      <Composer
        draft={draftBeside(messages, readDraft(personId, draftOf))}
        isReplying={isBusy}
        onDraft={(text) => writeDraft(personId, draftOf, text)}
        onSend={send}
        onStop={() => stopReply(id).catch(setStopError)}
      />
    </div>
  );
}

/** A question is kept as a draft until it is stored: while it stands in the conversation already, it is not to be written again. */
function draftBeside(messages: readonly UIMessage[], draft: string): string {
  const asked = messages.findLast(({ role }) => role === "user")?.parts ?? [];
  return asked.some((part) => part.type === "text" && part.text === draft) ? "" : draft;
}

function Gone() {
  return (
    <div role="alert" className="flex h-full flex-col items-center justify-center gap-4 p-8 text-center text-quiet">
      <p className="max-w-md">{t.chat.gone}</p>
      <Link to="/" className="rounded-lg border border-line bg-raised px-3.5 py-2 font-medium text-ink text-sm">
        {t.list.newChat}
      </Link>
    </div>
  );
}

/** Asks for the page above when it comes into view. */
function Earlier({ isLoading, onVisible }: { isLoading: boolean; onVisible: () => void }) {
  const ref = useRef<HTMLDivElement>(null);
  const latest = useRef(onVisible);
  latest.current = onVisible;
  useEffect(() => {
    if (isLoading || !ref.current) return;
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && latest.current(), {
      root: ref.current.closest("[data-scroller]"),
      rootMargin: "600px 0px 0px 0px",
    });
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, [isLoading]);
  return (
    <div ref={ref} className="mb-6 h-5 animate-pulse text-center text-quiet text-sm">
      {t.chat.earlier}
    </div>
  );
}

/** The tab has the name of the conversation. */
function useTitle(id: string, isNew: boolean): void {
  const { data } = useQuery({ queryKey: ["conversation", id], queryFn: () => conversations.get(id), enabled: !isNew });
  const title = isNew ? undefined : data?.title;
  useEffect(() => {
    document.title = title ? `${title} · chatkeep` : "chatkeep";
  }, [title]);
}

function useShowBranch(id: string): (messageId: string) => void {
  const queries = useQueryClient();
  const { mutate } = useMutation({
    mutationFn: (headId: string) => conversations.change(id, { headId }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["branch", id] }),
  });
  return mutate;
}

interface Asking {
  messages: UIMessage[];
  sendMessage(message: { parts: UIMessage["parts"]; messageId: string }): Promise<void>;
  regenerate(): Promise<void>;
}

/** The same question once more: one that did not arrive is sent with its id, one that was answered gets another answer. */
async function askAgain(chat: Asking): Promise<void> {
  const last = chat.messages.at(-1);
  if (last?.role === "user") await chat.sendMessage({ parts: last.parts, messageId: last.id });
  else await chat.regenerate();
}

/** Also when it is pressed before the question has arrived: then the server does not know the conversation yet. */
async function stopReply(id: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await conversations.stop(id);
      return;
    } catch (error) {
      if (tries === stopTries) throw error;
      await new Promise((resolve) => setTimeout(resolve, stopPauseMs));
    }
  }
}
