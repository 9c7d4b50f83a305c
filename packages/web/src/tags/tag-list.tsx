/** The tags in the list of chats: each shows the chats that have it. */
import { Tag } from "lucide-react";
import { useState } from "react";
import { t } from "../strings/index.ts";
import { useTags } from "./tags.ts";

/** More than these are shown on request. */
const few = 8;
const chipLook =
  "inline-flex max-w-full items-center gap-1 rounded-full border border-line px-2.5 py-0.5 text-quiet text-xs transition-colors hover:border-brand/40 hover:text-ink pointer-coarse:min-h-11 pointer-coarse:px-4";

export function TagList({ onTag }: { onTag: (tag: string) => void }) {
  const all = useTags();
  const [isWhole, setIsWhole] = useState(false);
  if (all.length === 0) return null;
  return (
    <fieldset aria-label={t.tags.title} className="max-h-40 shrink-0 overflow-y-auto px-4 py-1">
      <ul className="flex flex-wrap gap-1.5">
        {(isWhole ? all : all.slice(0, few)).map(({ name, conversations }) => (
          <li key={name} className="max-w-full">
            <button type="button" onClick={() => onTag(name)} className={chipLook}>
              <Tag size={11} aria-hidden="true" className="shrink-0" />
              <span dir="auto" className="truncate">
                {name}
              </span>{" "}
              <span className="tabular-nums">{conversations}</span>
            </button>
          </li>
        ))}
        {all.length > few && (
          <li>
            <button type="button" aria-expanded={isWhole} onClick={() => setIsWhole(!isWhole)} className={chipLook}>
              {isWhole ? t.projects.fewer : t.tags.all(all.length)}
            </button>
          </li>
        )}
      </ul>
    </fieldset>
  );
}
