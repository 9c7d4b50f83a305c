/** What a chat tells its model: seen and changed in the chat's header, also before the chat begins. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError, type Conversation } from "chatkeep/client";
import { SlidersHorizontal } from "lucide-react";
import { useState } from "react";
import { client } from "../client.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Sheet } from "../ui/dialog.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { TextArea } from "../ui/text-area.tsx";
import {
  type GenerationSettings,
  knowSettings,
  SettingsFields,
  saveSettings,
  settingsIn,
  settingsOf,
} from "./generation-settings.tsx";
import { wantedModel } from "./models.ts";

interface Told {
  instructions: string | null;
  settings: GenerationSettings;
}

/** Of this tab, by chat: what one that does not exist yet is to tell. */
const wanted = new Map<string, Told>();

/** Before each question. The same again changes nothing. */
export async function makeInstructed(id: string): Promise<void> {
  const told = wanted.get(id);
  if (!told) return;
  // One that is temporary, or in a project, is there by now.
  await client.conversations.create({ id, model: wantedModel(id) ?? null }).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.code === "conflict")) throw error;
  });
  await save(id, told);
  knowSettings(id, told.settings);
  wanted.delete(id);
}

async function save(id: string, { instructions, settings }: Told): Promise<Conversation> {
  await client.conversations.update(id, { instructions });
  return await saveSettings(id, settings);
}

interface ChatInstructionsProps {
  id: string;
  stored: Conversation | undefined;
  /** The server does not know it yet. */
  isUnknown: boolean;
}

export function ChatInstructions({ id, stored, isUnknown }: ChatInstructionsProps) {
  const [isOpen, setIsOpen] = useState(false);
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: async (form: FormData) => {
      const instructions = String(form.get("instructions") ?? "").trim() || null;
      const told = { instructions, settings: settingsIn(form) };
      if (stored) return await save(id, told);
      wanted.set(id, told);
      return undefined;
    },
    onSuccess: (changed) => {
      if (changed) queries.setQueryData(["conversation", id], changed);
      setIsOpen(false);
    },
  });
  if (!stored && !isUnknown) return null;
  const told = stored ? { instructions: stored.instructions, settings: settingsOf(stored) } : wanted.get(id);
  const { instructions = null, settings = {} } = told ?? {};
  const isSet = instructions !== null || Object.keys(settings).length > 0;
  const open = () => {
    change.reset();
    setIsOpen(true);
  };
  return (
    <>
      <IconButton label={t.instructions.ofChat} onClick={open}>
        <SlidersHorizontal size={18} className={isSet ? "text-brand" : ""} />
      </IconButton>
      <Sheet open={isOpen} onOpenChange={setIsOpen} title={t.instructions.ofChat}>
        <form
          className="grid gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            change.mutate(new FormData(event.currentTarget));
          }}
        >
          <TextArea
            label={t.instructions.label}
            hint={t.instructions.ofChatHint}
            name="instructions"
            defaultValue={instructions ?? ""}
          />
          <SettingsFields settings={settings} />
          {change.error && (
            <p role="alert" className="text-danger text-sm">
              {sentenceOf(change.error)}
            </p>
          )}
          <Button type="submit" look="main" className="justify-self-end" disabled={change.isPending}>
            {t.save}
          </Button>
        </form>
      </Sheet>
    </>
  );
}
