/** Where people write. Enter sends, Shift+Enter is a new line; what is not sent yet survives a reload. */
import { ArrowUp, Square } from "lucide-react";
import { type KeyboardEvent, useEffect, useState } from "react";

interface ComposerProps {
  conversationId: string;
  isReplying: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
}

export function Composer({ conversationId, isReplying, onSend, onStop }: ComposerProps) {
  const key = `chatkeep.draft.${conversationId}`;
  const [text, setText] = useState(() => localStorage.getItem(key) ?? "");
  const canSend = text.trim() !== "" && !isReplying;

  useEffect(() => {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  }, [key, text]);

  const send = () => {
    if (!canSend) return;
    localStorage.removeItem(key);
    setText("");
    onSend(text.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes, Enter chooses a character.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
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
          aria-label="Message"
          placeholder="Write a message"
          rows={1}
          // biome-ignore lint/a11y/noAutofocus: writing is what one opens a conversation for
          autoFocus
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          className="field-sizing-content max-h-60 min-h-9 flex-1 resize-none bg-transparent px-2 py-1.5 outline-none placeholder:text-quiet"
        />
        {isReplying ? (
          <RoundButton label="Stop" onClick={onStop}>
            <Square size={16} fill="currentColor" />
          </RoundButton>
        ) : (
          <RoundButton label="Send" type="submit" disabled={!canSend}>
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
