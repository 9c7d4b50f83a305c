/** One message: its parts, how it ended, and what one can do with it. */
import type { FileUIPart, UIMessage } from "ai";
import { memo, useRef, useState } from "react";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { isComposing } from "../ui/keys.ts";
import { keptOf } from "./chats.ts";
import { endingOf } from "./ending.ts";
import { FileView } from "./file-view.tsx";
import { MessageActions } from "./message-actions.tsx";
import { PartView, Sources } from "./part-view.tsx";
import { passagesOf } from "./thoughts.ts";

/** A question that is longer than this is folded. */
const foldLetters = 6_000;

/** What one can do with a message. */
export interface MessageActs {
  onQuote: (text: string) => void;
  onEdit: (message: UIMessage, text: string) => void;
  onRegenerate: (messageId: string, model?: string) => void;
  onShow: (messageId: string) => void;
  onDelete: (messageId: string) => void;
}

interface MessageViewProps extends MessageActs {
  conversationId: string;
  message: UIMessage;
  isStreaming: boolean;
  /** A reply is being written: nothing can be asked anew. */
  isLocked: boolean;
  isLast: boolean;
}

export const MessageView = memo(function MessageView({
  conversationId,
  message,
  isStreaming,
  isLocked,
  isLast,
  onQuote,
  onEdit,
  onRegenerate,
  onShow,
  onDelete,
}: MessageViewProps) {
  const [isEditing, setIsEditing] = useState(false);
  const article = useRef<HTMLElement>(null);
  const isUser = message.role === "user";
  const isDeleted = keptOf(message)?.status === "deleted";
  const text = textOf(message);
  if (isEditing) {
    return (
      <Edit
        text={text}
        files={message.parts.filter((part) => part.type === "file")}
        onDone={(next) => {
          setIsEditing(false);
          if (next !== undefined) onEdit(message, next);
          // What was pressed to come here is there again only now.
          setTimeout(() => (next !== undefined ? document.getElementById("message") : article.current)?.focus());
        }}
      />
    );
  }
  return (
    <article
      ref={article}
      tabIndex={-1}
      data-message={message.id}
      aria-label={labelOf(message)}
      className={`group/message flex min-w-0 flex-col gap-1 outline-none ${isUser ? "items-end" : ""}`}
    >
      <Origin message={message} />
      {!isDeleted && (
        <Folded isLong={isUser && text.length > foldLetters} isUser={isUser}>
          {message.parts.map((part, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: parts only grow at their end
            <PartView key={index} part={part} isUser={isUser} isStreaming={isStreaming} />
          ))}
          <Sources parts={message.parts} />
          {!isStreaming && !isUser && <Ending message={message} />}
        </Folded>
      )}
      {!isStreaming && !isDeleted && (
        <MessageActions
          conversationId={conversationId}
          message={message}
          text={text}
          isLocked={isLocked}
          isShown={isLast && !isUser}
          onQuote={onQuote}
          onEdit={isUser ? () => setIsEditing(true) : undefined}
          onRegenerate={isUser ? undefined : (model) => onRegenerate(message.id, model)}
          onShow={onShow}
          onDelete={onDelete}
        />
      )}
    </article>
  );
});

/** Who said it; the AI SDK has no role for tools, so what is kept of the message says so. */
function roleOf(message: UIMessage): string {
  return keptOf(message)?.role ?? message.role;
}

function labelOf(message: UIMessage): string {
  const role = roleOf(message);
  if (role === "system") return t.chat.system;
  if (role === "tool") return t.chat.tool;
  return role === "user" ? t.chat.you : t.chat.assistant;
}

/** What is neither a question nor an answer says what it is, and so does what was deleted. */
function Origin({ message }: { message: UIMessage }) {
  const role = roleOf(message);
  const isOther = role === "system" || role === "tool";
  return (
    <>
      {isOther && <p className="font-medium text-quiet text-sm">{labelOf(message)}</p>}
      {keptOf(message)?.status === "deleted" && <p className="text-quiet text-sm italic">{t.chat.deleted}</p>}
    </>
  );
}

function Ending({ message }: { message: UIMessage }) {
  const ending = endingOf(message);
  return ending && <p className="text-quiet text-sm italic">{ending.words}</p>;
}

/** The words of a message, without what the model thought. */
function textOf({ role, parts }: UIMessage): string {
  const texts = parts.flatMap((part) => (part.type === "text" ? part.text : []));
  if (role === "user") return texts.join("\n\n");
  const answers = texts.flatMap((text) => passagesOf(text).flatMap(({ type, text }) => (type === "text" ? text : [])));
  return answers.join("\n\n");
}

interface FoldedProps {
  isLong: boolean;
  isUser: boolean;
  children: React.ReactNode;
}

function Folded({ isLong, isUser, children }: FoldedProps) {
  const [isOpen, setIsOpen] = useState(false);
  const isFolded = isLong && !isOpen;
  return (
    <>
      <div
        className={`${isUser ? "min-w-0 max-w-[85%] space-y-2 rounded-2xl rounded-ee-md bg-tint px-4 py-2.5 leading-7" : "min-w-0 space-y-4 leading-7 wrap-anywhere"} ${isFolded ? "max-h-96 overflow-hidden mask-b-from-80% print:max-h-none print:mask-none" : ""}`}
      >
        {children}
      </div>
      {isLong && (
        <button
          type="button"
          aria-expanded={isOpen}
          className="self-start rounded-lg px-2 py-1 font-medium text-brand text-sm hover:bg-side print:hidden"
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? t.chat.showLess : t.chat.showAll}
        </button>
      )}
    </>
  );
}

interface EditProps {
  text: string;
  /** They stay with the question. */
  files: readonly FileUIPart[];
  onDone: (text: string | undefined) => void;
}

function Edit({ text, files, onDone }: EditProps) {
  const [draft, setDraft] = useState(text);
  const canAsk = draft.trim() !== "" || files.length > 0;
  return (
    <form
      className="grid gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (canAsk) onDone(draft.trim());
      }}
    >
      {files.map((part) => (
        <FileView key={part.url} part={part} />
      ))}
      <textarea
        aria-label={t.chat.editing}
        dir="auto"
        // biome-ignore lint/a11y/noAutofocus: the person has just chosen to write here
        autoFocus
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => {
          if (isComposing(event)) return;
          if (event.key === "Escape") onDone(undefined);
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
        }}
        className="field-sizing-content max-h-96 min-h-20 w-full resize-none rounded-2xl border border-brand bg-raised px-4 py-2.5"
      />
      <div className="flex justify-end gap-2">
        <Button onClick={() => onDone(undefined)}>{t.cancel}</Button>
        <Button type="submit" look="main" disabled={!canAsk}>
          {t.chat.ask}
        </Button>
      </div>
    </form>
  );
}
