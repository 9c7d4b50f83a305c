/** The conversations: pinned ones first, then by the day of their last message; what is looked for; or the archive. */
import { type UseInfiniteQueryResult, useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Archive, ArrowLeft, PanelLeftClose, Search, SquarePen, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { type ListedConversation, listQuery, tagListQuery } from "../lists.ts";
import { ProjectList } from "../projects/project-list.tsx";
import { t } from "../strings/index.ts";
import { TagList } from "../tags/tag-list.tsx";
import { Button } from "../ui/button.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { isComposing } from "../ui/keys.ts";
import { groupOf } from "../ui/times.ts";
import { Actions, type Place } from "./actions.tsx";
import { ConversationRow } from "./conversation-row.tsx";
import { useHidden } from "./deletions.ts";
import { Found, moveAmongFound } from "./found.tsx";
import { Placeholders } from "./placeholders.tsx";
import { SelectionContext, useNewSelection, useSelection } from "./selection.ts";
import { SelectionBar } from "./selection-bar.tsx";
import { Trash } from "./trash.tsx";

const searchPauseMs = 200;
const placeLook =
  "flex flex-1 items-center gap-2 rounded-lg px-3 py-2 text-quiet text-sm transition-colors hover:bg-line/50 pointer-coarse:py-3";
const heights = { heading: 36, row: 36 };

interface SidebarProps {
  onOpen: () => void;
  /** Puts the list away. */
  onHide: () => void;
}

export function Sidebar({ onOpen, onHide }: SidebarProps) {
  const [text, setText] = useState("");
  const [place, setPlace] = useState<Place>("active");
  const search = usePaused(text.trim());
  return (
    <>
      <div className="flex h-12 shrink-0 items-center justify-between gap-2 px-3">
        <span className="flex items-center gap-2 px-1 font-semibold">
          <img src="/favicon.svg" alt="" className="size-6" />
          chatkeep
        </span>
        <IconButton label={t.hideList} onClick={onHide}>
          <PanelLeftClose size={18} />
        </IconButton>
      </div>
      <div className="grid gap-2 px-3 pt-1 pb-2">
        <Link
          to="/"
          onClick={onOpen}
          className="inline-flex items-center gap-2 rounded-lg border border-line bg-raised px-3 py-2 font-medium text-sm shadow-xs transition-colors hover:border-brand/40 pointer-coarse:py-3"
        >
          <SquarePen size={16} aria-hidden="true" className="text-brand" />
          {t.list.newChat}
        </Link>
        <label className="flex items-center gap-2 rounded-lg border border-line bg-page px-2.5 transition-colors focus-within:border-brand">
          <Search size={15} aria-hidden="true" className="shrink-0 text-quiet" />
          <input
            type="search"
            id="search"
            dir="auto"
            aria-label={t.list.search}
            placeholder={t.list.search}
            value={text}
            maxLength={200}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (isComposing(event)) return;
              if (event.key === "Escape") setText("");
              else if (search) moveAmongFound(event);
            }}
            className="w-full bg-transparent py-1.5 text-sm outline-none placeholder:text-quiet pointer-coarse:py-3"
          />
        </label>
      </div>
      {search ? (
        <Found search={search} onOpen={onOpen}>
          <Actions
            search={search}
            onPlace={setPlace}
            onOpen={onOpen}
            onDone={() => {
              setText("");
              document.getElementById("search")?.focus();
            }}
          />
        </Found>
      ) : place === "archive" ? (
        <Archived onOpen={onOpen} onBack={() => setPlace("active")} />
      ) : place === "trash" ? (
        <Trash onBack={() => setPlace("active")} />
      ) : typeof place === "object" ? (
        <Tagged key={place.tag} tag={place.tag} onOpen={onOpen} onBack={() => setPlace("active")} />
      ) : (
        <Active onOpen={onOpen} onPlace={setPlace} />
      )}
    </>
  );
}

function usePaused(text: string): string {
  const [paused, setPaused] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(text), searchPauseMs);
    return () => clearTimeout(timer);
  }, [text]);
  return text === "" ? "" : paused;
}

function Active({ onOpen, onPlace }: { onOpen: () => void; onPlace: (place: Place) => void }) {
  const pinned = useInfiniteQuery(listQuery("pinned"));
  const list = useInfiniteQuery(listQuery("active"));
  const selection = useNewSelection();
  return (
    <SelectionContext value={selection}>
      <ProjectList onOpen={onOpen} />
      <TagList onTag={(tag) => onPlace({ tag })} />
      <List list={list} pinned={pinned.data?.pages.flatMap((page) => page.items) ?? []} onOpen={onOpen} isGrouped>
        {t.list.empty}
      </List>
      {selection.ids && <SelectionBar selection={selection} isArchive={false} />}
      <div className="mx-2 mb-1 flex gap-1">
        <button type="button" onClick={() => onPlace("archive")} className={placeLook}>
          <Archive size={15} aria-hidden="true" />
          {t.list.archive}
        </button>
        <button type="button" onClick={() => onPlace("trash")} className={placeLook}>
          <Trash2 size={15} aria-hidden="true" />
          {t.trash.title}
        </button>
      </div>
    </SelectionContext>
  );
}

function Archived({ onOpen, onBack }: { onOpen: () => void; onBack: () => void }) {
  const list = useInfiniteQuery(listQuery("archive"));
  return (
    <Aside list={list} onOpen={onOpen} onBack={onBack} isArchive>
      {t.list.emptyArchive}
    </Aside>
  );
}

function Tagged({ tag, onOpen, onBack }: { tag: string; onOpen: () => void; onBack: () => void }) {
  const list = useInfiniteQuery(tagListQuery(tag));
  return (
    <Aside list={list} onOpen={onOpen} onBack={onBack} heading={tag}>
      {t.tags.nothing}
    </Aside>
  );
}

interface AsideProps extends Pick<ListProps, "list" | "onOpen" | "children"> {
  onBack: () => void;
  heading?: string;
  isArchive?: boolean;
}

/** A list beside that of all chats, from which one goes back to it. */
function Aside({ list, onOpen, onBack, heading, isArchive = false, children }: AsideProps) {
  const selection = useNewSelection();
  return (
    <SelectionContext value={selection}>
      <button
        type="button"
        onClick={onBack}
        className="mx-2 flex items-center gap-2 rounded-lg px-3 py-2 text-left text-quiet text-sm hover:bg-line/50"
      >
        <ArrowLeft size={15} aria-hidden="true" />
        {t.list.back}
      </button>
      {heading !== undefined && (
        <h2 dir="auto" className="mx-5 truncate pt-2 font-medium text-sm">
          {heading}
        </h2>
      )}
      <List list={list} onOpen={onOpen}>
        {children}
      </List>
      {selection.ids && <SelectionBar selection={selection} isArchive={isArchive} />}
    </SelectionContext>
  );
}

type Entry = { heading: string } | { conversation: ListedConversation };

interface ListProps {
  list: Pick<
    UseInfiniteQueryResult<{ pages: { items: ListedConversation[] }[] }>,
    "data" | "error" | "isPending" | "isFetchingNextPage" | "hasNextPage" | "fetchNextPage" | "refetch"
  >;
  pinned?: ListedConversation[];
  isGrouped?: boolean;
  onOpen: () => void;
  /** What to say when it is empty. */
  children: string;
}

/** Only what is in view is in the page, however long the list; further pages come while one scrolls. */
function List({ list, pinned = [], isGrouped = false, onOpen, children }: ListProps) {
  const scroller = useRef<HTMLElement>(null);
  const hidden = useHidden();
  const items = (list.data?.pages.flatMap((page) => page.items) ?? []).filter(({ id }) => !hidden.has(id));
  const entries = entriesOf(
    pinned.filter(({ id }) => !hidden.has(id)),
    items,
    isGrouped,
  );
  const virtual = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (entries[index] && "heading" in entries[index] ? heights.heading : heights.row),
    getItemKey: (index) => keyOf(entries[index]),
    overscan: 12,
  });
  const selection = useSelection();
  selection?.setOrder(entries.flatMap((entry) => ("conversation" in entry ? entry.conversation.id : [])));
  const rows = virtual.getVirtualItems();
  const isNearEnd = (rows.at(-1)?.index ?? 0) >= entries.length - 10;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (isNearEnd && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [isNearEnd, hasNextPage, isFetchingNextPage, fetchNextPage]);

  return (
    <nav ref={scroller} aria-label={t.list.label} className="min-h-0 flex-1 overflow-y-auto px-2 pb-2">
      {list.isPending && <Placeholders />}
      {list.error && !list.data && (
        <div role="alert" className="grid gap-2 p-3 text-quiet text-sm">
          {list.error.message}
          <Button onClick={() => list.refetch()}>{t.tryAgain}</Button>
        </div>
      )}
      {list.data && entries.length === 0 && <p className="p-3 text-quiet text-sm">{children}</p>}
      {entries.length > 0 && (
        <ul className="relative" style={{ height: virtual.getTotalSize() }}>
          {rows.map(({ index, key, start }) => {
            const entry = entries[index];
            if (!entry) return null;
            const at = { transform: `translateY(${start}px)` };
            return (
              <li
                key={key}
                data-index={index}
                ref={virtual.measureElement}
                className="absolute inset-x-0 top-0"
                style={at}
              >
                {"heading" in entry ? (
                  <h2 className="px-3 pt-4 pb-1 font-medium text-quiet text-xs">{entry.heading}</h2>
                ) : (
                  <ConversationRow conversation={entry.conversation} onOpen={onOpen} />
                )}
              </li>
            );
          })}
        </ul>
      )}
    </nav>
  );
}

function entriesOf(pinned: ListedConversation[], items: ListedConversation[], isGrouped: boolean): Entry[] {
  const rows = (list: ListedConversation[]): Entry[] => list.map((conversation) => ({ conversation }));
  if (!isGrouped) return rows(items);
  const groups = [...Map.groupBy(items, ({ updatedAt }) => groupOf(updatedAt))];
  return [
    ...(pinned.length > 0 ? [{ heading: t.list.pinned }, ...rows(pinned)] : []),
    ...groups.flatMap(([heading, group]): Entry[] => [{ heading }, ...rows(group)]),
  ];
}

function keyOf(entry: Entry | undefined): string {
  if (!entry) return "";
  return "heading" in entry ? `heading ${entry.heading}` : entry.conversation.id;
}
