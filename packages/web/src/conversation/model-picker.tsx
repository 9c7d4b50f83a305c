/** Which model answers in a chat: chosen in its header, also before it begins. */
import { Menu } from "@base-ui/react/menu";
import { useQueryClient } from "@tanstack/react-query";
import type { Conversation } from "chatkeep/client";
import { Check, ChevronDown } from "lucide-react";
import { useEffect, useState } from "react";
import { client } from "../client.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { MenuPopup } from "../ui/menu.tsx";
import { toasts } from "../ui/toasts.tsx";
import {
  labelOfModel,
  lastModel,
  type OfferedModel,
  rememberModel,
  useModels,
  wantedModel,
  wantModel,
} from "./models.ts";

export interface ModelChoice {
  models: readonly OfferedModel[];
  /** What answers here; `undefined` until it is known. */
  current: string | undefined;
  isOffered: boolean;
  takesFiles: boolean;
  choose(name: string): Promise<void>;
}

/** `stored`: the chat as the server has it, if it has it; `preset`: what one that begins here is answered by. */
export function useModelChoice(
  personId: string,
  id: string,
  stored: Conversation | undefined,
  preset?: string | null,
): ModelChoice {
  const models = useModels();
  const queries = useQueryClient();
  const [wanted, setWanted] = useState(() => wantedModel(id) ?? preset ?? lastModel(personId));
  const usual = models.find(({ isUsual }) => isUsual)?.name;
  const isOffered = (name: string | null | undefined) => models.some((model) => model.name === name);
  const current = stored ? (stored.model ?? usual) : isOffered(wanted) ? wanted : usual;
  useEffect(() => {
    // From then on the chat itself says it.
    if (stored) wantModel(id, undefined);
    // Until it is known what is offered, what was chosen stands.
    else wantModel(id, usual === undefined ? wanted : current === usual ? undefined : current);
  }, [id, stored, current, usual, wanted]);
  const choose = async (name: string) => {
    rememberModel(personId, name);
    setWanted(name);
    if (!stored) return;
    try {
      const changed = await client.conversations.update(id, { model: name === usual ? null : name });
      queries.setQueryData(["conversation", id], changed);
    } catch (error) {
      toasts.add({ title: sentenceOf(error as Error) });
    }
  };
  const takesFiles = models.find(({ name }) => name === current)?.takesFiles ?? true;
  return { models, current, isOffered: models.length === 0 || isOffered(current), takesFiles, choose };
}

export function ModelPicker({ models, current, isOffered, choose }: ModelChoice) {
  if (current === undefined) return null;
  const label = labelOfModel(current);
  if (models.length < 2 && isOffered) return <p className="truncate px-2 text-quiet text-sm max-sm:hidden">{label}</p>;
  return (
    <Menu.Root>
      <Menu.Trigger
        aria-label={t.models.choose(label)}
        className="inline-flex h-9 min-w-0 items-center gap-1 rounded-lg px-2 font-medium text-sm hover:bg-side data-popup-open:bg-side"
      >
        <span className={`truncate ${isOffered ? "" : "text-quiet line-through"}`}>{label}</span>
        <ChevronDown size={16} aria-hidden="true" className="shrink-0 text-quiet" />
      </Menu.Trigger>
      <ModelMenu models={models} current={current} onPick={(name) => void choose(name)} label={t.models.label} />
    </Menu.Root>
  );
}

interface ModelMenuProps {
  models: readonly OfferedModel[];
  current: string | undefined;
  label: string;
  onPick: (name: string) => void;
}

export function ModelMenu({ models, current, label, onPick }: ModelMenuProps) {
  return (
    <MenuPopup
      sideOffset={4}
      align="start"
      className="max-h-[min(24rem,var(--available-height))] min-w-56 max-w-[calc(100vw-2rem)] overflow-y-auto"
    >
      <Menu.RadioGroup value={current ?? ""} onValueChange={onPick} aria-label={label}>
        {models.map(({ name, isUsual, takesFiles, takesTools }) => (
          <Menu.RadioItem
            key={name}
            value={name}
            closeOnClick
            className="grid cursor-default grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 rounded-lg px-3 py-2 text-sm outline-none data-highlighted:bg-side"
          >
            <span className="font-medium wrap-anywhere">{labelOfModel(name)}</span>
            <Menu.RadioItemIndicator className="col-start-2 row-span-2 text-brand">
              <Check size={16} aria-hidden="true" />
            </Menu.RadioItemIndicator>
            <span className="col-start-1 text-quiet text-xs">{about({ isUsual, takesFiles, takesTools })}</span>
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
    </MenuPopup>
  );
}

function about({ isUsual, takesFiles, takesTools }: Omit<OfferedModel, "name">): string {
  const { usual, files, tools, words } = t.models;
  const said = [isUsual && usual, takesFiles && files, takesTools && tools].filter(Boolean);
  return said.length > 0 ? said.join(" · ") : words;
}

/** In a chat whose model has left the list. */
export function GoneModel({ models, current, isOffered, choose }: ModelChoice) {
  const usual = models.find(({ isUsual }) => isUsual)?.name;
  if (isOffered || current === undefined || usual === undefined) return null;
  return (
    <div role="note" className="mx-auto flex max-w-chat flex-wrap items-center gap-x-3 gap-y-2 px-5 pb-3 text-sm">
      <p className="min-w-0 flex-1 basis-60 text-quiet wrap-anywhere">{t.models.gone(labelOfModel(current))}</p>
      <Button onClick={() => void choose(usual)}>{t.models.goOnWith(labelOfModel(usual))}</Button>
    </div>
  );
}
