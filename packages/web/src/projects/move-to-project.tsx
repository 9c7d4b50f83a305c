/** Which project chats are to be in: one that there is, a new one, or none. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Check, Folder, FolderX } from "lucide-react";
import { putInLists } from "../lists.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Sheet } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { forEach } from "../ui/for-each.ts";
import { toasts } from "../ui/toasts.tsx";
import { projects, projectsQuery, useProjects } from "./projects.ts";

interface MoveToProjectProps {
  ids: readonly string[];
  /** Where all of them are now: `null` for none, `undefined` where that differs. */
  current: string | null | undefined;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onMoved?: () => void;
}

/** `name`: of a new one. */
type Target = { id: string | null } | { name: string };

const rowLook =
  "flex w-full items-center gap-2.5 rounded-lg px-3 py-2 text-left text-sm hover:bg-side disabled:opacity-50 pointer-coarse:py-3";

export function MoveToProject({ ids, current, open, onOpenChange, onMoved }: MoveToProjectProps) {
  const all = useProjects();
  const queries = useQueryClient();
  const move = useMutation({
    mutationFn: async (target: Target) => {
      const projectId = "name" in target ? (await projects.create({ name: target.name })).id : target.id;
      return await forEach(ids, async (id) => {
        const moved = await projects.move(id, projectId);
        putInLists(queries, moved);
        queries.setQueryData(["conversation", id], moved);
      });
    },
    onSuccess: ({ done, errors }) => {
      const [error] = errors;
      toasts.add({ title: error ? sentenceOf(error) : t.projects.moved(done.length) });
      onOpenChange(false);
      onMoved?.();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: projectsQuery.queryKey }),
  });
  const change = (isOpen: boolean) => {
    move.reset();
    onOpenChange(isOpen);
  };
  const places = [{ id: null, name: t.projects.none }, ...all];
  return (
    <Sheet open={open} onOpenChange={change} title={t.projects.moveTitle(ids.length)}>
      <ul className="-mx-2 max-h-72 overflow-y-auto">
        {places.map(({ id, name }) => (
          <li key={id}>
            <button
              type="button"
              aria-pressed={id === current}
              disabled={move.isPending}
              onClick={() => move.mutate({ id })}
              className={rowLook}
            >
              {id === null ? (
                <FolderX size={16} aria-hidden="true" className="shrink-0 text-quiet" />
              ) : (
                <Folder size={16} aria-hidden="true" className="shrink-0 text-quiet" />
              )}
              <span dir="auto" className="min-w-0 flex-1 truncate">
                {name}
              </span>
              {id === current && <Check size={16} aria-hidden="true" className="shrink-0 text-brand" />}
            </button>
          </li>
        ))}
      </ul>
      <form
        className="mt-3 grid gap-3 border-line border-t pt-4"
        onSubmit={(event) => {
          event.preventDefault();
          const name = String(new FormData(event.currentTarget).get("name") ?? "").trim();
          if (name) move.mutate({ name });
        }}
      >
        <Field label={t.projects.newName} name="name" dir="auto" maxLength={100} autoComplete="off" />
        {move.error && (
          <p role="alert" className="text-danger text-sm">
            {sentenceOf(move.error)}
          </p>
        )}
        <Button type="submit" className="justify-self-end" disabled={move.isPending}>
          {t.projects.createAndMove}
        </Button>
      </form>
    </Sheet>
  );
}
