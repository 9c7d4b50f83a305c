/** What one can do with a conversation, wherever it is named: rename, pin, archive, take along, delete with a way back. */
import { Menu } from "@base-ui/react/menu";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import type { ConversationChange } from "chatkeep/client";
import {
  Archive,
  ArchiveRestore,
  Download,
  FileJson,
  FolderInput,
  ListChecks,
  Pencil,
  Pin,
  PinOff,
  Tags,
  Trash2,
} from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { client } from "../client.ts";
import { type ListedConversation, putInLists } from "../lists.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { isComposing } from "../ui/keys.ts";
import { menuItemLook } from "../ui/menu.tsx";
import { toasts } from "../ui/toasts.tsx";
import { deleteConversation, useRestore } from "./deletions.ts";

const maxTitle = 200;

interface MenuItemsProps {
  conversation: ListedConversation;
  changes: ReturnType<typeof useChanges>;
  onRename: () => void;
  onMove: () => void;
  onTag: () => void;
  /** Left out where there is no list to choose several from. */
  onSelect?: (() => void) | undefined;
}

export function ConversationMenuItems({ conversation, changes, onRename, onMove, onTag, onSelect }: MenuItemsProps) {
  const { id, pinned, archived } = conversation;
  const { change, remove } = changes;
  return (
    <>
      <Menu.Item className={menuItemLook} onClick={onRename}>
        <Pencil size={15} aria-hidden="true" /> {t.list.rename}
      </Menu.Item>
      {!archived && (
        <Menu.Item className={menuItemLook} onClick={() => change.mutate({ pinned: !pinned })}>
          {pinned ? <PinOff size={15} aria-hidden="true" /> : <Pin size={15} aria-hidden="true" />}
          {pinned ? t.list.unpin : t.list.pin}
        </Menu.Item>
      )}
      <Menu.Item className={menuItemLook} onClick={onMove}>
        <FolderInput size={15} aria-hidden="true" /> {t.projects.move}
      </Menu.Item>
      <Menu.Item className={menuItemLook} onClick={onTag}>
        <Tags size={15} aria-hidden="true" /> {t.tags.edit}
      </Menu.Item>
      <Menu.Item className={menuItemLook} onClick={() => change.mutate({ archived: !archived })}>
        {archived ? <ArchiveRestore size={15} aria-hidden="true" /> : <Archive size={15} aria-hidden="true" />}
        {archived ? t.list.fromArchive : t.list.toArchive}
      </Menu.Item>
      <Menu.LinkItem
        className={menuItemLook}
        href={client.conversations.exportUrl(id, "markdown")}
        download
        closeOnClick
      >
        <Download size={15} aria-hidden="true" /> {t.list.asMarkdown}
      </Menu.LinkItem>
      <Menu.LinkItem className={menuItemLook} href={client.conversations.exportUrl(id, "json")} download closeOnClick>
        <FileJson size={15} aria-hidden="true" /> {t.list.asJson}
      </Menu.LinkItem>
      {onSelect && (
        <Menu.Item className={menuItemLook} onClick={onSelect}>
          <ListChecks size={15} aria-hidden="true" /> {t.select.begin}
        </Menu.Item>
      )}
      <Menu.Item className={`${menuItemLook} text-danger`} onClick={remove}>
        <Trash2 size={15} aria-hidden="true" /> {t.list.delete}
      </Menu.Item>
    </>
  );
}

export function useChanges({ id, title }: ListedConversation) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { conversationId } = useParams({ strict: false });
  const restore = useRestore();
  const name = title ?? t.list.newChat;
  const fail = (error: Error) => void toasts.add({ title: sentenceOf(error) });
  const change = useMutation({
    mutationFn: (wanted: ConversationChange) => client.conversations.update(id, wanted),
    onError: fail,
    onSuccess: (changed, { archived }) => {
      putInLists(queries, changed);
      queries.setQueryData(["conversation", id], changed);
      change.reset();
      if (!archived) return;
      toasts.add({
        title: t.list.archived(name),
        actionProps: { children: t.undo, onClick: () => change.mutate({ archived: false }) },
      });
    },
  });
  const remove = async () => {
    if (conversationId === id) await navigate({ to: "/" });
    try {
      const canUndo = await deleteConversation(queries, id);
      const toast = toasts.add({
        title: t.list.deleted(name),
        ...(canUndo && { actionProps: { children: t.undo, onClick: () => undo() } }),
      });
      const undo = () => {
        toasts.close(toast);
        restore.mutate(id);
      };
    } catch (error) {
      fail(error as Error);
    }
  };
  return { change, remove };
}

interface RenameProps {
  title: string;
  /** `isByKey`: not because something else was chosen meanwhile. */
  onDone: (title: string | undefined, isByKey: boolean) => void;
}

export function Rename({ title, onDone }: RenameProps) {
  const [text, setText] = useState(title);
  const finish = (isByKey: boolean) => onDone(text.trim() && text.trim() !== title ? text.trim() : undefined, isByKey);
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    if (event.key === "Enter") finish(true);
    if (event.key === "Escape") onDone(undefined, true);
  };
  return (
    <input
      aria-label={t.list.title}
      dir="auto"
      // biome-ignore lint/a11y/noAutofocus: the person has just chosen to write here
      autoFocus
      maxLength={maxTitle}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onFocus={(event) => event.target.select()}
      onBlur={() => finish(false)}
      onKeyDown={onKeyDown}
      className="w-full min-w-0 rounded-lg border border-brand bg-page px-3 py-1.5 text-sm"
    />
  );
}
