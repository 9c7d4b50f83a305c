/** One conversation in the list: opened by a click, renamed by two, and with its menu by the right button too. */
import { ContextMenu } from "@base-ui/react/context-menu";
import { Menu } from "@base-ui/react/menu";
import { Link, useParams } from "@tanstack/react-router";
import { Ellipsis } from "lucide-react";
import { useRef, useState } from "react";
import type { ListedConversation } from "../lists.ts";
import { t } from "../strings/index.ts";
import { MenuPopup } from "../ui/menu.tsx";
import { fullTime } from "../ui/times.ts";
import { type ChatDialog, ChatDialogs } from "./chat-dialogs.tsx";
import { ConversationMenuItems, Rename, useChanges } from "./conversation-menu.tsx";
import { type Selection, useSelection } from "./selection.ts";
import { useIsUnread } from "./unread.ts";

interface RowProps {
  conversation: ListedConversation;
  onOpen: () => void;
}

export function ConversationRow({ conversation, onOpen }: RowProps) {
  const { id, title, updatedAt, runId } = conversation;
  const [isRenaming, setIsRenaming] = useState(false);
  const [dialog, setDialog] = useState<ChatDialog>();
  const selection = useSelection();
  const { conversationId } = useParams({ strict: false });
  const changes = useChanges(conversation);
  const isUnread = useIsUnread(id) && !runId;
  const link = useRef<HTMLAnchorElement>(null);
  const name = title ?? t.list.newChat;
  if (selection?.ids) return <ChosenRow conversation={conversation} selection={selection} ids={selection.ids} />;
  if (isRenaming) {
    return (
      <Rename
        title={name}
        onDone={(next, isByKey) => {
          setIsRenaming(false);
          if (next) changes.change.mutate({ title: next });
          if (isByKey) setTimeout(() => link.current?.focus());
        }}
      />
    );
  }
  const items = (
    <ConversationMenuItems
      conversation={conversation}
      changes={changes}
      onRename={() => setIsRenaming(true)}
      onMove={() => setDialog("move")}
      onTag={() => setDialog("tags")}
      onSelect={selection && (() => selection.begin(id))}
    />
  );
  return (
    <div className="group relative">
      <ContextMenu.Root>
        <ContextMenu.Trigger
          render={
            <Link
              ref={link}
              to="/c/$conversationId"
              params={{ conversationId: id }}
              onClick={onOpen}
              onDoubleClick={() => setIsRenaming(true)}
              title={`${name}, ${fullTime(updatedAt)}`}
              aria-current={conversationId === id ? "page" : undefined}
              className="flex items-center gap-2 rounded-lg px-3 py-2 text-sm transition-colors hover:bg-line/50 group-focus-within:pe-9 group-hover:pe-9 aria-[current=page]:bg-chosen aria-[current=page]:font-medium pointer-coarse:py-3 pointer-coarse:pe-12"
            />
          }
        >
          <span dir="auto" className={`min-w-0 flex-1 truncate ${isUnread ? "font-semibold" : ""}`}>
            {changes.change.variables?.title ?? name}
          </span>
          {runId && (
            <span
              role="img"
              aria-label={t.list.writing}
              className="size-2 shrink-0 animate-pulse rounded-full bg-brand"
            />
          )}
          {isUnread && <span role="img" aria-label={t.list.unread} className="size-2 shrink-0 rounded-full bg-brand" />}
        </ContextMenu.Trigger>
        <MenuPopup>{items}</MenuPopup>
      </ContextMenu.Root>
      <Menu.Root>
        <Menu.Trigger
          aria-label={t.list.moreFor(name)}
          className="absolute inset-y-0 end-1 my-auto inline-flex size-7 items-center justify-center rounded-md text-quiet opacity-0 hover:bg-line focus-visible:opacity-100 group-hover:opacity-100 data-popup-open:opacity-100 pointer-coarse:size-11 pointer-coarse:opacity-100"
        >
          <Ellipsis size={16} />
        </Menu.Trigger>
        <MenuPopup sideOffset={4} align="end">
          {items}
        </MenuPopup>
      </Menu.Root>
      <ChatDialogs conversation={conversation} opened={dialog} onOpened={setDialog} />
    </div>
  );
}

interface ChosenRowProps {
  conversation: ListedConversation;
  selection: Selection;
  ids: ReadonlySet<string>;
}

/** While several are chosen each is a box to tick. */
function ChosenRow({ conversation: { id, title, runId }, selection, ids }: ChosenRowProps) {
  return (
    <label className="flex cursor-default items-center gap-2.5 rounded-lg px-3 py-2 text-sm hover:bg-line/50 has-checked:bg-chosen has-focus-visible:outline-2 has-focus-visible:outline-brand pointer-coarse:py-3">
      <input
        type="checkbox"
        checked={ids.has(id)}
        onChange={({ nativeEvent }) => selection.toggle(id, (nativeEvent as MouseEvent).shiftKey === true)}
        onKeyDown={({ key }) => key === "Escape" && selection.end()}
        className="size-4 shrink-0 accent-brand outline-none"
      />
      <span dir="auto" className="min-w-0 flex-1 truncate">
        {title ?? t.list.newChat}
      </span>
      {runId && <span aria-hidden="true" className="size-2 shrink-0 animate-pulse rounded-full bg-brand" />}
    </label>
  );
}
