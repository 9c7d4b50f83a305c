/** Another answer to the same question: by the model of the chat, or by another one. */
import { Menu } from "@base-ui/react/menu";
import { ChevronDown } from "lucide-react";
import { t } from "../strings/index.ts";
import { ModelMenu } from "./model-picker.tsx";
import { useModels } from "./models.ts";

interface AnswerWithProps {
  /** The one that wrote the answer, if that is known. */
  current: string | null | undefined;
  isDisabled: boolean;
  onPick: (model: string) => void;
}

export function AnswerWith({ current, isDisabled, onPick }: AnswerWithProps) {
  const models = useModels();
  if (models.length < 2) return null;
  return (
    <Menu.Root>
      <Menu.Trigger
        aria-label={t.models.answerWith}
        title={t.models.answerWith}
        disabled={isDisabled}
        className="inline-flex size-7 items-center justify-center rounded-md hover:bg-line/60 hover:text-ink disabled:opacity-40 data-popup-open:bg-line/60"
      >
        <ChevronDown size={15} />
      </Menu.Trigger>
      <ModelMenu models={models} current={current ?? undefined} onPick={onPick} label={t.models.answerWith} />
    </Menu.Root>
  );
}
