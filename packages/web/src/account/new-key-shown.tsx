/** A key that was just made: this once. */
import { Check, Copy } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { copyText } from "../ui/clipboard.ts";
import { toasts } from "../ui/toasts.tsx";

interface NewKeyShownProps {
  apiKey: { name: string; key: string };
  onDone: () => void;
}

export function NewKeyShown({ apiKey: { name, key }, onDone }: NewKeyShownProps) {
  const [isCopied, setIsCopied] = useState(false);
  const id = useId();
  const line = useRef<HTMLInputElement>(null);
  // Screen readers say what has the focus: its label, the key, and that it is not shown again.
  useEffect(() => {
    line.current?.focus();
  }, []);
  const copy = () =>
    copyText(key).then(
      () => setIsCopied(true),
      () => void toasts.add({ title: t.chat.notCopied }),
    );
  return (
    <div className="grid gap-3 rounded-xl border border-brand bg-side p-4">
      <label htmlFor={id} className="font-medium text-sm wrap-anywhere">
        {t.keys.new}: <span dir="auto">{name}</span>
      </label>
      <div className="flex flex-wrap gap-2">
        <input
          ref={line}
          id={id}
          readOnly
          value={key}
          aria-describedby={`${id}-once`}
          spellCheck={false}
          // Backward: its beginning stays in view.
          onFocus={({ target }) => target.setSelectionRange(0, target.value.length, "backward")}
          className="min-w-40 flex-1 rounded-lg border border-line bg-page px-3 py-2 font-mono text-sm"
        />
        <Button onClick={copy}>
          {isCopied ? <Check size={16} aria-hidden="true" /> : <Copy size={16} aria-hidden="true" />}
          <span aria-live="polite">{isCopied ? t.chat.copied : t.chat.copy}</span>
        </Button>
      </div>
      <p id={`${id}-once`} className="text-sm">
        {t.keys.once}
      </p>
      <Button className="justify-self-start" onClick={onDone}>
        {t.keys.hide}
      </Button>
    </div>
  );
}
