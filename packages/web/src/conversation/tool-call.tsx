/** What a tool was asked and answered, folded. */
import { type DynamicToolUIPart, getToolName, type ToolUIPart } from "ai";
import { Check, LoaderCircle, TriangleAlert, Wrench } from "lucide-react";

const names: Record<string, string> = {
  addTask: "Add a task",
  listTasks: "Look at the tasks",
  completeTask: "Complete a task",
  renameTask: "Rename a task",
  deleteTask: "Delete a task",
};

export function ToolCall({ part }: { part: ToolUIPart | DynamicToolUIPart }) {
  const name = getToolName(part);
  const result = part.state === "output-error" ? part.errorText : part.output;
  return (
    <details className="rounded-xl border border-line text-sm">
      <summary className="flex cursor-pointer items-center gap-2 px-3 py-2 text-quiet">
        <Wrench size={14} aria-hidden="true" />
        <span>{names[name] ?? name}</span>
        <State state={part.state} />
      </summary>
      <div className="grid gap-2 border-line border-t p-3">
        <Json label="Asked" value={part.input} />
        {result !== undefined && <Json label="Answered" value={result} />}
      </div>
    </details>
  );
}

function State({ state }: { state: ToolUIPart["state"] }) {
  if (state === "output-available") return <Check size={14} role="img" aria-label="done" className="text-brand" />;
  if (state === "output-error")
    return <TriangleAlert size={14} role="img" aria-label="failed" className="text-danger" />;
  return <LoaderCircle size={14} role="img" aria-label="working" className="animate-spin" />;
}

function Json({ label, value }: { label: string; value: unknown }) {
  return (
    <div>
      <p className="text-quiet text-xs">{label}</p>
      <pre className="mt-1 overflow-x-auto rounded-lg bg-side p-2 text-xs">{JSON.stringify(value, null, 2)}</pre>
    </div>
  );
}
