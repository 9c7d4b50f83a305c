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

export function ChatInstructions({ stored }: { stored: Conversation | undefined }) {
  const [isOpen, setIsOpen] = useState(false);
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: ({ id, instructions }: { id: string; instructions: string | null }) =>
      client.conversations.update(id, { instructions }),
    onSuccess: (changed) => {
      queries.setQueryData(["conversation", changed.id], changed);
      setIsOpen(false);
    },
  });
  if (!stored) return null;
  const open = () => {
    change.reset();
    setIsOpen(true);
  };
  return (
    <>
      <IconButton label={t.instructions.ofChat} onClick={open}>
        <SlidersHorizontal size={18} className={stored.instructions ? "text-brand" : ""} />
      </IconButton>
      <Sheet open={isOpen} onOpenChange={setIsOpen} title={t.instructions.ofChat}>
        <form
          className="grid gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            const text = String(new FormData(event.currentTarget).get("instructions") ?? "").trim();
            change.mutate({ id: stored.id, instructions: text || null });
          }}
        >
          <TextArea
            label={t.instructions.label}
            hint={t.instructions.ofChatHint}
            name="instructions"
            defaultValue={stored.instructions ?? ""}
          />
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
