/** What a chat tells its model: seen and changed in the chat's header. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Conversation } from "chatkeep/client";
import { SlidersHorizontal } from "lucide-react";
import { useState } from "react";
import { client } from "../client.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Sheet } from "../ui/dialog.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { TextArea } from "../ui/text-area.tsx";
import { SettingsFields, saveSettings, settingsIn, settingsOf } from "./generation-settings.tsx";

export function ChatInstructions({ stored }: { stored: Conversation | undefined }) {
  const [isOpen, setIsOpen] = useState(false);
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: async ({ id, form }: { id: string; form: FormData }) => {
      const instructions = String(form.get("instructions") ?? "").trim() || null;
      await client.conversations.update(id, { instructions });
      return await saveSettings(id, settingsIn(form));
    },
    onSuccess: (changed) => {
      queries.setQueryData(["conversation", changed.id], changed);
      setIsOpen(false);
    },
  });
  if (!stored) return null;
  const isSet = stored.instructions !== null || Object.keys(settingsOf(stored)).length > 0;
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
            change.mutate({ id: stored.id, form: new FormData(event.currentTarget) });
          }}
        >
          <TextArea
            label={t.instructions.label}
            hint={t.instructions.ofChatHint}
            name="instructions"
            defaultValue={stored.instructions ?? ""}
          />
          <SettingsFields settings={settingsOf(stored)} />
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
