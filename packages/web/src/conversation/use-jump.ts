/** Goes to a message that was found: up the branch that is shown as far as needed, else to the branch that it is on. */
import { useQueryClient } from "@tanstack/react-query";
import type { UIMessage } from "ai";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { client } from "../client.ts";
import { hasJumped, subscribeToJumps, wantedIn } from "../jump.ts";
import { sentenceOf } from "../strings/errors.ts";
import { toasts } from "../ui/toasts.tsx";

interface Branch {
  data: { pages: { items: { id: string }[] }[] } | undefined;
  isFetching: boolean;
  hasNextPage: boolean;
  fetchNextPage(): unknown;
}

const shownMs = 1_500;

export function useJump(id: string, messages: readonly UIMessage[], branch: Branch): void {
  const queries = useQueryClient();
  const wanted = useSyncExternalStore(subscribeToJumps, () => wantedIn(id));
  const turnedTo = useRef<string>(undefined);
  const { data, isFetching, hasNextPage, fetchNextPage } = branch;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the message is in the page when the messages have changed
  useEffect(() => {
    if (wanted === undefined || isFetching || !data) return;
    const element = document.querySelector<HTMLElement>(`[data-message="${CSS.escape(wanted)}"]`);
    if (element) return arrive(element);
    // It is read, and will be in the page in a moment.
    if (data.pages.some(({ items }) => items.some((item) => item.id === wanted))) return;
    if (hasNextPage) return void fetchNextPage();
    if (turnedTo.current === wanted) return hasJumped();
    turnedTo.current = wanted;
    client.conversations.showBranch(id, wanted).then(
      () => queries.invalidateQueries({ queryKey: ["branch", id] }),
      (error: Error) => {
        hasJumped();
        toasts.add({ title: sentenceOf(error) });
      },
    );
  }, [id, wanted, messages, data, isFetching, hasNextPage, fetchNextPage, queries]);

  function arrive(element: HTMLElement): void {
    turnedTo.current = undefined;
    hasJumped();
    element.scrollIntoView({ block: "center" });
    element.focus({ preventScroll: true });
    element.animate(
      [{ outline: "2px solid currentColor", outlineOffset: "4px" }, { outline: "2px solid transparent" }],
      shownMs,
    );
  }
}
