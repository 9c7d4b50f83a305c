/** A small button under a message. */
import type { ReactNode } from "react";

interface ActionProps {
  label: string;
  isDisabled?: boolean;
  /** Of one that stays pressed. */
  isPressed?: boolean;
  onClick: () => void;
  children: ReactNode;
}

export function Action({ label, isDisabled = false, isPressed, onClick, children }: ActionProps) {
  return (
    <button
      type="button"
      aria-label={label}
      aria-pressed={isPressed}
      title={label}
      disabled={isDisabled}
      onClick={onClick}
      className="inline-flex size-7 items-center justify-center rounded-md transition-colors hover:bg-line/60 hover:text-ink disabled:opacity-40 aria-pressed:text-ink pointer-coarse:size-11"
    >
      {children}
    </button>
  );
}
