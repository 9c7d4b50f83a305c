/** What was found: conversations by their titles, and messages under the conversation that they are in, with the words marked. */
import { type InfiniteData, keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ApiError, type SearchHit, type SearchPage } from "chatkeep/client";
import type { KeyboardEvent, ReactNode } from "react";
import { client } from "../client.ts";
import { jumpTo } from "../jump.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { useHidden } from "./deletions.ts";
import { Placeholders } from "./placeholders.tsx";

const limit = 20;

interface FoundProps {
  search: string;
  onOpen: () => void;
  /** What stands above. */
  children: ReactNode;
}

export function Found({ search, onOpen, children }: FoundProps) {
  const hidden = useHidden();
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: ["conversations", "search", search],
    queryFn: ({ pageParam, signal }) =>
      client.search({ text: search, in: ["text", "files"], limit, cursor: pageParam, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    placeholderData: keepPreviousData,
    retry: (count, problem) => !isNoSearch(problem) && count < 2,
  });
  const groups = groupsOf(data).filter(({ conversationId }) => !hidden.has(conversationId));
  const isNothing = (data && groups.length === 0) || isNoSearch(error);
  return (
    <nav
      aria-label={t.list.found}
      data-found
      className="min-h-0 flex-1 overflow-y-auto px-2 pb-2"
      onKeyDown={moveAmongFound}
    >
      <p role="status" className="sr-only">
        {data && !isNothing ? t.list.foundSome(groups.length) : ""}
      </p>
      {children}
      {isPending && <Placeholders />}
      {error && !data && !isNoSearch(error) && (
        <div role="alert" className="grid gap-2 p-3 text-quiet text-sm">
          {sentenceOf(error)}
          <Button onClick={() => refetch()}>{t.tryAgain}</Button>
        </div>
      )}
      {isNothing && <p className="p-3 text-quiet text-sm">{t.list.nothingFound}</p>}
      <ul>
        {groups.map(({ conversationId, title, marks, hits }) => (
          <li key={conversationId} className="pb-1">
            <Link
              to="/c/$conversationId"
              params={{ conversationId }}
              onClick={onOpen}
              data-result
              dir="auto"
              className={`${row} truncate font-medium`}
            >
              <Marked text={title ?? t.list.newChat} marks={marks} />
            </Link>
            {hits.map(({ messageId, role, snippet }) => (
              <Link
                key={messageId}
                to="/c/$conversationId"
                params={{ conversationId }}
                onClick={() => {
                  jumpTo(conversationId, messageId);
                  onOpen();
                }}
                data-result
                dir="auto"
                className={`${row} line-clamp-3 text-quiet`}
              >
                {role === "user" && <span className="font-medium">{t.chat.you}: </span>}
                <Marked text={snippet.text} marks={snippet.marks} />
              </Link>
            ))}
          </li>
        ))}
      </ul>
      {hasNextPage && (
        <Button disabled={isFetchingNextPage} onClick={() => fetchNextPage()}>
          {t.list.more}
        </Button>
      )}
    </nav>
  );
}

const row = "block rounded-lg px-3 py-1.5 text-sm hover:bg-line/50 focus-visible:bg-line/50";

function Marked({ text, marks }: { text: string; marks: readonly { start: number; end: number }[] }) {
  let at = 0;
  const pieces = marks.flatMap(({ start, end }) => {
    const before = text.slice(at, start);
    at = end;
    return [
      before,
      <mark key={start} className="rounded-sm bg-brand/15 text-ink">
        {text.slice(start, end)}
      </mark>,
    ];
  });
  return [...pieces, text.slice(at)];
}

interface Group {
  conversationId: string;
  title: string | null;
  marks: SearchPage["conversations"][number]["marks"];
  hits: SearchHit[];
}

/** A conversation stands where its first message was found; those that have only a title with the words come first. */
function groupsOf(data: InfiniteData<SearchPage> | undefined): Group[] {
  const groups = new Map<string, Group>();
  for (const { conversationId, title, marks } of data?.pages[0]?.conversations ?? []) {
    groups.set(conversationId, { conversationId, title, marks, hits: [] });
  }
  for (const hit of data?.pages.flatMap(({ items }) => items) ?? []) {
    const { conversationId, title } = hit;
    const group = groups.get(conversationId) ?? { conversationId, title, marks: [], hits: [] };
    group.hits.push(hit);
    groups.set(conversationId, group);
  }
  return [...groups.values()];
}

/** Such as one of punctuation alone, on the way to a word. */
function isNoSearch(error: unknown): boolean {
  return error instanceof ApiError && error.code === "invalid_input";
}

/** From the field down into what was found, and back; Enter in the field opens the first. */
export function moveAmongFound(event: KeyboardEvent<HTMLElement>): void {
  const all = [...document.querySelectorAll<HTMLElement>("[data-found] [data-result]")];
  const at = all.indexOf(document.activeElement as HTMLElement);
  const isField = (event.target as HTMLElement).id === "search";
  if (event.key === "Enter" && isField) all[0]?.click();
  else if (event.key === "ArrowDown") all[Math.min(at + 1, all.length - 1)]?.focus();
  else if (event.key === "ArrowUp" && !isField) (all[at - 1] ?? document.getElementById("search"))?.focus();
  else return;
  event.preventDefault();
}
