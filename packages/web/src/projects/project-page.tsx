/** The page of a project, where a chat in it begins. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FolderX } from "lucide-react";
import { useState } from "react";
import { v4 as uuid } from "uuid";
import { ConversationView } from "../conversation/conversation-view.tsx";
import { t } from "../strings/index.ts";
import { buttonLook } from "../ui/button.tsx";
import { Card } from "../ui/card.tsx";
import { Failure } from "../ui/failure.tsx";
import { projectsQuery } from "./projects.ts";

export function ProjectPage({ personId, projectId }: { personId: string; projectId: string }) {
  const { data, error, isPending, refetch } = useQuery(projectsQuery);
  const [id] = useState(() => uuid());
  const project = data?.find((each) => each.id === projectId);
  if (isPending) return <div className="h-full" aria-busy="true" />;
  if (error && !data) return <Failure error={error} onRetry={() => refetch()} />;
  if (!project) {
    return (
      <Card icon={FolderX} text={t.projects.gone}>
        <Link to="/" className={buttonLook()}>
          {t.list.newChat}
        </Link>
      </Card>
    );
  }
  return <ConversationView personId={personId} id={id} isNew project={project} />;
}
