/** A conversation that has not begun: a greeting above the box, and below it what one could ask. */
import { t } from "../strings/index.ts";
import { NoModelYet } from "./no-model-yet.tsx";
import { TemporarySwitch } from "./temporary.tsx";

export function Greeting() {
  return (
    <div className="px-4 pb-6 text-center">
      <img src="/favicon.svg" alt="" className="mx-auto mb-4 size-10" />
      <h1 className="text-balance font-semibold text-2xl tracking-tight">{t.chat.welcome}</h1>
    </div>
  );
}

interface SuggestionsProps {
  texts: readonly string[];
  /** Their place is kept where it is not known yet which they are. */
  isKnown: boolean;
  onPick: (text: string) => void;
  isTemporary: boolean;
  /** Left out in a conversation that is stored: what it is does not change. */
  onTemporary: ((isTemporary: boolean) => void) | undefined;
}

export function Suggestions({ texts, isKnown, onPick, isTemporary, onTemporary }: SuggestionsProps) {
  return (
    <div className="mx-auto grid w-full max-w-chat justify-items-center gap-6 px-4 text-center">
      <NoModelYet />
      <ul className={`flex flex-wrap justify-center gap-2 ${isKnown ? "" : "invisible"}`}>
        {texts.map((text) => (
          <li key={text}>
            <button
              type="button"
              onClick={() => onPick(text)}
              className="rounded-full border border-line bg-raised px-4 py-2 text-sm transition-colors hover:border-brand/40 hover:bg-tint pointer-coarse:min-h-11"
            >
              {text}
            </button>
          </li>
        ))}
      </ul>
      {onTemporary && <TemporarySwitch isOn={isTemporary} onChange={onTemporary} />}
    </div>
  );
}
