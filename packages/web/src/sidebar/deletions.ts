/** Deleting with a way back: a conversation is hidden at once, and can be restored from the trash where the server keeps one. */

import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "chatkeep/client";
import { useSyncExternalStore } from "react";
import { client } from "../client.ts";
import { putInLists, takeFromLists } from "../lists.ts";
import { sentenceOf } from "../strings/errors.ts";
import { toasts } from "../ui/toasts.tsx";

export const trashKey = ["trash"];

let hidden: ReadonlySet<string> = new Set();
const listeners = new Set<() => void>();

function change(edit: (ids: Set<string>) => void): void {
  const next = new Set(hidden);
  edit(next);
  hidden = next;
  for (const listener of listeners) listener();
}

/** Says whether it can be restored. @throws what the client throws; then it is shown again */
export async function deleteConversation(queries: QueryClient, id: string): Promise<boolean> {
  change((ids) => ids.add(id));
  try {
    await client.conversations.delete(id).catch(unlessGone);
    takeFromLists(queries, id);
  } finally {
    change((ids) => ids.delete(id));
  }
  void queries.invalidateQueries({ queryKey: trashKey });
  // Others may have been deleted meanwhile.
  const newest = await client.trash.list({ limit: 20 }).catch(() => undefined);
  return newest?.items.some((each) => each.id === id) ?? false;
}

function unlessGone(error: unknown): void {
  if (!(error instanceof ApiError && error.code === "not_found")) throw error;
}

/** Brings a conversation back, also after another tab has done it. */
export function useRestore() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      client.trash.restore(id).catch((error) => {
        if (error instanceof ApiError && error.code === "conflict") return client.conversations.get(id);
        throw error;
      }),
    onError: (error) => void toasts.add({ title: sentenceOf(error) }),
    onSuccess: (conversation) => {
      putInLists(queries, conversation);
      queries.setQueryData(["conversation", conversation.id], conversation);
      void queries.invalidateQueries({ queryKey: ["branch", conversation.id] });
    },
    onSettled: () => void queries.invalidateQueries({ queryKey: trashKey }),
  });
}

export function useHidden(): ReadonlySet<string> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => hidden,
  );
}
