/** Where people write. Enter sends, Shift+Enter is a new line; on a touch screen Enter is one. */

import type { FileUIPart } from "ai";
import { ArrowUp, Square } from "lucide-react";
import { type KeyboardEvent, type Ref, useEffect, useImperativeHandle, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { t } from "../strings/index.ts";
import { isComposing } from "../ui/keys.ts";
import { AttachmentList } from "./attachment-list.tsx";
import type { Attachments } from "./attachments.ts";
import { ChooseFiles } from "./choose-files.tsx";

const touch = matchMedia("(pointer: coarse)");

/** What others do with it. */
export interface ComposerHandle {
  /** Puts a passage below what is written, as Markdown's quotation. */
  quote(text: string): void;
}

interface ComposerProps {
  ref?: Ref<ComposerHandle>;
  /** Under which name the browser keeps the draft. */
  draftName: string;
  /** The draft to begin with. */
  draft: string;
  /** A question that did not arrive: it is written again. */
  unsent: string | undefined;
  isReplying: boolean;
  attachments: Attachments;
  /** Whether the model that is to answer takes files that are not words. */
  takesFiles: boolean;
  onDraft: (text: string) => void;
  onSend: (text: string, files: FileUIPart[]) => void;
  onStop: () => void;
}

export function Composer(props: ComposerProps) {
  const { draftName, draft, unsent, isReplying, attachments, takesFiles, onDraft, onSend, onStop } = props;
  const [text, setText] = useState(draft);
  const box = useRef<HTMLTextAreaElement>(null);
  const restored = useRef<string>(undefined);
  useEffect(() => {
    const before = restored.current;
    restored.current = unsent;
    if (unsent) setText((text) => text || unsent);
    else if (before) setText((text) => (text === before ? "" : text));
  }, [unsent]);
  useEffect(() => {
    // Another tab has sent what stands here too.
    const onStorage = ({ key, oldValue, newValue }: StorageEvent) => {
      if (key === draftName && !newValue) setText((text) => (text === oldValue ? "" : text));
    };
    addEventListener("storage", onStorage);
    return () => removeEventListener("storage", onStorage);
  }, [draftName]);
  useImperativeHandle(props.ref, () => ({
    quote: (passage) => {
      const lines = passage.split("\n").map((line) => `> ${line}`.trimEnd());
      const quoted = `${text.trim() ? `${text.trimEnd()}\n\n` : ""}${lines.join("\n")}\n\n`;
      // The end of it is there only when it is drawn, and what is typed next belongs there.
      flushSync(() => setText(quoted));
      onDraft(quoted);
      box.current?.focus();
      box.current?.setSelectionRange(quoted.length, quoted.length);
      box.current?.scrollTo({ top: box.current.scrollHeight });
    },
  }));
  const { items, isSending, hasFailed } = attachments;
  const canSend = (text.trim() !== "" || items.length > 0) && !isReplying && !hasFailed;
  const [isWaiting, setIsWaiting] = useState(false);

  const send = () => {
    if (!canSend) return;
    setIsWaiting(isSending);
    if (isSending) return;
    setText("");
    onSend(
      text.trim(),
      items.flatMap(({ part }) => part ?? []),
    );
  };
  const latestSend = useRef(send);
  latestSend.current = send;
  useEffect(() => {
    // Sent when the last of its files has arrived.
    if (isWaiting && !isSending) {
      setIsWaiting(false);
      latestSend.current();
    }
  }, [isWaiting, isSending]);
  const remove = (key: string) => {
    // Taking a file out is no word to send the rest.
    setIsWaiting(false);
    attachments.remove(key);
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes, Enter chooses a character; on a touch screen it makes a line, which nothing else does there.
    const isLine = event.shiftKey || (touch.matches && !event.ctrlKey && !event.metaKey);
    if (event.key !== "Enter" || isLine || isComposing(event)) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      className="mx-auto w-full max-w-chat px-4 pb-4"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="rounded-3xl border border-line bg-raised p-2 shadow-composer transition-[border-color,box-shadow] has-[textarea:focus-visible]:border-quiet/50">
        <AttachmentList {...attachments} takesFiles={takesFiles} remove={remove} />
        <p role="status" className={isWaiting ? "px-2 pb-1 text-quiet text-xs" : "sr-only"}>
          {isWaiting
            ? t.files.waiting
            : items.length > 0 && !isSending && !hasFailed
              ? t.files.ready(items.length)
              : ""}
        </p>
        <textarea
          ref={box}
          id="message"
          dir="auto"
          aria-label={t.chat.message}
          placeholder={t.chat.placeholder}
          rows={1}
          // biome-ignore lint/a11y/noAutofocus: writing is what one opens a conversation for
          autoFocus
          value={text}
          onChange={(event) => {
            setIsWaiting(false);
            setText(event.target.value);
            onDraft(event.target.value);
          }}
          onKeyDown={onKeyDown}
          className="field-sizing-content block max-h-60 min-h-9 w-full resize-none bg-transparent px-2.5 py-1.5 leading-6 outline-none placeholder:text-quiet"
        />
        <div className="flex items-center gap-0.5 pt-1">
          <ChooseFiles onFiles={attachments.add} />
          <span className="ms-auto" />
          <SendOrStop
            isReplying={isReplying}
            canSend={canSend}
            onStop={() => {
              box.current?.focus();
              onStop();
            }}
          />
        </div>
      </div>
    </form>
  );
}

interface SendOrStopProps {
  isReplying: boolean;
  canSend: boolean;
  onStop: () => void;
}

function SendOrStop({ isReplying, canSend, onStop }: SendOrStopProps) {
  return isReplying ? (
    <RoundButton label={t.chat.stop} onClick={onStop}>
      <Square size={16} fill="currentColor" />
    </RoundButton>
  ) : (
    <RoundButton label={t.chat.send} type="submit" disabled={!canSend}>
      <ArrowUp size={20} />
    </RoundButton>
  );
}

interface RoundButtonProps {
  label: string;
  type?: "button" | "submit";
  disabled?: boolean;
  onClick?: () => void;
  children: React.ReactNode;
}

function RoundButton({ label, type = "button", ...props }: RoundButtonProps) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className="inline-flex size-9 shrink-0 items-center justify-center rounded-full bg-brand text-on-brand transition-opacity disabled:opacity-40 pointer-coarse:size-11"
      {...props}
    />
  );
}
