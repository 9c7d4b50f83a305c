/** Which branch was left where: whoever comes back to another version of a message finds what stood below it then. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { UIMessage } from "ai";
import { useCallback, useEffect, useRef } from "react";
import { client } from "../client.ts";
import { forgetRemembered, remember, remembered } from "../ui/remembered.ts";
import { keptOf } from "./chats.ts";

const prefix = "seen.";
const nameOf = (id: string) => `${prefix}${id}`;

/** Another person may sign in next. */
export function forgetBranches(): void {
  forgetRemembered(prefix);
}

/** The last message that was seen below each version. */
function seenIn(id: string): Record<string, string> {
  try {
    return JSON.parse(remembered(nameOf(id)) ?? "{}") as Record<string, string>;
  } catch {
    return {};
  }
}

function remembering(id: string, versions: readonly string[], leafId: string): void {
  const seen = Object.fromEntries(versions.map((version) => [version, leafId]));
  remember(nameOf(id), JSON.stringify({ ...seenIn(id), ...seen }));
}

interface Branches {
  /** Shows the branch of a message: as it was left, or to its newest end if it was never looked at here. */
  show: (messageId: string) => void;
  /** Before another version of a message is made. */
  leave: (messageId: string) => void;
}

export function useBranches(id: string, messages: readonly UIMessage[]): Branches {
  const queries = useQueryClient();
  const leaf = messages.at(-1);
  const versions = messages
    .filter((message) => (keptOf(message)?.siblings.length ?? 0) > 1)
    .map((message) => message.id);
  const places = keptOf(leaf) ? versions.join(" ") : "";
  const leafId = leaf?.id;
  useEffect(() => {
    if (places && leafId) remembering(id, places.split(" "), leafId);
  }, [id, places, leafId]);
  const latestLeaf = useRef(leafId);
  latestLeaf.current = leafId;
  const leave = useCallback(
    (messageId: string) => {
      if (latestLeaf.current) remembering(id, [messageId], latestLeaf.current);
    },
    [id],
  );
  const { mutate } = useMutation({
    mutationFn: async (messageId: string) => {
      const leafId = seenIn(id)[messageId] ?? messageId;
      // What was seen there may be deleted by now.
      await client.conversations.showBranch(id, leafId).catch(() => client.conversations.showBranch(id, messageId));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["branch", id] }),
  });
  return { show: mutate, leave };
}
