/** A labelled place to write several lines in. */
import { type ComponentProps, useId } from "react";

export function TextArea({ label, hint, ...props }: ComponentProps<"textarea"> & { label: string; hint: string }) {
  const id = useId();
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium text-sm">
        {label}
      </label>
      <textarea
        id={id}
        dir="auto"
        aria-describedby={`${id}-hint`}
        className="field-sizing-content max-h-80 min-h-24 w-full resize-none rounded-lg border border-line bg-page px-3 py-2"
        {...props}
      />
      <p id={`${id}-hint`} className="text-quiet text-xs">
        {hint}
      </p>
    </div>
  );
}
