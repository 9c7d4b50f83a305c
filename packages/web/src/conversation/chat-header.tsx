/** What stands above a chat: its title with what one can do with it, and what the chat itself puts there. */
import { Menu } from "@base-ui/react/menu";
import { Link } from "@tanstack/react-router";
import type { Conversation } from "chatkeep/client";
import { ChevronDown, Folder } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { useProjectOf } from "../projects/projects.ts";
import { type ChatDialog, ChatDialogs } from "../sidebar/chat-dialogs.tsx";
import { ConversationMenuItems, Rename, useChanges } from "../sidebar/conversation-menu.tsx";
import { t } from "../strings/index.ts";
import { MenuPopup } from "../ui/menu.tsx";

interface ChatHeaderProps {
  stored: Conversation | undefined;
  children: ReactNode;
}

/** At its ends there is room for the app's own buttons. */
export function ChatHeader({ stored, children }: ChatHeaderProps) {
  return (
    <header className="flex h-12 shrink-0 items-center gap-0.5 ps-12 pe-12 md:ps-3 md:group-data-list-away/main:ps-12 print:hidden">
      {stored && stored.expiresAt === null && <ChatTitle conversation={stored} />}
      {children}
    </header>
  );
}

function ChatTitle({ conversation }: { conversation: Conversation }) {
  const [isRenaming, setIsRenaming] = useState(false);
  const [dialog, setDialog] = useState<ChatDialog>();
  const project = useProjectOf(conversation);
  const changes = useChanges(conversation);
  const trigger = useRef<HTMLButtonElement>(null);
  const title = changes.change.variables?.title ?? conversation.title ?? t.list.newChat;
  if (isRenaming) {
    return (
      <div className="w-72 min-w-0">
        <Rename
          title={title}
          onDone={(next, isByKey) => {
            setIsRenaming(false);
            if (next) changes.change.mutate({ title: next });
            if (isByKey) setTimeout(() => trigger.current?.focus());
          }}
        />
      </div>
    );
  }
  return (
    <Menu.Root>
      {project && (
        <Link
          to="/p/$projectId"
          params={{ projectId: project.id }}
          className="inline-flex h-9 min-w-0 max-w-40 shrink-0 items-center gap-1.5 rounded-lg px-2 text-quiet text-sm transition-colors hover:bg-side max-sm:hidden"
        >
          <Folder size={15} aria-hidden="true" className="shrink-0" />
          <span dir="auto" className="truncate">
            {project.name}
          </span>
        </Link>
      )}
      <Menu.Trigger
        ref={trigger}
        aria-label={t.chat.menuOf(title)}
        className="inline-flex h-9 min-w-0 items-center gap-1 rounded-lg px-2 font-medium text-sm transition-colors hover:bg-side data-popup-open:bg-side pointer-coarse:h-11"
      >
        <span dir="auto" className="truncate">
          {title}
        </span>
        <ChevronDown size={16} aria-hidden="true" className="shrink-0 text-quiet" />
      </Menu.Trigger>
      <MenuPopup sideOffset={4} align="start">
        <ConversationMenuItems
          conversation={conversation}
          changes={changes}
          onRename={() => setIsRenaming(true)}
          onMove={() => setDialog("move")}
          onTag={() => setDialog("tags")}
        />
      </MenuPopup>
      <ChatDialogs conversation={conversation} opened={dialog} onOpened={setDialog} />
    </Menu.Root>
  );
}
