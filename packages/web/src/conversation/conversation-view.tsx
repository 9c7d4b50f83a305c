/** A conversation: what was said, the reply as it comes, and where to write. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { FileUIPart } from "ai";
import { ApiError, type Conversation } from "chatkeep/client";
import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { client } from "../client.ts";
import { useAttachments } from "../composer/attachments.ts";
import { Composer, type ComposerHandle } from "../composer/composer.tsx";
import {
  draftKey,
  moveDraftToNew,
  newDraft,
  readAsked,
  readDraft,
  writeDraft,
  writeFiles,
} from "../composer/drafts.ts";
import { ShareChat } from "../sharing/share-chat.tsx";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { useFilesForPage } from "../ui/dropped-files.ts";
import { Failure } from "../ui/failure.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { toasts } from "../ui/toasts.tsx";
import { ChatHeader } from "./chat-header.tsx";
import { ChatInstructions } from "./chat-instructions.tsx";
import { forgetChat, isCutOff, isDetached, keptOf } from "./chats.ts";
import { Earlier } from "./earlier.tsx";
import { MessageView } from "./message-view.tsx";
import { GoneModel, ModelPicker, useModelChoice } from "./model-picker.tsx";
import { StateOfReply } from "./state-of-reply.tsx";
import { useStickToEnd } from "./stick-to-end.ts";
import { TemporaryNotice, useTemporary } from "./temporary.tsx";
import { useUnsent } from "./use-asked.ts";
import { useAsking } from "./use-asking.ts";
import { useBranches } from "./use-branches.ts";
import { useJump } from "./use-jump.ts";
import { useFollow, useKeptChat } from "./use-kept-chat.ts";
import { usePrintWhole } from "./use-print-whole.ts";
import { Welcome } from "./welcome.tsx";

const stopTries = 10;
const stopPauseMs = 400;

interface ConversationViewProps {
  personId: string;
  id: string;
  isNew?: boolean;
}

export function ConversationView({ personId, id, isNew = false }: ConversationViewProps) {
  const navigate = useNavigate();
  const draftOf = isNew ? newDraft : id;
  const { chat, branch } = useKeptChat(id, isNew);
  const { messages, status, clearError } = chat;
  const isReplying = status === "submitted" || status === "streaming" || isDetached(chat);
  const last = messages.at(-1);
  const isWrittenElsewhere = !isReplying && keptOf(last)?.status === "streaming";
  const isBusy = isReplying || isWrittenElsewhere;
  useFollow(id, isWrittenElsewhere);
  const stored = useStored(id, isNew);
  const { isTemporary, isWanted, setIsWanted } = useTemporary(personId, id, stored);
  const choice = useModelChoice(personId, id, stored);
  const { ref: scroller, isAway, toEnd } = useStickToEnd(messages);
  const [stopError, setStopError] = useState<Error>();
  const isMissing = useMissing(branch) && !isNew;
  const unsent = useUnsent(personId, id, { messages, status, isRead: branch.isSuccess || isMissing });
  usePrintWhole(branch);
  useJump(id, messages, branch);

  const { show, leave } = useBranches(id, messages);
  const onAsk = () => {
    clearError();
    setStopError(undefined);
    toEnd();
  };
  const model = choice.current;
  const { ask, edit, regenerate, again } = useAsking(chat, { personId, id, isTemporary, model, onAsk, leave });
  const attachments = useAttachments(personId, draftOf);
  const { clear, putBack, takeOut } = attachments;
  useEffect(() => {
    const files = unsent === undefined ? undefined : readAsked(personId, id)?.files;
    if (!files) return;
    putBack(files);
    return () => takeOut(files);
  }, [unsent, personId, id, putBack, takeOut]);
  const send = (text: string, files: FileUIPart[] = []) => {
    writeDraft(personId, draftOf, "");
    writeFiles(personId, draftOf, []);
    clear();
    ask([...files, ...(text ? [{ type: "text" as const, text }] : [])], messages);
    if (isNew) void navigate({ to: "/c/$conversationId", params: { conversationId: id }, replace: true });
  };

  const composer = useRef<ComposerHandle>(null);
  const quote = useCallback((text: string) => composer.current?.quote(text), []);
  const queries = useQueryClient();
  const remove = useCallback(
    async (messageId: string) => {
      try {
        await client.messages.redact(id, messageId);
        await queries.invalidateQueries({ queryKey: ["branch", id] });
        document.querySelector<HTMLElement>(`[data-message="${CSS.escape(messageId)}"]`)?.focus();
      } catch (error) {
        toasts.add({ title: sentenceOf(error as Error) });
      }
    },
    [id, queries],
  );

  const isUnsent = isMissing && readAsked(personId, id) !== undefined;
  const isGone = isMissing && !isBusy && !isUnsent;
  useFilesForPage(isGone ? undefined : attachments.add);
  useEffect(() => {
    if (!isGone) return;
    forgetChat(id);
    moveDraftToNew(personId, id);
  }, [isGone, personId, id]);
  if (isGone) return <Gone />;
  if (branch.error && messages.length === 0 && !isUnsent)
    return <Failure error={branch.error} onRetry={() => branch.refetch()} />;

  const isEmpty = messages.length === 0 && (isNew || isUnsent || branch.isSuccess);
  return (
    <div className="flex h-full flex-col print:block print:h-auto">
      <ChatHeader>
        <ModelPicker {...choice} />
        <span className="ms-auto" />
        <ShareChat stored={stored} />
        <ChatInstructions stored={stored} />
      </ChatHeader>
      <div
        ref={scroller}
        data-scroller
        className="relative min-h-0 flex-1 overflow-y-auto [overflow-anchor:none] print:overflow-visible"
      >
        <div className="mx-auto max-w-3xl px-4 py-6">
          {branch.hasNextPage && (
            <Earlier isLoading={branch.isFetchingNextPage} onVisible={() => void branch.fetchNextPage()} />
          )}
          {messages.length > 0 && (
            <h1 dir="auto" className="sr-only print:not-sr-only print:font-semibold print:text-xl">
              {stored?.title ?? t.list.newChat}
            </h1>
          )}
          {isEmpty && (
            <Welcome
              onPick={(text) => send(text)}
              isTemporary={isWanted}
              onTemporary={isNew || isUnsent ? setIsWanted : undefined}
            />
          )}
          <div role="log" aria-live="off" aria-label={t.chat.messages} className="grid grid-cols-[minmax(0,1fr)] gap-6">
            {messages.map((message) => (
              <MessageView
                key={message.id}
                conversationId={id}
                message={message}
                isStreaming={isReplying && message === last && message.role === "assistant"}
                isLocked={isBusy}
                isLast={message === last}
                onQuote={quote}
                onEdit={edit}
                onRegenerate={regenerate}
                onShow={show}
                onDelete={remove}
              />
            ))}
          </div>
          <StateOfReply
            last={last}
            isBusy={isBusy}
            isLost={isCutOff(chat) && !isReplying}
            isReady={status === "ready"}
            error={chat.error}
            stopError={isReplying ? stopError : undefined}
            onAgain={again}
            onGoOn={() => ask([{ type: "text", text: t.chat.goOnWords }], messages)}
          />
        </div>
      </div>
      <div className="relative print:hidden">
        {isAway && (
          <IconButton
            label={t.chat.toEnd}
            onClick={toEnd}
            className="-top-11 absolute inset-x-0 z-10 mx-auto rounded-full border border-line bg-raised shadow-md"
          >
            <ArrowDown size={18} />
          </IconButton>
        )}
        {isTemporary && messages.length > 0 && <TemporaryNotice expiresAt={stored?.expiresAt} />}
        <GoneModel {...choice} />
        <Composer
          ref={composer}
          draftName={draftKey(personId, draftOf)}
          draft={readDraft(personId, draftOf)}
          unsent={unsent}
          isReplying={isBusy}
          attachments={attachments}
          takesFiles={choice.takesFiles}
          onDraft={(text) => writeDraft(personId, draftOf, text)}
          onSend={send}
          onStop={() => stopReply(id).catch(setStopError)}
        />
      </div>
    </div>
  );
}

/** Whether the server has no such conversation; while it is asked again, as it was. */
function useMissing({ error, isPending }: { error: Error | null; isPending: boolean }): boolean {
  const isNow = error instanceof ApiError && ["not_found", "invalid_input"].includes(error.code);
  const [wasBefore, setWasBefore] = useState(false);
  useEffect(() => {
    if (!isPending) setWasBefore(isNow);
  }, [isPending, isNow]);
  return isPending ? wasBefore : isNow;
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

/** The conversation as the server has it; the tab has its name. */
function useStored(id: string, isNew: boolean): Conversation | undefined {
  const { data } = useQuery({
    queryKey: ["conversation", id],
    queryFn: () => client.conversations.get(id),
    enabled: !isNew,
  });
  const stored = isNew ? undefined : data;
  const title = stored?.title;
  useEffect(() => {
    document.title = title ? `${title} · chatkeep` : "chatkeep";
  }, [title]);
  return stored;
}

/** Also when it is pressed before the question has arrived: then the server does not know the conversation yet. */
async function stopReply(id: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await client.chat.stop(id);
      return;
    } catch (error) {
      if (tries === stopTries) throw error;
      await new Promise((resolve) => setTimeout(resolve, stopPauseMs));
    }
  }
}
