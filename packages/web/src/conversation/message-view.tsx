/** One message: the words, what tools did, how it ended, and what one can do with it. */
import type { UIMessage } from "ai";
import { isToolUIPart } from "ai";
import { lazy, memo, Suspense, useState } from "react";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { keptOf } from "./chats.ts";
import { MessageActions } from "./message-actions.tsx";
import { ToolCall } from "./tool-call.tsx";

const Markdown = lazy(() => import("./markdown.tsx").then((module) => ({ default: module.Markdown })));

const endings: Record<string, string> = {
  stopped: t.chat.stopped,
  failed: t.chat.failed,
  interrupted: t.chat.interrupted,
};

/** A text that is longer than this is folded. */
const foldLetters = 6_000;

interface MessageViewProps {
  message: UIMessage;
  isStreaming: boolean;
  /** A reply is being written: nothing can be asked anew. */
  isLocked: boolean;
  onEdit: (message: UIMessage, text: string) => void;
  onRegenerate: (messageId: string) => void;
  onShow: (messageId: string) => void;
}

export const MessageView = memo(function MessageView({
  message,
  isStreaming,
  isLocked,
  onEdit,
  onRegenerate,
  onShow,
}: MessageViewProps) {
  const [isEditing, setIsEditing] = useState(false);
  const isUser = message.role === "user";
  const status = keptOf(message)?.status;
  const text = textOf(message);
  if (isEditing) {
    return (
      <Edit
        text={text}
        onDone={(next) => {
          setIsEditing(false);
          if (next) onEdit(message, next);
        }}
      />
    );
  }
  return (
    <article
      aria-label={isUser ? t.chat.you : t.chat.assistant}
      className={`group/message flex min-w-0 flex-col gap-1 ${isUser ? "items-end" : ""}`}
    >
      <Folded isLong={text.length > foldLetters && !isStreaming} isUser={isUser}>
        {message.parts.map((part, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts only grow at their end
          <PartView key={index} part={part} isUser={isUser} isStreaming={isStreaming} />
        ))}
        {status && endings[status] && <p className="text-quiet text-sm italic">{endings[status]}</p>}
      </Folded>
      {!isStreaming && (
        <MessageActions
          message={message}
          text={text}
          isLocked={isLocked}
          onEdit={isUser ? () => setIsEditing(true) : undefined}
          onRegenerate={isUser ? undefined : () => onRegenerate(message.id)}
          onShow={onShow}
        />
      )}
    </article>
  );
});

function textOf({ parts }: UIMessage): string {
  return parts.flatMap((part) => (part.type === "text" ? part.text : [])).join("\n\n");
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
        className={`${isUser ? "min-w-0 max-w-[85%] rounded-2xl bg-side px-4 py-2.5" : "min-w-0 space-y-3 wrap-anywhere"} ${isFolded ? "max-h-96 overflow-hidden mask-b-from-80%" : ""}`}
      >
        {children}
      </div>
      {isLong && (
        <button
          type="button"
          aria-expanded={isOpen}
          className="self-start rounded-lg px-2 py-1 font-medium text-brand text-sm hover:bg-side"
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? t.chat.showLess : t.chat.showAll}
        </button>
      )}
    </>
  );
}

function Edit({ text, onDone }: { text: string; onDone: (text: string | undefined) => void }) {
  const [draft, setDraft] = useState(text);
  return (
    <form
      className="grid gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (draft.trim()) onDone(draft.trim());
      }}
    >
      <textarea
        aria-label={t.chat.editing}
        // biome-ignore lint/a11y/noAutofocus: the person has just chosen to write here
        autoFocus
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key === "Escape") onDone(undefined);
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
        }}
        className="field-sizing-content max-h-96 min-h-20 w-full resize-none rounded-2xl border border-brand bg-raised px-4 py-2.5"
      />
      <div className="flex justify-end gap-2">
        <Button onClick={() => onDone(undefined)}>{t.cancel}</Button>
        <Button type="submit" look="main" disabled={draft.trim() === ""}>
          {t.chat.ask}
        </Button>
      </div>
    </form>
  );
}

interface PartViewProps {
  part: UIMessage["parts"][number];
  isUser: boolean;
  isStreaming: boolean;
}

function PartView({ part, isUser, isStreaming }: PartViewProps) {
  if (part.type === "text" && isUser) return <p className="whitespace-pre-wrap wrap-anywhere">{part.text}</p>;
  if (part.type === "text") {
    return (
      <Suspense fallback={<p className="whitespace-pre-wrap break-words">{part.text}</p>}>
        <Markdown text={part.text} isStreaming={isStreaming} />
      </Suspense>
    );
  }
  if (part.type === "reasoning" && part.text) {
    return (
      <details className="text-quiet text-sm" open={isStreaming && part.state === "streaming"}>
        <summary className="cursor-pointer">{t.chat.thoughts}</summary>
        <p className="mt-2 whitespace-pre-wrap border-line border-l-2 pl-3">{part.text}</p>
      </details>
    );
  }
  if (part.type === "file") return <p className="text-quiet text-sm">📎 {part.filename ?? t.chat.file}</p>;
  if (isToolUIPart(part)) return <ToolCall part={part} isOver={!isStreaming} />;
  return null;
}
