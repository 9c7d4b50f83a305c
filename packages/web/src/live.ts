/** What other tabs, devices and programs change, as the server tells it: the lists and the open conversation follow. */
import { type InfiniteData, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { type Conversation, listen, type Page } from "./api.ts";

/** A conversation of the list, with the reply that is being written in it. */
interface ListedConversation extends Conversation {
  runId?: string | null;
}

type Pages = InfiniteData<Page<ListedConversation>, string | undefined>;

const listKey = ["conversations"];

export function useLive(): void {
  const queries = useQueryClient();
  useEffect(
    () =>
      listen({
        onEvent: (event) => {
          switch (event.type) {
            case "ready":
              // Whatever was missed is read again.
              void queries.invalidateQueries({ queryKey: listKey });
              void queries.invalidateQueries({ queryKey: ["branch"] });
              return;
            case "conversation":
              putInList(queries, { ...event.conversation, runId: event.runId });
              void queries.invalidateQueries({ queryKey: ["branch", event.conversation.id] });
              return;
            case "deleted":
              takeFromList(queries, event.conversationId);
              void queries.invalidateQueries({ queryKey: ["branch", event.conversationId] });
              return;
          }
        },
        // Perhaps nobody is signed in any more.
        onRefused: () => void queries.invalidateQueries({ queryKey: ["person"] }),
      }),
    [queries],
  );
}

/** The newest activity stands first, as the server would list it. */
function putInList(queries: QueryClient, conversation: ListedConversation): void {
  queries.setQueryData<Pages>(listKey, (list) => {
    const [first, ...others] = without(list, conversation.id)?.pages ?? [];
    if (!list || !first) return list;
    const items = [conversation, ...first.items].sort((a, b) => b.updatedAt.localeCompare(a.updatedAt));
    return { ...list, pages: [{ ...first, items }, ...others] };
  });
}

function takeFromList(queries: QueryClient, id: string): void {
  queries.setQueryData<Pages>(listKey, (list) => without(list, id));
}

function without(list: Pages | undefined, id: string): Pages | undefined {
  if (!list) return list;
  const pages = list.pages.map((page) => ({ ...page, items: page.items.filter((each) => each.id !== id) }));
  return { ...list, pages };
}
