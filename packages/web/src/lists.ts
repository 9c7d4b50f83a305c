/** The lists of conversations that this tab has read, and how a change of one conversation moves it between them. */
import { type InfiniteData, infiniteQueryOptions, type QueryClient } from "@tanstack/react-query";
import type { Conversation, ConversationListOptions, Page } from "chatkeep/client";
import { client } from "./client.ts";

/** A conversation of a list. */
export interface ListedConversation extends Conversation {
  /** The reply that is being written in it; left out where that is not known. */
  runId?: string | null;
}

type Pages = InfiniteData<Page<ListedConversation>, string | undefined>;

export type ListName = "active" | "pinned" | "archive";

const filters = {
  active: { archived: false, pinned: false },
  pinned: { archived: false, pinned: true },
  archive: { archived: true },
} satisfies Record<string, ConversationListOptions>;

const limit = 50;

const all = ["conversations"];
const ofProjects = [...all, "project"];
const ofTags = [...all, "tag"];
/** What is asked of the server again when a conversation changes, where it is in view. */
const asked = [ofProjects, ofTags];
/** How many conversations each tag has: asked for only where that may have changed. */
const tags = ["tags"];
const keyOf = (name: ListName) => [...all, name];
const names = Object.keys(filters) as ListName[];

export function listQuery(name: ListName) {
  return queryFor(keyOf(name), filters[name]);
}

/** Those in a project that are not in the archive. */
export function projectListQuery(projectId: string) {
  return queryFor([...ofProjects, projectId], { archived: false, metadata: { projectId } });
}

/** Those with a tag that are not in the archive. */
export function tagListQuery(tag: string) {
  return queryFor([...ofTags, tag], { archived: false, metadata: { tags: [tag] } });
}

function queryFor(queryKey: string[], filter: ConversationListOptions) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam }): Promise<Page<ListedConversation>> =>
      client.conversations.list({ ...filter, limit, cursor: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Puts a conversation where it belongs now; the newest activity stands first, as the server would list it: no temporary one. */
export function putInLists(queries: QueryClient, changed: ListedConversation): void {
  if (changed.expiresAt !== null) return;
  const changes = tagsIn(knownIn(queries, changed.id)) === tagsIn(changed) ? asked : [...asked, tags];
  for (const queryKey of changes) void queries.invalidateQueries({ queryKey });
  const { runId = runIn(queries, changed.id) } = changed;
  const conversation = { ...changed, runId };
  const home: ListName = conversation.archived ? "archive" : conversation.pinned ? "pinned" : "active";
  for (const name of names) {
    queries.setQueryData<Pages>(keyOf(name), (list) => {
      const rest = without(list, conversation.id);
      if (name !== home || !rest) return rest;
      const [first, ...others] = rest.pages;
      if (!first) return rest;
      const items = [conversation, ...first.items].sort((a, b) => b.updatedAt.localeCompare(a.updatedAt));
      return { ...rest, pages: [{ ...first, items }, ...others] };
    });
  }
}

/** What this tab has read of the list of all chats that are not in the archive. */
export function listedIn(queries: QueryClient): ListedConversation[] {
  const lists = [queries.getQueryData<Pages>(keyOf("pinned")), queries.getQueryData<Pages>(keyOf("active"))];
  return lists.flatMap((list) => list?.pages.flatMap(({ items }) => items) ?? []);
}

/** The reply that is being written in it, as far as this tab knows. */
export function runIn(queries: QueryClient, id: string): string | null {
  return knownIn(queries, id)?.runId ?? null;
}

function knownIn(queries: QueryClient, id: string): ListedConversation | undefined {
  for (const name of names) {
    for (const { items } of queries.getQueryData<Pages>(keyOf(name))?.pages ?? []) {
      const known = items.find((each) => each.id === id);
      if (known) return known;
    }
  }
  return undefined;
}

function tagsIn(conversation: Conversation | undefined): string {
  return JSON.stringify(conversation?.metadata?.["tags"] ?? []);
}

export function takeFromLists(queries: QueryClient, id: string): void {
  for (const queryKey of [...asked, tags]) void queries.invalidateQueries({ queryKey });
  for (const name of names) queries.setQueryData<Pages>(keyOf(name), (list) => without(list, id));
}

/** Reads what may have been missed: the newest of each list; a list that has nothing in common with that begins anew. */
export async function readListsAgain(queries: QueryClient): Promise<void> {
  for (const queryKey of [[...all, "search"], ...asked, tags]) void queries.invalidateQueries({ queryKey });
  for (const name of names) {
    const known = queries.getQueryData<Pages>(keyOf(name));
    if (!known) continue;
    const newest = await client.conversations.list({ ...filters[name], limit }).catch(() => undefined);
    if (!newest) continue;
    const ids = new Set(newest.items.map(({ id }) => id));
    const isNear = known.pages.some((page) => page.items.some(({ id }) => ids.has(id)));
    if (!isNear || known.pages.length <= 1) {
      queries.setQueryData<Pages>(keyOf(name), { pages: [newest], pageParams: [undefined] });
      continue;
    }
    const oldest = newest.items.at(-1)?.updatedAt ?? "";
    const older = known.pages.map((page) => ({
      ...page,
      items: page.items.filter(({ id, updatedAt }) => !ids.has(id) && updatedAt < oldest),
    }));
    const [first, ...others] = older;
    const merged = { items: [...newest.items, ...(first?.items ?? [])], nextCursor: first?.nextCursor ?? null };
    queries.setQueryData<Pages>(keyOf(name), { ...known, pages: [merged, ...others] });
  }
}

function without(list: Pages | undefined, id: string): Pages | undefined {
  if (!list) return list;
  const pages = list.pages.map((page) => ({ ...page, items: page.items.filter((each) => each.id !== id) }));
  return { ...list, pages };
}
