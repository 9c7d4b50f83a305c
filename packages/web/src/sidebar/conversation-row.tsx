/** One conversation in the list: open, rename in place, pin, archive, delete with a way back. */
import { Menu } from "@base-ui/react/menu";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import type { ConversationChange } from "chatkeep/client";
import { Archive, ArchiveRestore, Download, Ellipsis, FileJson, Pencil, Pin, PinOff, Trash2 } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { client } from "../client.ts";
import { type ListedConversation, putInLists } from "../lists.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { isComposing } from "../ui/keys.ts";
import { fullTime, shortTime } from "../ui/times.ts";
import { toasts } from "../ui/toasts.tsx";
import { deleteConversation, useRestore } from "./deletions.ts";

const maxTitle = 200;
const item =
  "flex cursor-default items-center gap-2 rounded-lg px-3 py-2 text-sm outline-none data-highlighted:bg-side";

interface RowProps {
  conversation: ListedConversation;
  onOpen: () => void;
}

export function ConversationRow({ conversation, onOpen }: RowProps) {
  const { id, title, updatedAt, pinned, archived, runId } = conversation;
  const [isRenaming, setIsRenaming] = useState(false);
  const { conversationId } = useParams({ strict: false });
  const { change, remove } = useChanges(conversation);
  const link = useRef<HTMLAnchorElement>(null);
  const name = title ?? t.list.newChat;
  if (isRenaming) {
    return (
      <Rename
        title={name}
        onDone={(next, isByKey) => {
          setIsRenaming(false);
          if (next) change.mutate({ title: next });
          if (isByKey) setTimeout(() => link.current?.focus());
        }}
      />
    );
  }
  return (
    <div className="group relative">
      <Link
        ref={link}
        to="/c/$conversationId"
        params={{ conversationId: id }}
        onClick={onOpen}
        title={`${name}, ${fullTime(updatedAt)}`}
        aria-current={conversationId === id ? "page" : undefined}
        className="flex items-baseline gap-2 rounded-lg px-3 py-2 text-sm hover:bg-line/50 aria-[current=page]:bg-line/80"
      >
        {runId && (
          <span
            role="img"
            aria-label={t.list.writing}
            className="size-2 shrink-0 animate-pulse rounded-full bg-brand"
          />
        )}
        <span dir="auto" className="min-w-0 flex-1 truncate">
          {change.variables?.title ?? name}
        </span>
        <time
          dateTime={updatedAt}
          className="shrink-0 text-quiet text-xs group-focus-within:invisible group-hover:invisible pointer-coarse:pe-6 pointer-coarse:group-hover:visible"
        >
          {shortTime(updatedAt)}
        </time>
      </Link>
      <Menu.Root>
        <Menu.Trigger
          aria-label={t.list.moreFor(name)}
          className="absolute end-1 top-1 inline-flex size-7 items-center justify-center rounded-md text-quiet opacity-0 hover:bg-line focus-visible:opacity-100 group-hover:opacity-100 data-popup-open:opacity-100 pointer-coarse:opacity-100"
        >
          <Ellipsis size={16} />
        </Menu.Trigger>
        <Menu.Portal>
          <Menu.Positioner sideOffset={4} align="end" className="z-30">
            <Menu.Popup className="min-w-44 rounded-xl border border-line bg-raised p-1 shadow-lg outline-none">
              <Menu.Item className={item} onClick={() => setIsRenaming(true)}>
                <Pencil size={15} aria-hidden="true" /> {t.list.rename}
              </Menu.Item>
              {!archived && (
                <Menu.Item className={item} onClick={() => change.mutate({ pinned: !pinned })}>
                  {pinned ? <PinOff size={15} aria-hidden="true" /> : <Pin size={15} aria-hidden="true" />}
                  {pinned ? t.list.unpin : t.list.pin}
                </Menu.Item>
              )}
              <Menu.Item className={item} onClick={() => change.mutate({ archived: !archived })}>
                {archived ? <ArchiveRestore size={15} aria-hidden="true" /> : <Archive size={15} aria-hidden="true" />}
                {archived ? t.list.fromArchive : t.list.toArchive}
              </Menu.Item>
              <Menu.LinkItem
                className={item}
                href={client.conversations.exportUrl(id, "markdown")}
                download
                closeOnClick
              >
                <Download size={15} aria-hidden="true" /> {t.list.asMarkdown}
              </Menu.LinkItem>
              <Menu.LinkItem className={item} href={client.conversations.exportUrl(id, "json")} download closeOnClick>
                <FileJson size={15} aria-hidden="true" /> {t.list.asJson}
              </Menu.LinkItem>
              <Menu.Item className={`${item} text-danger`} onClick={remove}>
                <Trash2 size={15} aria-hidden="true" /> {t.list.delete}
              </Menu.Item>
            </Menu.Popup>
          </Menu.Positioner>
        </Menu.Portal>
      </Menu.Root>
    </div>
  );
}

function useChanges({ id, title, runId }: ListedConversation) {
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
      putInLists(queries, { ...changed, runId: runId ?? null });
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

function Rename({ title, onDone }: RenameProps) {
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
      className="w-full rounded-lg border border-brand bg-page px-3 py-1.5 text-sm"
    />
  );
}
