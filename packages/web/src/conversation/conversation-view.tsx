/** A conversation: what was said, the reply as it comes, and where to write. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { FileUIPart } from "ai";
import { ApiError, type Conversation } from "chatkeep/client";
import { ArrowDown, SearchX } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { client } from "../client.ts";
import { type Attachments, useAttachments } from "../composer/attachments.ts";
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
import { ProjectChats, ProjectGreeting } from "../projects/project-start.tsx";
import type { Project } from "../projects/projects.ts";
import { storedQuestions } from "../reply-streams.ts";
import { ShareChat } from "../sharing/share-chat.tsx";
import { useRead } from "../sidebar/unread.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { buttonLook } from "../ui/button.tsx";
import { Card } from "../ui/card.tsx";
import { useFilesForPage } from "../ui/dropped-files.ts";
import { Failure } from "../ui/failure.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { toasts } from "../ui/toasts.tsx";
import { ChatHeader } from "./chat-header.tsx";
import { ChatInstructions } from "./chat-instructions.tsx";
import { forgetChat, isCutOff, isDetached, keptOf } from "./chats.ts";
import { useSentSettings } from "./generation-settings.tsx";
import { GoneModel, ModelPicker, useModelChoice } from "./model-picker.tsx";
import { isOffline } from "./models.ts";
import { StateOfReply } from "./state-of-reply.tsx";
import { useStickToEnd } from "./stick-to-end.ts";
import { TemporaryNotice, useTemporary } from "./temporary.tsx";
import { Transcript } from "./transcript.tsx";
import { useUnsent } from "./use-asked.ts";
import { useAsking } from "./use-asking.ts";
import { useBranches } from "./use-branches.ts";
import { useJump } from "./use-jump.ts";
import { useFollow, useKeptChat } from "./use-kept-chat.ts";
import { usePrintWhole } from "./use-print-whole.ts";
import { Greeting, Suggestions } from "./welcome.tsx";

const stopTries = 10;
const stopPauseMs = 400;

interface ConversationViewProps {
  personId: string;
  id: string;
  isNew?: boolean;
  /** What a new one begins in. */
  project?: Project;
}

export function ConversationView({ personId, id, isNew = false, project }: ConversationViewProps) {
  const navigate = useNavigate();
  const draftOf = !isNew ? id : project ? `project.${project.id}` : newDraft;
  const { chat, branch } = useKeptChat(id, isNew);
  const { messages, status, clearError } = chat;
  const isReplying = status === "submitted" || status === "streaming" || isDetached(chat);
  const last = messages.at(-1);
  const isWrittenElsewhere = !isReplying && keptOf(last)?.status === "streaming";
  const isBusy = isReplying || isWrittenElsewhere;
  useFollow(id, isWrittenElsewhere);
  const stored = useStored(id, isNew);
  const { isTemporary, isWanted, setIsWanted } = useTemporary(personId, id, stored);
  const choice = useModelChoice(personId, id, stored, project?.model);
  const { ref: scroller, isAway, toEnd } = useStickToEnd(messages);
  const [stopError, setStopError] = useState<Error>();
  const isMissing = useMissing(id, branch) && !isNew;
  const unsent = useUnsent(personId, id, { messages, status, isRead: branch.isSuccess || isMissing });
  useSentSettings(id, stored, isNew);
  useRead(id);
  usePrintWhole(branch);
  useJump(id, messages, branch);
  const { show, leave } = useBranches(id, messages);
  /** From the first question on that is asked here, the last one goes to the top, and its answer has room below it. */
  const [hasAsked, setHasAsked] = useState(false);
  const onAsk = () => {
    setHasAsked(true);
    clearError();
    setStopError(undefined);
    toEnd();
  };
  const model = choice.current;
  const projectId = project?.id ?? (stored ? undefined : readAsked(personId, id)?.projectId);
  const { ask, edit, regenerate, again } = useAsking(chat, {
    personId,
    id,
    isTemporary,
    projectId,
    model,
    onAsk,
    leave,
  });
  const attachments = useAttachments(personId, draftOf);
  usePutBack(personId, id, unsent, attachments);
  const send = (text: string, files: FileUIPart[] = []) => {
    writeDraft(personId, draftOf, "");
    writeFiles(personId, draftOf, []);
    attachments.clear();
    ask([...files, ...(text ? [{ type: "text" as const, text }] : [])], messages);
    if (isNew) void navigate({ to: "/c/$conversationId", params: { conversationId: id }, replace: true });
  };

  const composer = useRef<ComposerHandle>(null);
  const quote = useCallback((text: string) => composer.current?.quote(text), []);
  const remove = useRedact(id);
  const isUnsent = isMissing && readAsked(personId, id) !== undefined;
  const isGone = isMissing && !isBusy && !isUnsent;
  useFilesForPage(isGone ? undefined : attachments.add);
  useForgetGone(isGone, personId, id);
  if (isGone) return <Gone />;
  if (branch.error && messages.length === 0 && !isUnsent)
    return <Failure error={branch.error} onRetry={() => branch.refetch()} />;

  const isEmpty = messages.length === 0 && (isNew || isUnsent || branch.isSuccess);
  const acts = { onQuote: quote, onEdit: edit, onRegenerate: regenerate, onShow: show, onDelete: remove };
  const state = (
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
  );
  return (
    <div className={`flex h-full flex-col print:block print:h-auto ${isEmpty ? "overflow-y-auto" : ""}`}>
      <ChatHeader stored={stored}>
        <ModelPicker {...choice} />
        <span className="ms-auto" />
        <ShareChat stored={stored} />
        <ChatInstructions stored={stored} />
      </ChatHeader>
      <Transcript
        ref={scroller}
        id={id}
        title={stored?.title ?? undefined}
        messages={messages}
        branch={branch}
        isEmpty={isEmpty}
        greeting={project ? <ProjectGreeting project={project} /> : <Greeting />}
        hasAsked={hasAsked}
        isReplying={isReplying}
        isBusy={isBusy}
        state={state}
        acts={acts}
      />
      <div className="relative print:hidden">
        {isAway && <ToEnd onPress={toEnd} />}
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
      {isEmpty && (
        <div className="mb-auto shrink-0 pb-12">
          {project ? (
            <ProjectChats project={project} />
          ) : (
            <Suggestions
              texts={isOffline(choice.current) ? t.chat.offlineSuggestions : t.chat.suggestions}
              onPick={(text) => send(text)}
              isTemporary={isWanted}
              onTemporary={isNew || isUnsent ? setIsWanted : undefined}
            />
          )}
        </div>
      )}
    </div>
  );
}

/** The files of a question that did not arrive stand in the box again, as long as it is not on its way. */
function usePutBack(personId: string, id: string, unsent: string | undefined, attachments: Attachments): void {
  const { putBack, takeOut } = attachments;
  useEffect(() => {
    const files = unsent === undefined ? undefined : readAsked(personId, id)?.files;
    if (!files) return;
    putBack(files);
    return () => takeOut(files);
  }, [unsent, personId, id, putBack, takeOut]);
}

/** Takes the content of a message away. */
function useRedact(id: string): (messageId: string) => Promise<void> {
  const queries = useQueryClient();
  return useCallback(
    async (messageId) => {
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
}

/** Whether the server has no such conversation; while it is asked again, as it was. */
function useMissing(id: string, { error, isPending }: { error: Error | null; isPending: boolean }): boolean {
  const queries = useQueryClient();
  const isNow = error instanceof ApiError && ["not_found", "invalid_input"].includes(error.code);
  const [wasBefore, setWasBefore] = useState(false);
  useEffect(() => {
    if (!isPending) setWasBefore(isNow);
  }, [isPending, isNow]);
  // It is there from its first question on, and is not read again before the answer has ended.
  useEffect(() => {
    if (!isNow) return;
    const forget = () => {
      setWasBefore(false);
      void queries.resetQueries({ queryKey: ["branch", id] });
    };
    storedQuestions.addEventListener(id, forget);
    return () => storedQuestions.removeEventListener(id, forget);
  }, [queries, id, isNow]);
  return isPending ? wasBefore : isNow;
}

/** What was being written in it goes into the next chat. */
function useForgetGone(isGone: boolean, personId: string, id: string): void {
  useEffect(() => {
    if (!isGone) return;
    forgetChat(id);
    moveDraftToNew(personId, id);
  }, [isGone, personId, id]);
}

function ToEnd({ onPress }: { onPress: () => void }) {
  return (
    <IconButton
      label={t.chat.toEnd}
      onClick={onPress}
      className="-top-11 absolute inset-x-0 z-10 mx-auto rounded-full border border-line bg-raised shadow-md"
    >
      <ArrowDown size={18} />
    </IconButton>
  );
}

function Gone() {
  return (
    <Card icon={SearchX} text={t.chat.gone}>
      <Link to="/" className={buttonLook()}>
        {t.list.newChat}
      </Link>
    </Card>
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
