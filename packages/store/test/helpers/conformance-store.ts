/** chatkeep as the conformance suite sees it. */
import { ChatkeepError, createStore, type Database, inTransaction, type NewMessage } from "chatkeep";
import { openNeon } from "chatkeep/neon";
import { openPg } from "chatkeep/pg";
import type { ConformanceCode, ConformanceStore } from "chatkeep/testing";
import { eq } from "drizzle-orm";
import { useNeonProxy } from "./neon-proxy.ts";
import { models, user } from "./people.ts";

const codes = new Set<string>(["conflict", "not_found", "invalid_input", "too_large", "unavailable"]);

export function conformanceStore(db: Database, close: () => Promise<void>): ConformanceStore {
  const store = createStore(db, models);
  return {
    createUser: async () => (await db.insert(user).values({ name: "Somebody" }).returning())[0]?.id ?? "",
    createConversation: (userId, input) =>
      store.forUser(userId).conversations.create(input as { messages: NewMessage[] }),
    append: (userId, id, messages) => store.forUser(userId).messages.append(id, messages),
    page: async (userId, id, options) => (await store.forUser(userId).messages.list(id, options)).items,
    list: async (userId, options) => {
      const { items, nextCursor } = await store.forUser(userId).conversations.list(options);
      return { ids: items.map(({ id }) => id), cursor: nextCursor };
    },
    deleteConversation: (userId, id) => store.forUser(userId).conversations.delete(id),
    deleteUser: (userId) => inTransaction(db, async (tx) => void (await tx.delete(user).where(eq(user.id, userId)))),
    codeOf: (error) => {
      const code = error instanceof ChatkeepError ? error.code : "";
      return codes.has(code) ? (code as ConformanceCode) : undefined;
    },
    close,
  };
}

/** Where a store is, for another process. */
export interface StorePlace {
  url: string;
  neonProxyPort?: number | undefined;
}

export function openPlace({ url, neonProxyPort }: StorePlace): ConformanceStore {
  if (neonProxyPort) useNeonProxy(neonProxyPort);
  const { db, close } = neonProxyPort ? openNeon({ url }) : openPg({ url });
  return conformanceStore(db, close);
}

/** What a writer of the suite calls in its own process. */
export async function openStore(argument: string): Promise<ConformanceStore> {
  return openPlace(JSON.parse(argument) as StorePlace);
}
