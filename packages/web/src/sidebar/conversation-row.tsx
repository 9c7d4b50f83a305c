/** One conversation in the list: open, rename in place, delete. */
import { Menu } from "@base-ui/react/menu";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Ellipsis, Pencil, Trash2 } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { type Conversation, conversations } from "../api.ts";
import { Confirm } from "../ui/confirm.tsx";
import { fullTime, shortTime } from "../ui/times.ts";

const longestTitle = 200;
const item =
  "flex cursor-default items-center gap-2 rounded-lg px-3 py-2 text-sm outline-none data-highlighted:bg-side";

export function ConversationRow({ conversation, onOpen }: { conversation: Conversation; onOpen: () => void }) {
  const { id, title, updatedAt } = conversation;
  const [isRenaming, setIsRenaming] = useState(false);
  const [isDeleting, setIsDeleting] = useState(false);
  const { conversationId } = useParams({ strict: false });
  const { rename, remove } = useChanges(id);
  const name = title ?? "New chat";
  if (isRenaming) {
    return (
      <li>
        <Rename
          title={name}
          onDone={(next) => {
            setIsRenaming(false);
            if (next) rename.mutate(next);
          }}
        />
      </li>
    );
  }
  return (
    <li className="group relative">
      <Link
        to="/c/$conversationId"
        params={{ conversationId: id }}
        onClick={onOpen}
        title={`${name}, ${fullTime(updatedAt)}`}
        aria-current={conversationId === id ? "page" : undefined}
        className="flex items-baseline gap-2 rounded-lg px-3 py-2 text-sm hover:bg-line/50 aria-[current=page]:bg-line/80"
      >
        <span className="min-w-0 flex-1 truncate">{rename.isPending ? rename.variables : name}</span>
        <time
          dateTime={updatedAt}
          className="shrink-0 text-quiet text-xs group-focus-within:invisible group-hover:invisible pointer-coarse:pr-6 pointer-coarse:group-hover:visible"
        >
          {shortTime(updatedAt)}
        </time>
      </Link>
      <Menu.Root>
        <Menu.Trigger
          aria-label={`More for ${name}`}
          className="absolute top-1 right-1 inline-flex size-7 items-center justify-center rounded-md text-quiet opacity-0 hover:bg-line focus-visible:opacity-100 group-hover:opacity-100 data-popup-open:opacity-100 pointer-coarse:opacity-100"
        >
          <Ellipsis size={16} />
        </Menu.Trigger>
        <Menu.Portal>
          <Menu.Positioner sideOffset={4} align="end" className="z-30">
            <Menu.Popup className="min-w-36 rounded-xl border border-line bg-raised p-1 shadow-lg outline-none">
              <Menu.Item className={item} onClick={() => setIsRenaming(true)}>
                <Pencil size={15} aria-hidden="true" /> Rename
              </Menu.Item>
              <Menu.Item className={`${item} text-danger`} onClick={() => setIsDeleting(true)}>
                <Trash2 size={15} aria-hidden="true" /> Delete
              </Menu.Item>
            </Menu.Popup>
          </Menu.Positioner>
        </Menu.Portal>
      </Menu.Root>
      <Confirm
        open={isDeleting}
        onOpenChange={setIsDeleting}
        title="Delete this conversation?"
        text={`“${name}” and all its messages will be gone. This cannot be undone.`}
        action="Delete"
        onConfirm={() => remove.mutate()}
      />
      {(rename.error ?? remove.error) && (
        <p role="alert" className="px-3 pb-2 text-danger text-xs">
          {(rename.error ?? remove.error)?.message}
        </p>
      )}
    </li>
  );
}

function useChanges(id: string) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { conversationId } = useParams({ strict: false });
  const refresh = () => queries.invalidateQueries({ queryKey: ["conversations"] });
  const rename = useMutation({ mutationFn: (title: string) => conversations.rename(id, title), onSuccess: refresh });
  const remove = useMutation({
    mutationFn: () => conversations.delete(id),
    onSuccess: async () => {
      if (conversationId === id) await navigate({ to: "/" });
      await refresh();
    },
  });
  return { rename, remove };
}

function Rename({ title, onDone }: { title: string; onDone: (title: string | undefined) => void }) {
  const [text, setText] = useState(title);
  const finish = () => onDone(text.trim() && text.trim() !== title ? text.trim() : undefined);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") finish();
    if (event.key === "Escape") onDone(undefined);
  };
  return (
    <input
      aria-label="Title"
      // biome-ignore lint/a11y/noAutofocus: the person has just chosen to write here
      autoFocus
      maxLength={longestTitle}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onFocus={(event) => event.target.select()}
      onBlur={finish}
      onKeyDown={onKeyDown}
      className="w-full rounded-lg border border-brand bg-page px-3 py-1.5 text-sm"
    />
  );
}
