/** Where people write. Enter sends, Shift+Enter is a new line. */
import { ArrowUp, Square } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { t } from "../strings/index.ts";
import { isComposing } from "../ui/keys.ts";

interface ComposerProps {
  /** Under which name the browser keeps the draft. */
  draftName: string;
  /** The draft to begin with. */
  draft: string;
  /** A question that did not arrive: it is written again. */
  unsent: string | undefined;
  isReplying: boolean;
  onDraft: (text: string) => void;
  onSend: (text: string) => void;
  onStop: () => void;
}

export function Composer({ draftName, draft, unsent, isReplying, onDraft, onSend, onStop }: ComposerProps) {
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
  const canSend = text.trim() !== "" && !isReplying;

  const send = () => {
    if (!canSend) return;
    setText("");
    onSend(text.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes, Enter chooses a character.
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      className="mx-auto w-full max-w-3xl px-4 pb-4"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="flex items-end gap-2 rounded-2xl border border-line bg-raised p-2 shadow-sm focus-within:border-brand">
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
            setText(event.target.value);
            onDraft(event.target.value);
          }}
          onKeyDown={onKeyDown}
          className="field-sizing-content max-h-60 min-h-9 flex-1 resize-none bg-transparent px-2 py-1.5 outline-none placeholder:text-quiet"
        />
        {isReplying ? (
          <RoundButton
            label={t.chat.stop}
            onClick={() => {
              box.current?.focus();
              onStop();
            }}
          >
            <Square size={16} fill="currentColor" />
          </RoundButton>
        ) : (
          <RoundButton label={t.chat.send} type="submit" disabled={!canSend}>
            <ArrowUp size={20} />
          </RoundButton>
        )}
      </div>
    </form>
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
      className="inline-flex size-9 shrink-0 items-center justify-center rounded-full bg-brand text-on-brand disabled:opacity-40"
      {...props}
    />
  );
}
