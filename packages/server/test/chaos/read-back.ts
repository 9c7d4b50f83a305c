/** Everything that was acknowledged, read through the servers by whom it belongs to, page by page. */
import { type Client, insist, type Site } from "./client.ts";
import { randomFrom } from "./random.ts";
import type { Stored } from "./verify.ts";

/** By conversation: the messages as they came, in their order. */
export type ReadBack = Map<string, { id: string; content: string }[]>;

interface Page {
  items: { id: string; content: string }[];
  nextCursor: number | string | null;
}

export async function readBack(site: Site): Promise<ReadBack> {
  const read: ReadBack = new Map();
  const random = randomFrom(0, "reader");
  for (const [id, { user, isAcknowledged }] of site.journal.conversations) {
    if (!isAcknowledged) continue;
    const client: Client = { ...site, user, random };
    const messages: Page["items"] = [];
    for (let before: string | undefined; ; ) {
      const path = `/api/conversations/${id}/messages?limit=100${before ? `&before=${before}` : ""}`;
      const { items, nextCursor } = await insist<Page>(client, "GET", path);
      messages.unshift(...items);
      if (nextCursor === null) break;
      before = String(nextCursor);
    }
    read.set(id, messages);
  }
  return read;
}

/** Conversations that readers see otherwise than they are stored. */
export function misread(read: ReadBack, { messages }: Stored): string[] {
  const stored = Map.groupBy(messages, ({ conversationId }) => conversationId);
  const textOf = (all: readonly { id: string; content: string }[]) =>
    all.map(({ id, content }) => `${id} ${content}`).join("\n");
  return [...read]
    .filter(([id, all]) => textOf(all) !== textOf(stored.get(id) ?? []))
    .map(([id]) => `conversation ${id}`);
}
