/** A conversation that has not begun. */
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { TemporarySwitch } from "./temporary.tsx";

interface WelcomeProps {
  onPick: (text: string) => void;
  isTemporary: boolean;
  /** Left out in a conversation that is stored: what it is does not change. */
  onTemporary: ((isTemporary: boolean) => void) | undefined;
}

export function Welcome({ onPick, isTemporary, onTemporary }: WelcomeProps) {
  return (
    <div className="flex min-h-[50vh] flex-col items-center justify-center gap-6 text-center">
      <h1 className="font-semibold text-2xl">{t.chat.welcome}</h1>
      <div className="flex flex-wrap justify-center gap-2">
        {t.chat.suggestions.map((text) => (
          <Button key={text} onClick={() => onPick(text)}>
            {text}
          </Button>
        ))}
      </div>
      {onTemporary && <TemporarySwitch isOn={isTemporary} onChange={onTemporary} />}
    </div>
  );
}
