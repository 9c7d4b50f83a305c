/** What other tabs, devices and programs change, as the server tells it: the lists and the open conversation follow. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { listen } from "./api.ts";
import { putInLists, readListsAgain, takeFromLists } from "./lists.ts";

export function useLive(): void {
  const queries = useQueryClient();
  useEffect(
    () =>
      listen({
        onEvent: (event) => {
          switch (event.type) {
            case "ready":
              // Whatever was missed is read again.
              void readListsAgain(queries);
              for (const key of ["branch", "conversation", "tasks"])
                void queries.invalidateQueries({ queryKey: [key] });
              return;
            case "conversation": {
              const { id } = event.conversation;
              putInLists(queries, { ...event.conversation, runId: event.runId });
              queries.setQueryData(["conversation", id], event.conversation);
              void queries.invalidateQueries({ queryKey: ["branch", id] });
              return;
            }
            case "deleted":
              takeFromLists(queries, event.conversationId);
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
