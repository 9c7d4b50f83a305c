/** Mastra's memory as @mastra/pg stores it: threads of a resource, and messages in Mastra's own format. */
import { randomUUID } from "node:crypto";
import { PostgresStore } from "@mastra/pg";
import type { ReadMessage, SentMessage } from "chatkeep/testing";
import pg from "pg";
import type { AdaptedStore, Query } from "../adapter.ts";
import { cases, codeOf, createClock, ownLimits, partsOf, Refused, wordsOf } from "../adapter.ts";

export const title = "the memory of @mastra/pg";
export const messagesTable = "mastra_messages";
export const without = ["archive", "whole"] as const;
const replaces = "saving a thread or a message that is there replaces it: so its code does";
export const notClaimed = {
  ...ownLimits,
  ...cases(replaces, "P3.2", "P3.7", "P3.9"),
  ...cases(
    "changes are not compared with what was read, nothing is redacted, and a thread is a line",
    "P6.4",
    "P6.5",
    "P6.6",
    "P6.7",
  ),
  ...cases("it has no users to delete", "D.2", "D.3"),
};
export const stored = { to: /commit/i, nth: 1 };
export const why = {
  ...cases(
    "order goes by the times that the writers give: pairs of several processes fall between each other",
    "P1.2",
    "P2.3",
  ),
  ...cases("order goes by the stored time, and among equal times by the id", "P2.7", "P2.8"),
  ...cases(
    "`saveMessages` replaces by the id alone, whosever it is: the message leaves the thread and the resource that had it, and has the new words",
    "P3.3",
    "P3.4",
    "P3.10",
  ),
  ...cases("listing counts all threads of the resource, and each page passes over those before it", "P5.5"),
};
export const notes = [
  "Whoever saves messages gives their times. The adapter gives each a later millisecond than the one before, as Mastra's `MessageList` does.",
  "The owner of a thread is its `resourceId`: the adapter looks the thread up with it before each call, as reading with it does.",
];

const clock = createClock();

export async function setUp(url: string): Promise<void> {
  const store = new PostgresStore({ id: "suite", connectionString: url });
  await store.init();
  await store.close();
}

export async function openStore(url: string): Promise<AdaptedStore> {
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => {});
  const memory = await memoryOn(pool);
  const own = async (userId: string, id: string) => {
    const thread = await memory.getThreadById({ threadId: id, resourceId: userId });
    if (!thread) throw new Refused("not_found");
  };
  const save = (userId: string, id: string, messages: SentMessage[]) =>
    memory.saveMessages({ messages: messagesOf(userId, id, messages) });
  /** Places `from + 1` to `from + count`, out of two pages of that size. */
  const between = async (userId: string, id: string, from: number, perPage: number): Promise<ReadMessage[]> => {
    const first = Math.floor(from / perPage);
    const all: ReadMessage[] = [];
    for (const page of from % perPage === 0 ? [first] : [first, first + 1]) {
      const { messages } = await memory.listMessages({
        threadId: id,
        resourceId: userId,
        page,
        perPage,
        includeTotal: false,
      });
      all.push(...messages.map((each, index) => readOf(each, page * perPage + index + 1)));
      if (messages.length < perPage) break;
    }
    return all.filter(({ seq }) => seq > from && seq <= from + perPage);
  };
  const last = async (userId: string, id: string, perPage: number): Promise<ReadMessage[]> => {
    const orderBy = { field: "createdAt", direction: "DESC" } as const;
    const includeTotal = !store.isCounted;
    const { messages, total } = await memory.listMessages({
      threadId: id,
      resourceId: userId,
      perPage,
      orderBy,
      includeTotal,
    });
    return messages.map((each, index) => readOf(each, total - index)).reverse();
  };
  const store: AdaptedStore = {
    isCounted: false,
    createUser: async () => randomUUID(),
    createConversation: async (userId, { id = randomUUID(), messages = [] } = {}) => {
      const known = await memory.getThreadById({ threadId: id });
      if (known && known.resourceId !== userId) throw new Refused("conflict");
      const now = new Date();
      if (!known) {
        await memory.saveThread({
          thread: { id, resourceId: userId, title: "", metadata: {}, createdAt: now, updatedAt: now },
        });
      }
      if (messages.length > 0) await save(userId, id, messages);
      return { id };
    },
    append: async (userId, id, messages) => {
      await own(userId, id);
      await save(userId, id, messages);
      if (store.isCounted) return [];
      const { messages: all } = await memory.listMessages({ threadId: id, resourceId: userId, perPage: false });
      const byId = new Map(all.map((each, index) => [each.id, readOf(each, index + 1)]));
      return messages.flatMap((each) => byId.get(each.id) ?? []);
    },
    page: async (userId, id, { limit, before, after }) => {
      await own(userId, id);
      if (after !== undefined) return await between(userId, id, after, limit);
      if (before === undefined) return await last(userId, id, limit);
      const from = Math.max(0, before - 1 - limit);
      return (await between(userId, id, from, limit)).filter(({ seq }) => seq < before);
    },
    list: async (userId, { limit, cursor }) => {
      const page = Number(cursor ?? 0);
      const orderBy = { field: "updatedAt", direction: "DESC" } as const;
      const found = await memory.listThreads({ filter: { resourceId: userId }, page, perPage: limit, orderBy });
      return { ids: found.threads.map(({ id }) => id), cursor: found.hasMore ? String(page + 1) : null };
    },
    deleteConversation: async (userId, id) => {
      await own(userId, id);
      await memory.deleteThread({ threadId: id });
    },
    deleteUser: async () => {
      throw new Error("no case that is run needs this");
    },
    codeOf: (error) => (/Thread \S+ not found/.test(String(error)) ? "not_found" : codeOf(error)),
    close: () => pool.end(),
  };
  return store;
}

async function memoryOn(pool: pg.Pool) {
  const memory = await new PostgresStore({ id: "suite", pool, disableInit: true }).getStore("memory");
  if (!memory) throw new Error("@mastra/pg has no memory.");
  return memory;
}

/** In Mastra's format. */
function messagesOf(userId: string, id: string, messages: (SentMessage & { createdAt?: Date })[]) {
  return messages.map((each) => ({
    id: each.id,
    role: each.role as "user",
    threadId: id,
    resourceId: userId,
    createdAt: each.createdAt ?? clock(),
    content: { format: 2 as const, parts: partsOf(each) as { type: "text"; text: string }[] },
  }));
}

function readOf(
  { id, role, content }: { id: string; role: string; content: { parts: unknown[] } },
  seq: number,
): ReadMessage {
  return { id, role, content: wordsOf(content.parts), parts: content.parts, seq };
}

/** Of `changes` it has this: history comes in with its times. */
export function bringIn(url: string) {
  const within = async <Result>(work: (memory: Awaited<ReturnType<typeof memoryOn>>) => Promise<Result>) => {
    const pool = new pg.Pool({ connectionString: url });
    return await work(await memoryOn(pool)).finally(() => pool.end());
  };
  return {
    bringIn: (userId: string, id: string, messages: (SentMessage & { createdAt: Date })[]) =>
      within(async (memory) => {
        const now = new Date();
        await memory.saveThread({
          thread: { id, resourceId: userId, title: "", metadata: {}, createdAt: now, updatedAt: now },
        });
        await memory.saveMessages({ messages: messagesOf(userId, id, messages) });
      }),
    timeOf: (_userId: string, _id: string, messageId: string) =>
      within(async (memory) => {
        const { messages } = await memory.listMessagesById({ messageIds: [messageId] });
        return new Date(messages[0]?.createdAt ?? 0);
      }),
  };
}

export async function setTimes(query: Query, id: string, moment: Date): Promise<void> {
  const times = [id, moment.toISOString()];
  await query(
    `update mastra_messages set "createdAt" = $2::text::timestamp, "createdAtZ" = $2::text::timestamptz where thread_id = $1`,
    times,
  );
  await query(
    `update mastra_threads set "createdAt" = $2::text::timestamp, "createdAtZ" = $2::text::timestamptz,
     "updatedAt" = $2::text::timestamp, "updatedAtZ" = $2::text::timestamptz where id = $1`,
    times,
  );
}

export async function fillUser(query: Query, userId: string, total: number): Promise<void> {
  await query(
    `insert into mastra_threads (id, "resourceId", title, metadata, "createdAt", "createdAtZ", "updatedAt", "updatedAtZ")
     select gen_random_uuid(), $1, 'filled', '{}', moment, moment, moment, moment
     from (select now() - make_interval(secs => n) as moment from generate_series(1, $2::int) n) moments`,
    [userId, total],
  );
}
