/** The tasks of the user, beside the chat; they change while the assistant works on them. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Page } from "chatkeep/client";
import { Plus, Trash2, X } from "lucide-react";
import { useState } from "react";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { toasts } from "../ui/toasts.tsx";
import { type Task, tasks, tasksKey, useTasks } from "./tasks.ts";

const maxTitle = 200;

export function TasksPanel({ onClose }: { onClose: () => void }) {
  const list = useTasks();
  const { complete, remove, create } = useChanges();
  const [title, setTitle] = useState("");
  const items = list.data?.items ?? [];
  return (
    <>
      <div className="flex items-center justify-between p-3">
        <h2 className="px-1 font-semibold">{t.tasks.title}</h2>
        <IconButton label={t.tasks.hide} onClick={onClose}>
          <X size={18} />
        </IconButton>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto px-3">
        {list.error && !list.data && (
          <div role="alert" className="grid gap-2 p-2 text-quiet text-sm">
            {sentenceOf(list.error)}
            <Button onClick={() => list.refetch()}>{t.tryAgain}</Button>
          </div>
        )}
        {list.data && items.length === 0 && <p className="p-2 text-quiet text-sm">{t.tasks.empty}</p>}
        <ul aria-live="polite">
          {items.map((task) => (
            <li key={task.id} className="group flex items-start gap-2 rounded-lg px-2 py-1.5 hover:bg-line/50">
              <label className="flex min-w-0 flex-1 items-start gap-2 text-sm">
                <input
                  type="checkbox"
                  checked={task.completed}
                  onChange={({ target }) => complete.mutate({ id: task.id, completed: target.checked })}
                  className="mt-0.5 size-4 shrink-0 accent-brand"
                />
                <span dir="auto" className={task.completed ? "wrap-anywhere text-quiet line-through" : "wrap-anywhere"}>
                  {task.title}
                </span>
              </label>
              <button
                type="button"
                aria-label={t.tasks.delete(task.title)}
                onClick={() => remove.mutate(task.id)}
                className="rounded p-0.5 text-quiet opacity-0 hover:text-danger focus-visible:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100"
              >
                <Trash2 size={15} />
              </button>
            </li>
          ))}
        </ul>
      </div>
      <form
        className="flex gap-2 border-line border-t p-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (title.trim() === "") return;
          const sent = title.trim();
          create.mutate(sent, { onSuccess: () => setTitle((now) => (now.trim() === sent ? "" : now)) });
        }}
      >
        <input
          aria-label={t.tasks.new}
          dir="auto"
          placeholder={t.tasks.new}
          value={title}
          maxLength={maxTitle}
          onChange={(event) => setTitle(event.target.value)}
          className="min-w-0 flex-1 rounded-lg border border-line bg-page px-3 py-1.5 text-sm"
        />
        <IconButton label={t.tasks.add} type="submit" disabled={create.isPending}>
          <Plus size={18} />
        </IconButton>
      </form>
    </>
  );
}

function useChanges() {
  const queries = useQueryClient();
  const onError = (error: Error) => void toasts.add({ title: sentenceOf(error) });
  const onSettled = () => queries.invalidateQueries({ queryKey: tasksKey });
  /** What is safe to show before the server has said yes; if it says no, the list is read again. */
  const show = (edit: (items: Task[]) => Task[]) =>
    queries.setQueryData<Page<Task>>(tasksKey, (page) => page && { ...page, items: edit(page.items) });
  const complete = useMutation({
    mutationFn: ({ id, completed }: { id: string; completed: boolean }) => tasks.complete(id, completed),
    onMutate: ({ id, completed }) =>
      void show((items) => items.map((task) => (task.id === id ? { ...task, completed } : task))),
    onError,
    onSettled,
  });
  const remove = useMutation({
    mutationFn: tasks.delete,
    onMutate: (id) => void show((items) => items.filter((task) => task.id !== id)),
    onError,
    onSettled,
  });
  const create = useMutation({ mutationFn: tasks.create, onError, onSettled });
  return { complete, remove, create };
}
