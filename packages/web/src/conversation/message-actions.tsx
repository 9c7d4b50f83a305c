/** Under a message: its other versions, copy, quote, edit, another answer, what one thinks of it, delete. */
import type { UIMessage } from "ai";
import { Check, ChevronLeft, ChevronRight, Copy, Pencil, RefreshCw, TextQuote, Trash2 } from "lucide-react";
import { useState } from "react";
import { RateAnswer } from "../feedback/rate-answer.tsx";
import { t } from "../strings/index.ts";
import { copyText } from "../ui/clipboard.ts";
import { Confirm } from "../ui/confirm.tsx";
import { toasts } from "../ui/toasts.tsx";
import { Action } from "./action.tsx";
import { keptOf } from "./chats.ts";
import { labelOfModel } from "./models.ts";
import { AnswerWith } from "./regenerate.tsx";

const copiedMs = 2_000;

interface MessageActionsProps {
  conversationId: string;
  message: UIMessage;
  text: string;
  isLocked: boolean;
  /** Shown also while the pointer is elsewhere. */
  isShown: boolean;
  onQuote: (text: string) => void;
  onEdit: (() => void) | undefined;
  /** With the name of a model: by that one. */
  onRegenerate: ((model?: string) => void) | undefined;
  onShow: (messageId: string) => void;
  onDelete: (messageId: string) => void;
}

export function MessageActions({
  conversationId,
  message,
  text,
  isLocked,
  isShown,
  onQuote,
  onEdit,
  onRegenerate,
  onShow,
  onDelete,
}: MessageActionsProps) {
  const [isAsking, setIsAsking] = useState(false);
  const siblings = keptOf(message)?.siblings ?? [];
  const hasSiblings = siblings.length > 1;
  const index = siblings.indexOf(message.id);
  const show = (step: number) => {
    const target = siblings[index + step];
    if (target) onShow(target);
  };
  return (
    <div
      className={`flex flex-wrap items-center text-quiet print:hidden ${message.role === "user" ? "flex-row-reverse" : "-ms-1.5 pointer-coarse:-ms-3.5"} ${isShown || hasSiblings ? "" : "pointer-fine:z-10 pointer-fine:-mb-7"}`}
    >
      {hasSiblings && (
        <span className="flex items-center">
          <Action label={t.chat.previous} isDisabled={index <= 0 || isLocked} onClick={() => show(-1)}>
            <ChevronLeft size={16} />
          </Action>
          <span className="text-xs tabular-nums">
            <span aria-hidden="true">
              {index + 1}/{siblings.length}
            </span>
            <span className="sr-only">{t.chat.ofSiblings(index + 1, siblings.length)}</span>
          </span>
          <Action label={t.chat.next} isDisabled={index >= siblings.length - 1 || isLocked} onClick={() => show(1)}>
            <ChevronRight size={16} />
          </Action>
        </span>
      )}
      <ModelName name={keptOf(message)?.model} />
      <div
        className={`flex flex-wrap items-center rounded-md bg-page ${isShown ? "" : "pointer-fine:opacity-0 pointer-fine:transition-opacity pointer-fine:focus-within:opacity-100 pointer-fine:group-hover/message:opacity-100"}`}
      >
        {text && <CopyButton text={text} />}
        {text && (
          <Action label={t.chat.quote} onClick={() => onQuote(selectedIn(message.id) ?? text)}>
            <TextQuote size={15} />
          </Action>
        )}
        {message.role === "assistant" && keptOf(message)?.role === "assistant" && (
          <RateAnswer place={{ conversationId, messageId: message.id }} isDisabled={isLocked} />
        )}
        {onEdit && keptOf(message) && (
          <Action label={t.chat.edit} isDisabled={isLocked} onClick={onEdit}>
            <Pencil size={15} />
          </Action>
        )}
        {onRegenerate && keptOf(message) && (
          <Action label={t.chat.regenerate} isDisabled={isLocked} onClick={() => onRegenerate()}>
            <RefreshCw size={15} />
          </Action>
        )}
        {onRegenerate && keptOf(message) && (
          <AnswerWith current={keptOf(message)?.model} isDisabled={isLocked} onPick={onRegenerate} />
        )}
        {keptOf(message) && (
          <Action label={t.chat.delete} isDisabled={isLocked} onClick={() => setIsAsking(true)}>
            <Trash2 size={15} />
          </Action>
        )}
      </div>
      <Confirm
        open={isAsking}
        onOpenChange={setIsAsking}
        title={t.chat.deleteTitle}
        text={t.chat.deleteText}
        action={t.list.delete}
        onConfirm={() => onDelete(message.id)}
      />
    </div>
  );
}

/** What of a message is selected. */
function selectedIn(messageId: string): string | undefined {
  const selection = getSelection();
  const element = document.querySelector(`[data-message="${CSS.escape(messageId)}"]`);
  const isInside = [selection?.anchorNode, selection?.focusNode].every((node) => node && element?.contains(node));
  return (isInside && selection?.toString().trim()) || undefined;
}

/** Which one wrote it. */
function ModelName({ name }: { name: string | null | undefined }) {
  if (!name) return null;
  return (
    <span className="ms-1.5 me-1 min-w-0 truncate text-xs pointer-coarse:ms-3.5">
      <span className="sr-only">{t.models.by} </span>
      {labelOfModel(name)}
    </span>
  );
}

function CopyButton({ text }: { text: string }) {
  const [isCopied, setIsCopied] = useState(false);
  const copy = async () => {
    try {
      await copyText(text);
      setIsCopied(true);
      setTimeout(() => setIsCopied(false), copiedMs);
    } catch {
      toasts.add({ title: t.chat.notCopied });
    }
  };
  return (
    <Action label={isCopied ? t.chat.copied : t.chat.copy} onClick={() => void copy()}>
      {isCopied ? <Check size={15} /> : <Copy size={15} />}
    </Action>
  );
}
