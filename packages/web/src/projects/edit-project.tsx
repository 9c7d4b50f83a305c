/** What a project is called and tells its chats: of a new one, or changed; and its end. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { labelOfModel, useModels } from "../conversation/models.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Sheet } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { TextArea } from "../ui/text-area.tsx";
import { toasts } from "../ui/toasts.tsx";
import { type Project, type ProjectChange, projects, projectsQuery } from "./projects.ts";

interface EditProjectProps {
  /** Left out for a new one. */
  project?: Project;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onSaved?: (project: Project) => void;
}

export function EditProject({ project, open, onOpenChange, onSaved }: EditProjectProps) {
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: (change: ProjectChange) => (project ? projects.change(project.id, change) : projects.create(change)),
    onSuccess: async (saved) => {
      await queries.invalidateQueries({ queryKey: projectsQuery.queryKey });
      onOpenChange(false);
      onSaved?.(saved);
    },
  });
  const change = (isOpen: boolean) => {
    save.reset();
    onOpenChange(isOpen);
  };
  return (
    <Sheet open={open} onOpenChange={change} title={project ? t.projects.edit : t.projects.create}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const text = (name: string) => String(form.get(name) ?? "").trim();
          save.mutate({ name: text("name"), instructions: text("instructions") || null, model: text("model") || null });
        }}
      >
        <Field label={t.projects.name} name="name" dir="auto" required maxLength={100} defaultValue={project?.name} />
        <TextArea
          label={t.instructions.label}
          hint={t.projects.instructionsHint}
          name="instructions"
          defaultValue={project?.instructions ?? ""}
        />
        <ModelOfProject model={project?.model ?? null} />
        {save.error && (
          <p role="alert" className="text-danger text-sm">
            {sentenceOf(save.error)}
          </p>
        )}
        <div className="flex items-center justify-between gap-2">
          {project ? <DeleteProject project={project} /> : <span />}
          <Button type="submit" look="main" disabled={save.isPending}>
            {project ? t.save : t.projects.create}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}

function ModelOfProject({ model }: { model: string | null }) {
  const models = useModels();
  const isOffered = model === null || models.some(({ name }) => name === model);
  if (models.length < 2 && isOffered) return <input type="hidden" name="model" value={model ?? ""} />;
  return (
    <label className="grid gap-1.5 font-medium text-sm">
      {t.projects.model}
      <select
        name="model"
        defaultValue={model ?? ""}
        className="rounded-lg border border-line bg-page px-3 py-2 font-normal"
      >
        <option value="">{t.models.usual}</option>
        {!isOffered && <option value={model}>{labelOfModel(model)}</option>}
        {models.map(({ name }) => (
          <option key={name} value={name}>
            {labelOfModel(name)}
          </option>
        ))}
      </select>
    </label>
  );
}

function DeleteProject({ project }: { project: Project }) {
  const [isAsking, setIsAsking] = useState(false);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => projects.delete(project.id),
    onError: (error) => void toasts.add({ title: sentenceOf(error) }),
    onSuccess: async () => {
      await navigate({ to: "/" });
      await queries.invalidateQueries({ queryKey: projectsQuery.queryKey });
    },
  });
  return (
    <>
      <Button onClick={() => setIsAsking(true)} disabled={remove.isPending}>
        {t.list.delete}
      </Button>
      <Confirm
        open={isAsking}
        onOpenChange={setIsAsking}
        title={t.projects.deleteTitle(project.name)}
        text={t.projects.deleteText}
        action={t.projects.delete}
        onConfirm={() => remove.mutate()}
      />
    </>
  );
}
