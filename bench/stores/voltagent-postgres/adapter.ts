/** VoltAgent's `PostgreSQLMemoryAdapter`: conversations of users, with messages as the AI SDK has them. */
import { randomUUID } from "node:crypto";
import { PostgreSQLMemoryAdapter } from "@voltagent/postgres";
import type { SentMessage } from "chatkeep/testing";
import type { AdaptedStore, Query } from "../adapter.ts";
import { answerOf, cases, codeOf, ownLimits, pageOf, partsOf, Refused, wordsOf } from "../adapter.ts";

export const title = "`PostgreSQLMemoryAdapter` of @voltagent/postgres";
export const messagesTable = "voltagent_memory_messages";
export const without = ["archive", "whole", "changes"] as const;
export const notClaimed = {
  ...ownLimits,
  ...cases("a message that is there under the id is replaced: so its code does", "P3.2", "P3.9"),
  ...cases("a conversation that is there is never created again: the error says so", "P3.7"),
  ...cases("an id names a message within its conversation", "P3.3", "P3.4", "P3.10"),
  ...cases("pages go by time, not by place", "P5.3", "P5.4"),
  ...cases("it has no users to delete", "D.2", "D.3"),
};
export const stored = { to: /commit/i, nth: 4 };
export const why = {
  ...cases(
    "messages are stored one after the other: those of others come in between, and a process that is killed leaves half of an append",
    "P1.2",
    "P1.3",
    "P1.4",
    "P1.6",
    "P2.2",
    "P2.3",
    "P2.4",
  ),
  ...cases(
    "it hangs: more at once than its pool has connections wait for each other",
    "P1.7",
    "P2.1",
    "P2.9",
    "P3.5",
    "P3.6",
  ),
  ...cases("order goes by the stored time", "P2.7", "P2.8"),
  ...cases(
    "there is an index on the user, none on the user and the time: every page sorts all conversations of the user",
    "P5.5",
  ),
  ...cases(
    "parts are `jsonb`, which has neither NUL nor lone surrogates: PostgreSQL refuses the append",
    "C.1",
    "C.2",
    "C.12",
    "C.13",
    "C.14",
  ),
};
export const notes = [
  "The owner of a conversation is a field that adding messages and deleting it do not compare: the adapter looks the conversation up and compares it before each call.",
  "Creating a conversation and adding a message each take a connection from its pool, and then a second one to look the conversation up. When as many do so at once as the pool has connections (10 when left out), each waits for the others, for ever: tried by itself, nine `addMessages` at once end, ten do not, and ten do with `maxConnections: 11`. Cases that do more at once end at their limit of a minute.",
  "`addMessages`, which stores several at once, gives them one time, and order goes by time: reading then has no order among them. The adapter stores one after the other with `addMessage`, as VoltAgent's agents do.",
  "An append does not change when a conversation was last active.",
];

type Given = Parameters<PostgreSQLMemoryAdapter["addMessages"]>[0];

export async function setUp(url: string): Promise<void> {
  const memory = new PostgreSQLMemoryAdapter({ connection: url });
  await memory.getConversation("none");
  await memory.close();
}

export async function openStore(url: string): Promise<AdaptedStore> {
  const memory = new PostgreSQLMemoryAdapter({ connection: url });
  // Its pool is private, and a pool that nobody listens to ends the process when a connection is cut.
  (memory as unknown as { pool: { on(event: "error", heard: () => void): void } }).pool.on("error", () => {});
  await memory.getConversation("none");
  const own = async (userId: string, id: string) => {
    if ((await memory.getConversation(id))?.userId !== userId) throw new Refused("not_found");
  };
  const givenOf = (messages: SentMessage[]) =>
    messages.map((each) => ({ id: each.id, role: each.role, parts: partsOf(each) })) as Given;
  /** One after the other, as VoltAgent's agents do: those of one `addMessages` have one time. */
  const add = async (userId: string, id: string, messages: SentMessage[]) => {
    for (const each of givenOf(messages)) await memory.addMessage(each, userId, id);
  };
  const read = async (userId: string, id: string, limit?: number) => {
    const messages = await memory.getMessages(userId, id, limit === undefined ? {} : { limit });
    return messages.map(({ id: each, role, parts }) => ({ id: each, role, content: wordsOf(parts), parts }));
  };
  const store: AdaptedStore = {
    isCounted: false,
    createUser: async () => randomUUID(),
    createConversation: async (userId, { id = randomUUID(), messages = [] } = {}) => {
      const known = await memory.getConversation(id);
      if (known && known.userId !== userId) throw new Refused("conflict");
      if (!known) {
        await memory.createConversation({ id, userId, resourceId: "suite", title: "New chat", metadata: {} });
      }
      if (messages.length > 0) await add(userId, id, messages);
      return { id };
    },
    append: async (userId, id, messages) => {
      await own(userId, id);
      await add(userId, id, messages);
      return store.isCounted ? [] : answerOf(await read(userId, id), messages);
    },
    page: async (userId, id, options) => {
      await own(userId, id);
      if (store.isCounted) return pageOf(await read(userId, id, options.limit), options);
      return pageOf(await read(userId, id), options);
    },
    list: async (userId, { limit, cursor }) => {
      const offset = Number(cursor ?? 0);
      const found = await memory.queryConversations({ userId, limit: limit + 1, offset });
      const ids = found.slice(0, limit).map((each) => each.id);
      return { ids, cursor: found.length > limit ? String(offset + limit) : null };
    },
    deleteConversation: async (userId, id) => {
      await own(userId, id);
      await memory.deleteConversation(id);
    },
    deleteUser: async () => {
      throw new Error("no case that is run needs this");
    },
    codeOf: (error) =>
      error instanceof Error && /conversation not found/i.test(error.message) ? "not_found" : codeOf(error),
    close: () => memory.close(),
  };
  return store;
}

export async function setTimes(query: Query, id: string, moment: Date): Promise<void> {
  const time = moment.toISOString();
  await query("update voltagent_memory_messages set created_at = $2 where conversation_id = $1", [id, time]);
  await query("update voltagent_memory_conversations set created_at = $2, updated_at = $2 where id = $1", [id, time]);
}

export async function fillUser(query: Query, userId: string, total: number): Promise<void> {
  await query(
    `insert into voltagent_memory_conversations (id, resource_id, user_id, title, metadata, created_at, updated_at)
     select gen_random_uuid(), 'suite', $1, 'filled', '{}', now() - make_interval(secs => n), now() - make_interval(secs => n)
     from generate_series(1, $2::int) n`,
    [userId, total],
  );
}
