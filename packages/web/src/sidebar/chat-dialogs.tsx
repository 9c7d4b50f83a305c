/** What the menu of a chat opens: moving it to a project, and its tags. */
import type { Conversation } from "chatkeep/client";
import { MoveToProject } from "../projects/move-to-project.tsx";
import { EditTags } from "../tags/edit-tags.tsx";
import { WhenOpened } from "../ui/when-opened.tsx";

export type ChatDialog = "move" | "tags" | undefined;

interface ChatDialogsProps {
  conversation: Conversation;
  opened: ChatDialog;
  onOpened: (dialog: ChatDialog) => void;
}

export function ChatDialogs({ conversation, opened, onOpened }: ChatDialogsProps) {
  const projectId = conversation.metadata?.["projectId"];
  return (
    <>
      <WhenOpened open={opened === "move"}>
        <MoveToProject
          ids={[conversation.id]}
          current={typeof projectId === "string" ? projectId : null}
          open={opened === "move"}
          onOpenChange={(isOpen) => onOpened(isOpen ? "move" : undefined)}
        />
      </WhenOpened>
      <WhenOpened open={opened === "tags"}>
        <EditTags
          conversation={conversation}
          open={opened === "tags"}
          onOpenChange={(isOpen) => onOpened(isOpen ? "tags" : undefined)}
        />
      </WhenOpened>
    </>
  );
}
