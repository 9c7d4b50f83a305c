/** The projects in the list of chats: each leads to its page. */
import { Link, useNavigate } from "@tanstack/react-router";
import { ChevronDown, Folder, FolderPlus } from "lucide-react";
import { useState } from "react";
import { t } from "../strings/index.ts";
import { WhenOpened } from "../ui/when-opened.tsx";
import { EditProject } from "./edit-project.tsx";
import { useProjects } from "./projects.ts";

/** More than these are shown on request. */
const few = 5;
const rowLook =
  "flex w-full items-center gap-2.5 rounded-lg px-3 py-1.5 text-left text-sm transition-colors hover:bg-line/50 aria-[current=page]:bg-chosen aria-[current=page]:font-medium pointer-coarse:py-3";

export function ProjectList({ onOpen }: { onOpen: () => void }) {
  const all = useProjects();
  const navigate = useNavigate();
  const [isWhole, setIsWhole] = useState(false);
  const [isMaking, setIsMaking] = useState(false);
  const shown = isWhole ? all : all.slice(0, few);
  return (
    <fieldset aria-label={t.projects.title} className="max-h-[40%] shrink-0 overflow-y-auto px-2 pb-1">
      <ul>
        {shown.map(({ id, name }) => (
          <li key={id}>
            <Link to="/p/$projectId" params={{ projectId: id }} onClick={onOpen} className={rowLook}>
              <Folder size={15} aria-hidden="true" className="shrink-0 text-quiet" />
              <span dir="auto" className="truncate">
                {name}
              </span>
            </Link>
          </li>
        ))}
      </ul>
      {all.length > few && (
        <button
          type="button"
          aria-expanded={isWhole}
          onClick={() => setIsWhole(!isWhole)}
          className={`${rowLook} text-quiet`}
        >
          <ChevronDown size={15} aria-hidden="true" className={isWhole ? "rotate-180" : ""} />
          {isWhole ? t.projects.fewer : t.projects.all(all.length)}
        </button>
      )}
      <button type="button" onClick={() => setIsMaking(true)} className={`${rowLook} text-quiet`}>
        <FolderPlus size={15} aria-hidden="true" />
        {t.projects.create}
      </button>
      <WhenOpened open={isMaking}>
        <EditProject
          open={isMaking}
          onOpenChange={setIsMaking}
          onSaved={({ id }) => {
            onOpen();
            void navigate({ to: "/p/$projectId", params: { projectId: id } });
          }}
        />
      </WhenOpened>
    </fieldset>
  );
}
