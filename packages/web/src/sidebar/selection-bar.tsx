/** What one can do with all chats that were chosen. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { Archive, ArchiveRestore, FolderInput, Trash2, X } from "lucide-react";
import { useState } from "react";
import { client } from "../client.ts";
import { putInLists } from "../lists.ts";
import { MoveToProject } from "../projects/move-to-project.tsx";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { forEach } from "../ui/for-each.ts";
import { IconButton } from "../ui/icon-button.tsx";
import { toasts } from "../ui/toasts.tsx";
import { deleteConversation, useRestore } from "./deletions.ts";
import type { Selection } from "./selection.ts";

interface SelectionBarProps {
  selection: Selection;
  isArchive: boolean;
}

export function SelectionBar({ selection, isArchive }: SelectionBarProps) {
  const [isMoving, setIsMoving] = useState(false);
  const ids = [...(selection.ids ?? [])];
  const { archive, remove } = useChangesOfAll(selection.end);
  const isBusy = archive.isPending || remove.isPending;
  const isDisabled = ids.length === 0 || isBusy;
  return (
    <div role="toolbar" aria-label={t.select.label} className="mx-2 mb-1 flex items-center gap-0.5 px-1">
      <p role="status" className="min-w-0 flex-1 truncate ps-2 text-quiet text-sm">
        {t.select.chosen(ids.length)}
      </p>
      <IconButton label={t.projects.move} disabled={isDisabled} onClick={() => setIsMoving(true)}>
        <FolderInput size={17} />
      </IconButton>
      <IconButton
        label={isArchive ? t.list.fromArchive : t.list.toArchive}
        disabled={isDisabled}
        onClick={() => archive.mutate({ ids, archived: !isArchive })}
      >
        {isArchive ? <ArchiveRestore size={17} /> : <Archive size={17} />}
      </IconButton>
      <IconButton label={t.list.delete} disabled={isDisabled} onClick={() => remove.mutate(ids)}>
        <Trash2 size={17} className="text-danger" />
      </IconButton>
      <IconButton label={t.select.end} disabled={isBusy} onClick={selection.end}>
        <X size={17} />
      </IconButton>
      <MoveToProject ids={ids} current={undefined} open={isMoving} onOpenChange={setIsMoving} onMoved={selection.end} />
    </div>
  );
}

function useChangesOfAll(onDone: () => void) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { conversationId } = useParams({ strict: false });
  const restore = useRestore();
  const tell = (errors: readonly Error[], title: string, onUndo: (() => void) | undefined) => {
    const [error] = errors;
    if (error) toasts.add({ title: sentenceOf(error) });
    if (onUndo) toasts.add({ title, actionProps: { children: t.undo, onClick: onUndo } });
    onDone();
  };
  const archive = useMutation({
    mutationFn: async ({ ids, archived }: { ids: readonly string[]; archived: boolean }) =>
      await forEach(ids, async (id) => {
        const changed = await client.conversations.update(id, { archived });
        putInLists(queries, changed);
        queries.setQueryData(["conversation", id], changed);
      }),
    onSuccess: ({ done, errors }, { archived }) => {
      const isUndoable = archived && done.length > 0;
      const undo = () => archive.mutate({ ids: done, archived: false });
      tell(errors, t.select.archived(done.length), isUndoable ? undo : undefined);
    },
  });
  const remove = useMutation({
    mutationFn: async (ids: readonly string[]) => {
      if (conversationId !== undefined && ids.includes(conversationId)) await navigate({ to: "/" });
      const restorable: string[] = [];
      const { done, errors } = await forEach(ids, async (id) => {
        if (await deleteConversation(queries, id)) restorable.push(id);
      });
      return { done, errors, restorable };
    },
    onSuccess: ({ done, errors, restorable }) => {
      const undo = () => void forEach(restorable, (id) => restore.mutateAsync(id));
      if (restorable.length === 0 && done.length > 0) toasts.add({ title: t.select.deleted(done.length) });
      tell(errors, t.select.deleted(done.length), restorable.length > 0 ? undo : undefined);
    },
  });
  return { archive, remove };
}
