/** A conversation: what was said, the reply as it comes, and where to write. */
import { useChat } from "@ai-sdk/react";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { UIMessage } from "ai";
import { useEffect, useMemo, useRef, useState } from "react";
import { ApiError, conversations, errorIn } from "../api.ts";
import { Composer } from "../composer/composer.tsx";
import { readDraft, writeDraft } from "../composer/drafts.ts";
import { Button } from "../ui/button.tsx";
import { Failure } from "../ui/failure.tsx";
import { chatOf, isCutOff, type KeptMetadata, toUIMessage, whenReplied } from "./chats.ts";
import { MessageView } from "./message-view.tsx";
import { useStickToEnd } from "./stick-to-end.ts";

const pollMs = 1_000;
const stopTries = 10;
const stopPauseMs = 400;

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
  const isWrittenElsewhere = !isReplying && keptStatus(last) === "streaming";
  useFollow(id, isWrittenElsewhere);
  const { ref: scroller, toEnd } = useStickToEnd(messages);
  const [stopError, setStopError] = useState<Error>();
  const sent = useRef<string>(undefined);
  useEffect(() => {
    // The first word of the reply says that the question is stored.
    if (status !== "streaming" || sent.current === undefined) return;
    if (readDraft(personId, id) === sent.current) writeDraft(personId, id, "");
    sent.current = undefined;
  }, [status, personId, id]);

  const send = (text: string) => {
    clearError();
    setStopError(undefined);
    toEnd();
    writeDraft(personId, "new", "");
    writeDraft(personId, id, text);
    sent.current = text;
    void chat.sendMessage({ parts: [{ type: "text", text }] });
    if (isNew) void navigate({ to: "/c/$conversationId", params: { conversationId: id }, replace: true });
  };

  const isGone = branch.error instanceof ApiError && ["not_found", "invalid_input"].includes(branch.error.code);
  const isUnsent = isGone && readDraft(personId, id) !== "";
  if (branch.error && messages.length === 0 && !isUnsent) {
    const shown = isGone ? new Error("This conversation does not exist, or is not yours.") : branch.error;
    return <Failure error={shown} {...(!isGone && { onRetry: () => branch.refetch() })} />;
  }
  const isEmpty = messages.length === 0 && (isNew || isUnsent || branch.isSuccess);
  return (
    <div className="flex h-full flex-col">
      <div ref={scroller} className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-3xl px-4 py-6">
          {branch.hasNextPage && (
            <div className="mb-6 text-center">
              <Button onClick={() => branch.fetchNextPage()} disabled={branch.isFetchingNextPage}>
                Show earlier messages
              </Button>
            </div>
          )}
          {isEmpty && <Welcome onPick={send} />}
          <div role="log" aria-label="Messages" className="grid grid-cols-[minmax(0,1fr)] gap-6">
            {messages.map((message) => (
              <MessageView
                key={message.id}
                message={message}
                status={keptStatus(message)}
                isStreaming={status === "streaming" && message === last}
              />
            ))}
          </div>
          {(status === "submitted" || isWrittenElsewhere) && (
            <p className="mt-6 animate-pulse text-quiet text-sm">The assistant is writing …</p>
          )}
          {stopError && isReplying && (
            <p role="alert" className="mt-4 text-danger text-sm">
              {stopError.message}
            </p>
          )}
          {error && !isLost && (
            <div role="alert" className="mt-6 flex flex-wrap items-center gap-3 text-danger text-sm">
              <span>{errorIn(error.message).message}</span>
              <Button onClick={() => void askAgain(chat)}>Try again</Button>
            </div>
          )}
          {isLost && (
            <p role="status" className="mt-6 text-quiet text-sm">
              The connection is lost. The answer goes on without us, and here as soon as it is back.
            </p>
          )}
          {!error && !isReplying && wasCutOff(last) && (
            <Button className="mt-4" onClick={() => void chat.regenerate()}>
              Try again
            </Button>
          )}
        </div>
      </div>
      <Composer
        draft={readDraft(personId, draftOf)}
        isReplying={isReplying || isWrittenElsewhere}
        onDraft={(text) => writeDraft(personId, draftOf, text)}
        onSend={send}
        onStop={() => stopReply(id).catch(setStopError)}
      />
    </div>
  );
}

/** The chat of this tab, filled with what the database has of the branch that is shown. */
function useKeptChat(id: string, isNew: boolean) {
  const queries = useQueryClient();
  const instance = useMemo(() => chatOf(id), [id]);
  const chat = useChat({ chat: instance, experimental_throttle: 50 });
  const branch = useInfiniteQuery({
    queryKey: ["branch", id],
    queryFn: ({ pageParam }) => conversations.branch(id, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    // A conversation that this tab has just begun is not stored before its question arrives.
    enabled: !isNew && chat.status !== "submitted" && chat.status !== "streaming",
  });
  const { data } = branch;
  const { setMessages } = chat;
  // Only when something was read: while a reply comes, and until it is read back, the chat knows more than the data.
  useEffect(() => {
    const { status } = instance;
    if (!data || status === "submitted" || status === "streaming") return;
    const kept = [...data.pages].reverse().flatMap((page) => page.items.map(toUIMessage));
    const draft = kept.at(-1);
    // Of a reply that is being written the database shows no words yet.
    const seen = draft && keptStatus(draft) === "streaming" && instance.messages.find(({ id }) => id === draft.id);
    if (seen) draft.parts = seen.parts;
    const unsent =
      status === "error" ? instance.messages.filter(({ id: known }) => !kept.some((each) => each.id === known)) : [];
    setMessages([...kept, ...unsent] as UIMessage[]);
  }, [data, setMessages, instance]);
  const isStored = chat.status === "streaming";
  useEffect(() => {
    if (isStored) void queries.invalidateQueries({ queryKey: ["conversations"] });
  }, [isStored, queries]);
  useEffect(() => {
    whenReplied((conversationId) => {
      void queries.invalidateQueries({ queryKey: ["conversations"] });
      void queries.invalidateQueries({ queryKey: ["branch", conversationId] });
    });
  }, [queries]);
  return { chat, branch };
}

/** Takes up a reply that is being written and that this tab did not ask for, or had lost. */
function useFollow(id: string, isWrittenElsewhere: boolean): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!isWrittenElsewhere) return;
    const timer = setInterval(follow, pollMs);
    void follow();
    return () => clearInterval(timer);

    async function follow() {
      const chat = chatOf(id);
      if (chat.status === "submitted" || chat.status === "streaming") return;
      await chat.resumeStream();
      await queries.invalidateQueries({ queryKey: ["branch", id] });
    }
  }, [id, isWrittenElsewhere, queries]);
}

/** The same question once more: one that did not arrive is sent with its id, one that was answered gets another answer. */
async function askAgain(chat: Pick<ReturnType<typeof chatOf>, "messages" | "sendMessage" | "regenerate">) {
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

function keptStatus(message: UIMessage | undefined) {
  return (message?.metadata as KeptMetadata | undefined)?.status;
}

function wasCutOff(message: UIMessage | undefined): boolean {
  return ["stopped", "failed", "interrupted"].includes(keptStatus(message) ?? "");
}

const suggestions = ["What can you do?", "Add buy milk", "What is on my list?"];

function Welcome({ onPick }: { onPick: (text: string) => void }) {
  return (
    <div className="flex min-h-[50vh] flex-col items-center justify-center gap-6 text-center">
      <h1 className="font-semibold text-2xl">What is on your mind?</h1>
      <div className="flex flex-wrap justify-center gap-2">
        {suggestions.map((text) => (
          <Button key={text} onClick={() => onPick(text)}>
            {text}
          </Button>
        ))}
      </div>
    </div>
  );
}
