/** What stands on a project's page: its name above the box, and the chats that are in it below. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Folder, Settings2 } from "lucide-react";
import { useState } from "react";
import { projectListQuery } from "../lists.ts";
import { ConversationRow } from "../sidebar/conversation-row.tsx";
import { useHidden } from "../sidebar/deletions.ts";
import { Placeholders } from "../sidebar/placeholders.tsx";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { EditProject } from "./edit-project.tsx";
import type { Project } from "./projects.ts";

export function ProjectGreeting({ project }: { project: Project }) {
  const [isEditing, setIsEditing] = useState(false);
  return (
    <div className="grid justify-items-center gap-3 px-4 pb-6 text-center">
      <Folder size={36} strokeWidth={1.5} aria-hidden="true" className="text-brand" />
      <h1 dir="auto" className="text-balance font-semibold text-2xl tracking-tight wrap-anywhere">
        {project.name}
      </h1>
      {project.instructions && (
        <p dir="auto" className="line-clamp-2 max-w-lg whitespace-pre-line text-quiet text-sm">
          {project.instructions}
        </p>
      )}
      <Button onClick={() => setIsEditing(true)}>
        <Settings2 size={15} aria-hidden="true" />
        {t.projects.edit}
      </Button>
      <EditProject key={String(isEditing)} project={project} open={isEditing} onOpenChange={setIsEditing} />
    </div>
  );
}

export function ProjectChats({ project }: { project: Project }) {
  const list = useInfiniteQuery(projectListQuery(project.id));
  const hidden = useHidden();
  const items = list.data?.pages.flatMap((page) => page.items).filter(({ id }) => !hidden.has(id)) ?? [];
  return (
    <section aria-label={t.projects.chats} className="mx-auto w-full max-w-chat px-4">
      <h2 className="px-3 pb-1 font-medium text-quiet text-xs">{t.projects.chats}</h2>
      {list.isPending && <Placeholders />}
      {list.error && !list.data && (
        <div role="alert" className="grid justify-items-start gap-2 p-3 text-quiet text-sm">
          {sentenceOf(list.error)}
          <Button onClick={() => list.refetch()}>{t.tryAgain}</Button>
        </div>
      )}
      {list.data && items.length === 0 && <p className="p-3 text-quiet text-sm">{t.projects.empty}</p>}
      <ul>
        {items.map((conversation) => (
          <li key={conversation.id}>
            <ConversationRow conversation={conversation} onOpen={() => {}} />
          </li>
        ))}
      </ul>
      {list.hasNextPage && (
        <Button className="w-full" disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {t.list.more}
        </Button>
      )}
    </section>
  );
}
