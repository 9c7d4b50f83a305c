/** chatkeep as the conformance suite sees it. */
import {
  ChatkeepError,
  type ClosableConnection,
  type Connection,
  createStore,
  type NewMessage,
  type StoreOptions,
} from "chatkeep";
import { inTransaction } from "chatkeep/internal";
import { openNeon } from "chatkeep/neon";
import { openPg } from "chatkeep/pg";
import type { ConformanceCode, ConformanceStore, Subject } from "chatkeep/testing";
import { useNeonProxy } from "./neon-proxy.ts";
import { models } from "./people.ts";

const codes = new Set<string>(["conflict", "not_found", "invalid_input", "too_large", "unavailable"]);

export function conformanceStore(connection: ClosableConnection, options: StoreOptions = {}): ConformanceStore {
  const store = createStore(connection, models, options);
  return {
    createUser: async () => {
      const [row] = await connection.query(`insert into "user" (name) values ('Somebody') returning id::text`);
      return String(row?.[0]);
    },
    createConversation: (userId, input) =>
      store.forUser(userId).conversations.create(input as { messages: NewMessage[] }),
    append: (userId, id, messages) => store.forUser(userId).messages.append(id, messages),
    page: async (userId, id, options) => (await store.forUser(userId).messages.list(id, options)).items,
    list: async (userId, options) => {
      const { items, nextCursor } = await store.forUser(userId).conversations.list(options);
      return { ids: items.map(({ id }) => id), cursor: nextCursor };
    },
    deleteConversation: (userId, id) => store.forUser(userId).conversations.delete(id),
    deleteUser: (userId) =>
      inTransaction(connection, async (inside) => {
        await inside.query(`delete from "user" where id = $1::uuid`, [userId]);
      }),
    codeOf: (error) => {
      const code = error instanceof ChatkeepError ? error.code : "";
      return codes.has(code) ? (code as ConformanceCode) : undefined;
    },
    close: connection.close,
  };
}

/** How messages are changed, and brought in. */
export function changesOn(connection: Connection, options: StoreOptions = {}): NonNullable<Subject["changes"]> {
  const store = createStore(connection, models, options);
  const get = (userId: string, id: string, messageId: string) => store.forUser(userId).messages.get(id, messageId);
  return {
    revision: async (...names) => (await get(...names)).revision,
    update: async (userId, id, messageId, content, revision) =>
      void (await store.forUser(userId).messages.update(id, messageId, { content }, { revision: Number(revision) })),
    redact: async (userId, id, messageId) => void (await store.forUser(userId).messages.redact(id, messageId)),
    truncate: async (userId, id, last) => void (await store.forUser(userId).conversations.truncate(id, last)),
    save: async (userId, id, messages) => void (await store.forUser(userId).messages.save(id, messages)),
    shown: async (userId, id) => (await store.forUser(userId).messages.branch(id)).items.map((each) => each.id),
    bringIn: async (userId, id, messages) => void (await store.forUser(userId).import({ id, messages })),
    timeOf: async (...names) => (await get(...names)).createdAt,
  };
}

/** Where a store is, for another process. */
export interface StorePlace {
  url: string;
  neonProxyPort?: number | undefined;
  rowLevelSecurity?: boolean;
  distributed?: boolean;
}

export function openPlace({ url, neonProxyPort, ...options }: StorePlace): ConformanceStore {
  if (neonProxyPort) useNeonProxy(neonProxyPort);
  return conformanceStore(neonProxyPort ? openNeon({ url }) : openPg({ url }), options);
}

/** What a writer of the suite calls in its own process. */
export async function openStore(argument: string): Promise<ConformanceStore> {
  return openPlace(JSON.parse(argument) as StorePlace);
}
