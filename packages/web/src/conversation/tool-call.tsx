/** What a tool was asked and answered, folded. */
import { type DynamicToolUIPart, getToolName, type ToolUIPart } from "ai";
import { Check, LoaderCircle, TriangleAlert, Wrench } from "lucide-react";
import { t } from "../strings/index.ts";

interface ToolCallProps {
  part: ToolUIPart | DynamicToolUIPart;
  /** The message is at its end: what has not been answered by now never will be. */
  isOver: boolean;
}

export function ToolCall({ part, isOver }: ToolCallProps) {
  const name = getToolName(part);
  const result = part.state === "output-error" ? part.errorText : part.output;
  return (
    <details className="rounded-xl border border-line text-sm">
      <summary className="flex cursor-pointer items-center gap-2 px-3 py-2 text-quiet">
        <Wrench size={14} aria-hidden="true" />
        <span>{t.tools[name] ?? name}</span>
        <State state={part.state} isOver={isOver} />
      </summary>
      <div className="grid gap-2 border-line border-t p-3">
        <Json label={t.tools["asked"] ?? ""} value={part.input} />
        {result !== undefined && <Json label={t.tools["answered"] ?? ""} value={result} />}
      </div>
    </details>
  );
}

function State({ state, isOver }: { state: ToolUIPart["state"]; isOver: boolean }) {
  if (state === "output-available")
    return <Check size={14} role="img" aria-label={t.tools["done"]} className="text-brand" />;
  if (state === "output-error" || isOver)
    return <TriangleAlert size={14} role="img" aria-label={t.tools["failed"]} className="text-danger" />;
  return <LoaderCircle size={14} role="img" aria-label={t.tools["working"]} className="animate-spin" />;
}

function Json({ label, value }: { label: string; value: unknown }) {
  return (
    <div>
      <p className="text-quiet text-xs">{label}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre dir="ltr" tabIndex={0} className="mt-1 overflow-x-auto rounded-lg bg-side p-2 text-xs">
        {JSON.stringify(value, null, 2)}
      </pre>
    </div>
  );
}
