/** A button that shows only a picture, and says its name to those who do not see it. */
import type { ComponentProps } from "react";

export function IconButton({ label, className = "", ...props }: ComponentProps<"button"> & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`inline-flex size-9 shrink-0 items-center justify-center rounded-lg text-quiet transition-colors hover:bg-line/60 hover:text-ink disabled:opacity-40 pointer-coarse:size-11 ${className}`}
      {...props}
    />
  );
}
