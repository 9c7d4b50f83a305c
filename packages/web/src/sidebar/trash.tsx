/** The trash: what was deleted, for as long as it can be restored; each back, or for good, or all of it for good. */
import { infiniteQueryOptions, useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError, type TrashedConversation } from "chatkeep/client";
import { ArrowLeft, RotateCcw, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { client } from "../client.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { dateOf, fullTime } from "../ui/times.ts";
import { toasts } from "../ui/toasts.tsx";
import { trashKey, useRestore } from "./deletions.ts";
import { Placeholders } from "./placeholders.tsx";

const trashQuery = infiniteQueryOptions({
  queryKey: trashKey,
  queryFn: ({ pageParam }) => client.trash.list({ limit: 50, cursor: pageParam }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.nextCursor ?? undefined,
});

/** What is to be removed for good once that is confirmed. */
type Doomed = TrashedConversation | "all";

export function Trash({ onBack }: { onBack: () => void }) {
  const list = useInfiniteQuery(trashQuery);
  const [doomed, setDoomed] = useState<Doomed>("all");
  const [isAsking, setIsAsking] = useState(false);
  const label = useRef<HTMLElement>(null);
  const purge = usePurge();
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  const toList = () => label.current?.focus();
  useEffect(toList, []);
  const ask = (what: Doomed) => {
    setDoomed(what);
    setIsAsking(true);
  };
  return (
    <>
      <div className="mx-2 flex items-center justify-between gap-2">
        <button
          type="button"
          onClick={onBack}
          className="flex shrink-0 items-center gap-2 rounded-lg px-3 py-2 text-left text-quiet text-sm hover:bg-line/50"
        >
          <ArrowLeft size={15} aria-hidden="true" />
          {t.list.back}
        </button>
        {items.length > 0 && <Button onClick={() => ask("all")}>{t.trash.empty}</Button>}
      </div>
      <nav
        ref={label}
        tabIndex={-1}
        aria-label={t.trash.title}
        className="min-h-0 flex-1 overflow-y-auto px-2 pb-2 outline-none"
      >
        <h2 className="px-3 pt-3 pb-1 font-medium text-quiet text-xs">{t.trash.title}</h2>
        {list.isPending && <Placeholders />}
        {list.error && !list.data && (
          <div role="alert" className="grid gap-2 p-3 text-quiet text-sm">
            {sentenceOf(list.error)}
            <Button onClick={() => list.refetch()}>{t.tryAgain}</Button>
          </div>
        )}
        {list.data && items.length === 0 && <p className="p-3 text-quiet text-sm">{t.trash.nothing}</p>}
        <ul>
          {items.map((each) => (
            <TrashRow key={each.id} conversation={each} onPurge={() => ask(each)} onRestored={toList} />
          ))}
        </ul>
        {list.hasNextPage && (
          <Button className="w-full" disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
            {t.list.more}
          </Button>
        )}
      </nav>
      <Confirm
        open={isAsking}
        onOpenChange={setIsAsking}
        title={doomed === "all" ? t.trash.emptyTitle : t.trash.purgeTitle(doomed.title ?? t.list.newChat)}
        text={t.trash.forGood}
        action={doomed === "all" ? t.trash.empty : t.trash.purge}
        onConfirm={() => purge.mutate(doomed, { onSuccess: toList })}
      />
    </>
  );
}

function usePurge() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (what: Doomed) => {
      if (what === "all") await client.trash.empty();
      else await client.trash.purge(what.id).catch(unlessElsewhere);
    },
    onError: (error) => void toasts.add({ title: sentenceOf(error) }),
    onSettled: () => queries.invalidateQueries({ queryKey: trashKey }),
  });
}

/** Another tab has removed it, or brought it back: the list says so. */
function unlessElsewhere(error: unknown): void {
  if (!(error instanceof ApiError && ["not_found", "conflict"].includes(error.code))) throw error;
}

interface TrashRowProps {
  conversation: TrashedConversation;
  onPurge: () => void;
  onRestored: () => void;
}

function TrashRow({ conversation, onPurge, onRestored }: TrashRowProps) {
  const { id, title, expiresAt } = conversation;
  const name = title ?? t.list.newChat;
  const restore = useRestore();
  return (
    <li className="flex items-center gap-1 rounded-lg ps-3 text-sm hover:bg-line/50">
      <span className="min-w-0 flex-1 py-1.5">
        <span dir="auto" className="block truncate">
          {name}
        </span>
        <time dateTime={expiresAt} title={fullTime(expiresAt)} className="block truncate text-quiet text-xs">
          {t.trash.until(dateOf(expiresAt))}
        </time>
      </span>
      <IconButton
        label={t.trash.restore(name)}
        disabled={restore.isPending}
        onClick={() => restore.mutate(id, { onSuccess: onRestored })}
      >
        <RotateCcw size={16} />
      </IconButton>
      <IconButton label={t.trash.purgeOne(name)} onClick={onPurge}>
        <Trash2 size={16} />
      </IconButton>
    </li>
  );
}
