/**
 * What other tabs, devices and programs change, as the server tells it: the lists and the open conversation follow. One tab of
 * a browser listens, and tells the others; when it goes, or is not seen any more, another one does.
 */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import type { LiveEvent } from "chatkeep/client";
import { useEffect } from "react";
import { account } from "./account/account.ts";
import { client } from "./client.ts";
import { putInLists, readListsAgain, runIn, takeFromLists } from "./lists.ts";
import { keepRecent } from "./offline/keep-recent.ts";
import { forgetKeptChat } from "./offline/kept.ts";
import { replyHasEnded } from "./reply-streams.ts";
import { markUnread, unreadOf } from "./sidebar/unread.ts";
import { aborted, whileVisible, withPlace } from "./tabs.ts";

export function useLive(personId: string): void {
  const queries = useQueryClient();
  unreadOf(personId);
  useEffect(() => {
    const name = `chatkeep.events.${personId}`;
    const channel = new BroadcastChannel(name);
    const follow = (event: LiveEvent) => take(queries, event);
    channel.onmessage = ({ data }) => follow(data as LiveEvent);
    // Perhaps nobody is signed in any more, or somebody else.
    const askWho = () => void queries.invalidateQueries({ queryKey: ["person"] });
    const onEvent = (event: LiveEvent) => {
      channel.postMessage(event);
      follow(event);
    };
    const end = whileVisible((signal) => {
      void withPlace([name], signal, async () => {
        const stop = listen(personId, { onEvent, onRefused: askWho });
        void keepRecent(queries, signal);
        await aborted(signal);
        stop();
      });
    });
    return () => {
      end();
      channel.close();
    };
  }, [queries, personId]);
}

interface Listener {
  onEvent(event: LiveEvent): void;
  /** The server would not let us listen; it is asked again. */
  onRefused(): void;
}

const listenAgainMs = 5_000;

/**
 * Hears of changes until the function that it gives is called. The client comes back by itself after a lost connection; by
 * then another may have signed in, of whom this page must not hear.
 */
function listen(personId: string, { onEvent, onRefused }: Listener): () => void {
  let end = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isOurs = async () => (await account.current().catch(() => null))?.id === personId;
  const open = () => {
    const over = new AbortController();
    end = () => over.abort();
    let asked = Promise.resolve(false);
    client.events.subscribe(
      (event) => {
        if (event.type === "ready") asked = isOurs();
        void asked.then((ours) => {
          if (over.signal.aborted) return;
          if (ours) return onEvent(event);
          end();
          onRefused();
          timer = setTimeout(open, listenAgainMs);
        });
      },
      {
        signal: over.signal,
        onState: (state) => state.name === "waiting" && state.error && state.error.status > 0 && onRefused(),
      },
    );
  };
  open();
  return () => {
    clearTimeout(timer);
    end();
  };
}

function take(queries: QueryClient, event: LiveEvent): void {
  switch (event.type) {
    case "ready":
      // Whatever was missed is read again.
      void readListsAgain(queries);
      for (const key of ["branch", "conversation", "tasks", "trash", "projects"])
        void queries.invalidateQueries({ queryKey: [key] });
      return;
    case "conversation": {
      const { id } = event.conversation;
      forgetKeptChat(id);
      if (!event.runId) replyHasEnded(id);
      if (!event.runId && runIn(queries, id)) markUnread(id);
      putInLists(queries, { ...event.conversation, runId: event.runId });
      queries.setQueryData(["conversation", id], event.conversation);
      // It may have come back from there.
      void queries.invalidateQueries({ queryKey: ["trash"] });
      void queries.invalidateQueries({ queryKey: ["branch", id] });
      return;
    }
    case "deleted":
      forgetKeptChat(event.conversationId);
      replyHasEnded(event.conversationId);
      takeFromLists(queries, event.conversationId);
      void queries.invalidateQueries({ queryKey: ["trash"] });
      void queries.invalidateQueries({ queryKey: ["branch", event.conversationId] });
      return;
  }
}
