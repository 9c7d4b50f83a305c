/** A right store in memory, and ways to make it wrong: the suite must find each of them. For the tests of the suite only. */
import { randomUUID } from "node:crypto";
import type { ConformanceCode, ConformanceStore, ReadMessage, SentMessage } from "chatkeep/testing";

export type Fault =
  /** Pages go by the time of storing, as `order by created_at` does. */
  | "clock"
  /** The next place is read, and used after others had their turn. */
  | "count"
  /** Conversations are looked up by their id alone. */
  | "owner";

interface Chat {
  id: string;
  userId: string;
  messages: (ReadMessage & { time: number })[];
  updatedAt: number;
}

class Refusal extends Error {
  readonly code: ConformanceCode;
  constructor(code: ConformanceCode, message: string = code) {
    super(message);
    this.code = code;
  }
}

const largest = 16 * 1024 * 1024;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A store and its clock, which gives all messages of an append one time, as a transaction does, and can be set. */
export function memoryStore(fault?: Fault) {
  const users = new Set<string>();
  const chats = new Map<string, Chat>();
  const owners = new Map<string, string>();
  let order = 0;

  const chatOf = (userId: string, id: string): Chat => {
    const chat = chats.get(id);
    if (!chat || (fault !== "owner" && chat.userId !== userId)) throw new Refusal("not_found", `no conversation ${id}`);
    return chat;
  };

  const check = (messages: readonly SentMessage[]) => {
    if (new Set(messages.map(({ id }) => id)).size < messages.length) throw new Refusal("invalid_input");
    for (const { content = "", parts } of messages) {
      if (content === "" && !parts?.length) throw new Refusal("invalid_input");
      if (Buffer.byteLength(content) > largest) throw new Refusal("too_large");
    }
  };

  const isSame = (read: ReadMessage, sent: SentMessage) =>
    read.role === sent.role &&
    read.content === (sent.content ?? "") &&
    JSON.stringify(read.parts) === JSON.stringify(sent.parts ?? null);

  /** The messages of this append that are there already; refuses those that contradict what is there. */
  const saved = (chat: Chat, messages: readonly SentMessage[]) => {
    if (messages.some(({ id }) => owners.has(id) && owners.get(id) !== chat.id)) throw new Refusal("conflict");
    const known = messages.map((sent) => chat.messages.find((read) => read.id === sent.id));
    if (known.some((read, index) => read && !isSame(read, messages[index] as SentMessage)))
      throw new Refusal("conflict");
    return known;
  };

  const write = (chat: Chat, messages: readonly SentMessage[], from: number): ReadMessage[] => {
    let seq = from;
    chat.updatedAt = ++order;
    const known = saved(chat, messages);
    return messages.map((sent, index) => {
      const { id, role, content = "", parts = null } = sent;
      const stored = known[index] ?? { id, role, content, parts, seq: seq++, time: order };
      if (!known[index]) chat.messages.push(stored);
      owners.set(id, chat.id);
      const { time: _, ...read } = stored;
      return read;
    });
  };

  const store: ConformanceStore = {
    createUser: async () => {
      const id = randomUUID();
      users.add(id);
      return id;
    },
    createConversation: async (userId, { id = randomUUID(), messages = [] } = {}) => {
      await turn();
      check(messages);
      const known = chats.get(id);
      if (known && known.userId !== userId) throw new Refusal("conflict");
      const chat = known ?? { id, userId, messages: [], updatedAt: ++order };
      if (known && saved(known, messages).includes(undefined)) throw new Refusal("conflict");
      if (!known) write(chat, messages, 1);
      chats.set(id, chat);
      return { id };
    },
    append: async (userId, id, messages) => {
      await turn();
      check(messages);
      const chat = chatOf(userId, id);
      const next = chat.messages.length + 1;
      if (fault === "count") await turn();
      return write(chatOf(userId, id), messages, fault === "count" ? next : chat.messages.length + 1);
    },
    page: async (userId, id, { limit, before, after }) => {
      await turn();
      const sorted = [...chatOf(userId, id).messages];
      if (fault === "clock") return pageByTime(sorted, limit, before, after);
      const chosen = sorted
        .sort((a, b) => a.seq - b.seq)
        .filter(({ seq }) => (before === undefined || seq < before) && (after === undefined || seq > after));
      const page = after === undefined ? chosen.slice(-limit) : chosen.slice(0, limit);
      return page.map(({ time: _, ...read }) => ({ ...read }));
    },
    list: async (userId, { limit, cursor }) => {
      const mine = [...chats.values()]
        .filter((chat) => chat.userId === userId)
        .sort((a, b) => b.updatedAt - a.updatedAt || (a.id < b.id ? 1 : -1));
      const from = cursor ? mine.findIndex((chat) => chat.id === cursor) + 1 : 0;
      const ids = mine.slice(from, from + limit).map((chat) => chat.id);
      return { ids, cursor: from + limit < mine.length ? (ids.at(-1) ?? null) : null };
    },
    deleteConversation: async (userId, id) => {
      chatOf(userId, id);
      chats.delete(id);
    },
    deleteUser: async (userId) => {
      users.delete(userId);
      for (const chat of chats.values()) if (chat.userId === userId) chats.delete(chat.id);
    },
    codeOf: (error) => (error instanceof Refusal ? error.code : undefined),
    close: async () => {},
  };
  const setTimes = async (id: string, moment: Date) => {
    for (const each of chats.get(id)?.messages ?? []) each.time = moment.getTime();
  };
  return { store, clock: { setTimes }, close: async () => {} };
}

/** As most chat products do it: the place of a message is its time, and ties fall anyhow. */
function pageByTime(
  messages: (ReadMessage & { time: number })[],
  limit: number,
  before: number | undefined,
  after: number | undefined,
): ReadMessage[] {
  const timeOf = (seq: number) => messages.find((each) => each.seq === seq)?.time ?? 0;
  const chosen = messages
    .sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
    .filter(({ time }) => (before === undefined || time < timeOf(before)) && (!after || time > timeOf(after)));
  const page = after === undefined ? chosen.slice(-limit) : chosen.slice(0, limit);
  return page.map(({ time: _, ...read }) => ({ ...read }));
}
