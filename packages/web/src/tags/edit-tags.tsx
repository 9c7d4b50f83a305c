/** The tags of a chat: taken away one by one, and added, also those that other chats have. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Conversation } from "chatkeep/client";
import { X } from "lucide-react";
import { useId, useState } from "react";
import { putInLists } from "../lists.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { clearSent } from "../ui/clear-sent.ts";
import { Sheet } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { saveTags, tagsOf, tagsQuery, useTags } from "./tags.ts";

interface EditTagsProps {
  conversation: Conversation;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function EditTags({ conversation, open, onOpenChange }: EditTagsProps) {
  const queries = useQueryClient();
  const all = useTags();
  const suggestions = useId();
  /** Until the server has answered. */
  const [wanted, setWanted] = useState<readonly string[]>();
  const tags = wanted ?? tagsOf(conversation);
  const save = useMutation({
    // One after another, each with all that is wanted by then.
    scope: { id: `tags ${conversation.id}` },
    mutationFn: (next: readonly string[]) => saveTags(conversation.id, next),
    onSuccess: (changed) => {
      putInLists(queries, changed);
      queries.setQueryData(["conversation", changed.id], changed);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: tagsQuery.queryKey }),
  });
  const change = (next: readonly string[], onSuccess = () => {}) => {
    setWanted(next);
    save.mutate(next, { onSuccess, onSettled: () => setWanted(undefined) });
  };
  return (
    <Sheet open={open} onOpenChange={onOpenChange} title={t.tags.ofChat}>
      {tags.length === 0 && <p className="text-quiet text-sm">{t.tags.none}</p>}
      <ul className="flex flex-wrap gap-2">
        {tags.map((tag) => (
          <li key={tag} className="inline-flex items-center gap-1 rounded-full bg-chosen py-0.5 ps-3 pe-1 text-sm">
            <span dir="auto" className="wrap-anywhere">
              {tag}
            </span>
            <button
              type="button"
              aria-label={t.tags.remove(tag)}
              onClick={() => change(tags.filter((each) => each !== tag))}
              className="rounded-full p-1 hover:bg-line pointer-coarse:p-2.5"
            >
              <X size={14} aria-hidden="true" />
            </button>
          </li>
        ))}
      </ul>
      <form
        className="mt-4 grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const tag = String(new FormData(form).get("tag") ?? "").trim();
          if (tag) change([...new Set([...tags, tag])], () => clearSent(form, "tag", tag));
        }}
      >
        <Field label={t.tags.new} name="tag" dir="auto" maxLength={50} list={suggestions} autoComplete="off" />
        <datalist id={suggestions}>
          {all.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        {save.error && (
          <p role="alert" className="text-danger text-sm">
            {sentenceOf(save.error)}
          </p>
        )}
        <Button type="submit" className="justify-self-end">
          {t.tags.add}
        </Button>
      </form>
    </Sheet>
  );
}
