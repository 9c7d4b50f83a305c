/** A conversation: what was said, the reply as it comes, and where to write. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { FileUIPart } from "ai";
import type { Conversation } from "chatkeep/client";
import { ArrowDown, SearchX } from "lucide-react";
import { type ComponentProps, useCallback, useEffect, useRef, useState } from "react";
import { client } from "../client.ts";
import { type Attachments, useAttachments } from "../composer/attachments.ts";
import { Composer, type ComposerHandle } from "../composer/composer.tsx";
import { draftKey, newDraft, readAsked, readDraft, writeDraft, writeFiles } from "../composer/drafts.ts";
import { ProjectChats, ProjectGreeting } from "../projects/project-start.tsx";
import type { Project } from "../projects/projects.ts";
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
import { useSentSettings } from "./generation-settings.tsx";
import { GoneModel, ModelPicker, useModelChoice } from "./model-picker.tsx";
import { isOffline } from "./models.ts";
import { StateOfReply } from "./state-of-reply.tsx";
import { useStickToEnd } from "./stick-to-end.ts";
import { TemporaryNotice, useTemporary } from "./temporary.tsx";
import { Transcript } from "./transcript.tsx";
import { useAsking } from "./use-asking.ts";
import { useBranches } from "./use-branches.ts";
import { useChatState } from "./use-chat-state.ts";
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
  const state = useChatState({ personId, id, isNew, chat, branch });
  const { isReplying, isBusy, isUnsent, unsent, instead } = state;
  useFollow(id, state.isWrittenElsewhere);
  const stored = useStored(id, isNew);
  const { isTemporary, isWanted, setIsWanted } = useTemporary(personId, id, stored);
  const choice = useModelChoice(personId, id, stored, project?.model);
  const { ref: scroller, isAway, toEnd } = useStickToEnd(messages);
  const [stopError, setStopError] = useState<Error>();
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
  const { ask, edit, regenerate, again, againWithoutFiles } = useAsking(chat, {
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
  useFilesForPage(instead === "gone" ? undefined : attachments.add);
  if (instead === "gone") return <Gone />;
  if (instead === "failure" && branch.error) return <Failure error={branch.error} onRetry={() => branch.refetch()} />;

  const isEmpty = instead === "start";
  const acts = { onQuote: quote, onEdit: edit, onRegenerate: regenerate, onShow: show, onDelete: remove };
  const below = (
    <StateOfReply
      last={state.last}
      isBusy={isBusy}
      isLost={state.isLost}
      isReady={status === "ready"}
      error={chat.error}
      stopError={isReplying ? stopError : undefined}
      onAgain={again}
      onWithoutFiles={againWithoutFiles}
      onGoOn={() => ask([{ type: "text", text: t.chat.goOnWords }], messages)}
    />
  );
  return (
    <div className={`flex h-full flex-col print:block print:h-auto ${isEmpty ? "overflow-y-auto" : ""}`}>
      <ChatHeader stored={stored}>
        <ModelPicker {...choice} />
        <span className="ms-auto" />
        <ShareChat stored={stored} />
        <ChatInstructions id={id} stored={stored} isUnknown={isNew || isUnsent} />
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
        state={below}
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
        <Start
          project={project}
          model={model}
          onPick={(text) => send(text)}
          isTemporary={isWanted}
          onTemporary={isNew || isUnsent ? setIsWanted : undefined}
        />
      )}
    </div>
  );
}

interface StartProps extends Omit<ComponentProps<typeof Suggestions>, "texts" | "isKnown"> {
  project: Project | undefined;
  model: string | undefined;
}

/** Below the box where nothing was said yet. */
function Start({ project, model, ...rest }: StartProps) {
  const texts = isOffline(model) ? t.chat.offlineSuggestions : t.chat.suggestions;
  return (
    <div className="mb-auto shrink-0 pb-12">
      {project ? (
        <ProjectChats project={project} />
      ) : (
        <Suggestions texts={texts} isKnown={model !== undefined} {...rest} />
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
