/** One thing to say in the middle of the place: what it is about, why, and what to do. */
import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

interface CardProps {
  icon: LucideIcon;
  /** The reason. */
  text: string;
  /** What to do about it. */
  children?: ReactNode;
}

export function Card({ icon: Icon, text, children }: CardProps) {
  return (
    <div className="flex h-full items-center justify-center p-6">
      <div
        role="alert"
        className="grid w-full max-w-sm justify-items-center gap-4 rounded-2xl border border-line bg-raised px-6 py-8 text-center shadow-sm"
      >
        <span className="flex size-11 items-center justify-center rounded-full bg-side text-quiet">
          <Icon size={22} aria-hidden="true" />
        </span>
        <h1 className="text-pretty">{text}</h1>
        {children}
      </div>
    </div>
  );
}
