/** The conversations, newest activity first, under the day of their last message. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { SquarePen } from "lucide-react";
import { useEffect, useRef } from "react";
import { conversations } from "../api.ts";
import { Button } from "../ui/button.tsx";
import { groupOf } from "../ui/times.ts";
import { ConversationRow } from "./conversation-row.tsx";

export function Sidebar({ onOpen }: { onOpen: () => void }) {
  const list = useInfiniteQuery({
    queryKey: ["conversations"],
    queryFn: ({ pageParam }) => conversations.list(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    refetchOnWindowFocus: true,
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  const groups = Map.groupBy(items, ({ updatedAt }) => groupOf(updatedAt));
  return (
    <>
      <div className="flex items-center justify-between gap-2 p-3">
        <span className="flex items-center gap-2 px-1 font-semibold">
          <img src="/favicon.svg" alt="" className="size-6" />
          chatkeep
        </span>
        <Link
          to="/"
          onClick={onOpen}
          className="inline-flex items-center gap-2 rounded-lg border border-line bg-raised px-3 py-1.5 font-medium text-sm hover:bg-side"
        >
          <SquarePen size={16} aria-hidden="true" />
          New chat
        </Link>
      </div>
      <nav aria-label="Conversations" className="min-h-0 flex-1 overflow-y-auto px-2 pb-2">
        {list.isPending && <Placeholders />}
        {list.error && !list.data && (
          <div role="alert" className="grid gap-2 p-3 text-quiet text-sm">
            {list.error.message}
            <Button onClick={() => list.refetch()}>Try again</Button>
          </div>
        )}
        {list.data && items.length === 0 && (
          <p className="p-3 text-quiet text-sm">No conversations yet. What you ask will be kept here.</p>
        )}
        {[...groups].map(([name, group]) => (
          <section key={name} aria-label={name} className="mt-2">
            <h2 className="px-3 py-1 font-medium text-quiet text-xs">{name}</h2>
            <ul>
              {group.map((conversation) => (
                <ConversationRow key={conversation.id} conversation={conversation} onOpen={onOpen} />
              ))}
            </ul>
          </section>
        ))}
        {list.hasNextPage && <More onVisible={() => !list.isFetchingNextPage && list.fetchNextPage()} />}
      </nav>
    </>
  );
}

/** Asks for the next page when it scrolls into view; also a button, for those who do not scroll. */
function More({ onVisible }: { onVisible: () => void }) {
  const ref = useRef<HTMLButtonElement>(null);
  const latest = useRef(onVisible);
  latest.current = onVisible;
  useEffect(() => {
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && latest.current());
    if (ref.current) watch.observe(ref.current);
    return () => watch.disconnect();
  }, []);
  return (
    <button ref={ref} type="button" className="w-full p-3 text-quiet text-sm" onClick={onVisible}>
      Show older conversations
    </button>
  );
}

const widths = ["75%", "55%", "65%", "45%", "70%"];

function Placeholders() {
  return (
    <div aria-hidden="true" className="grid animate-pulse gap-4 p-3">
      {widths.map((width) => (
        <div key={width} className="h-4 rounded bg-line" style={{ width }} />
      ))}
    </div>
  );
}
