/** A right store in memory, and ways to make it wrong: the suite must find each of them. For the tests of the suite only. */
import { randomUUID } from "node:crypto";
import type { ConformanceCode, ConformanceStore, ReadMessage, SentMessage, Subject } from "chatkeep/testing";

export type Fault =
  /** Pages go by the time of storing, as `order by created_at` does. */
  | "clock"
  /** The next place is read, and used after others had their turn. */
  | "count"
  /** Conversations are looked up by their id alone. */
  | "owner"
  /** What is beside the words is not kept. */
  | "metadata"
  /** An id of a text is taken for everybody by whoever had it first. */
  | "names"
  /** A change does not look at what it changes. */
  | "blind"
  /** What is redacted keeps what was beside the words. */
  | "redaction"
  /** A transcript replaces all messages, and history gets the time of now. */
  | "replaces";

interface Chat {
  id: string;
  userId: string;
  messages: Kept[];
  updatedAt: number;
  /** The ids that are shown. */
  shown: string[];
}

type Kept = ReadMessage & { time: number; revision: number };

class Refusal extends Error {
  readonly code: ConformanceCode;
  constructor(code: ConformanceCode, message: string = code) {
    super(message);
    this.code = code;
  }
}

const largest = 16 * 1024 * 1024;
const isUuid = (id: string) => /^[0-9a-f-]{36}$/.test(id);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const read = ({ time: _, revision: __, ...message }: Kept): ReadMessage => ({ ...message });

/** A store and its clock, which gives all messages of an append one time, as a transaction does, and can be set. */
export function memoryStore(fault?: Fault) {
  const users = new Set<string>();
  const chats = new Map<string, Chat>();
  const owners = new Map<string, string>();
  let order = 0;

  const keyOf = (userId: string, id: string) => (isUuid(id) || fault === "names" ? id : `${userId} ${id}`);
  const nameOf = (chat: Chat, id: string) => (isUuid(id) || fault === "names" ? id : `${chat.userId} ${chat.id} ${id}`);

  const chatOf = (userId: string, id: string): Chat => {
    const chat = chats.get(keyOf(userId, id));
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
    JSON.stringify([read.parts, read.metadata]) === JSON.stringify([sent.parts ?? null, metadataOf(sent)]);
  const metadataOf = ({ metadata = null }: SentMessage) => (fault === "metadata" ? null : metadata);

  /** The messages of this append that are there already; refuses those that contradict what is there. */
  const saved = (chat: Chat, messages: readonly SentMessage[]) => {
    const isElsewhere = (name: string) => owners.has(name) && owners.get(name) !== `${chat.userId} ${chat.id}`;
    if (messages.some(({ id }) => isElsewhere(nameOf(chat, id)))) throw new Refusal("conflict");
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
      const metadata = metadataOf(sent);
      const stored = known[index] ?? { id, role, content, parts, metadata, seq: seq++, time: order, revision: 1 };
      if (!known[index]) {
        chat.messages.push(stored);
        chat.shown.push(id);
      }
      owners.set(nameOf(chat, id), `${chat.userId} ${chat.id}`);
      return read(stored);
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
      if (id.trim() === "" || [...id].length > 255 || id.includes("\0")) throw new Refusal("invalid_input");
      const known = chats.get(keyOf(userId, id));
      if (known && known.userId !== userId) throw new Refusal("conflict");
      const chat = known ?? { id, userId, messages: [], updatedAt: ++order, shown: [] };
      if (known && saved(known, messages).includes(undefined)) throw new Refusal("conflict");
      if (!known) write(chat, messages, 1);
      chats.set(keyOf(userId, id), chat);
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
      return page.map(read);
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
      chats.delete(keyOf(userId, id));
    },
    deleteUser: async (userId) => {
      users.delete(userId);
      for (const [key, chat] of chats) if (chat.userId === userId) chats.delete(key);
    },
    codeOf: (error) => (error instanceof Refusal ? error.code : undefined),
    close: async () => {},
  };
  const setTimes = async (id: string, moment: Date) => {
    for (const each of chats.get(id)?.messages ?? []) each.time = moment.getTime();
  };

  const messageOf = (userId: string, id: string, messageId: string): Kept => {
    const found = chatOf(userId, id).messages.find((each) => each.id === messageId);
    if (!found) throw new Refusal("not_found");
    return found;
  };
  const changes: NonNullable<Subject["changes"]> = {
    revision: async (...names) => messageOf(...names).revision,
    update: async (userId, id, messageId, content, revision) => {
      await turn();
      const stored = messageOf(userId, id, messageId);
      if (stored.revision !== revision && fault !== "blind") throw new Refusal("conflict");
      Object.assign(stored, { content, revision: stored.revision + 1 });
    },
    redact: async (...names) => {
      const stored = messageOf(...names);
      Object.assign(stored, { content: "", parts: null, ...(fault !== "redaction" && { metadata: null }) });
    },
    truncate: async (userId, id, last) => {
      const chat = chatOf(userId, id);
      chat.shown = chat.shown.slice(0, chat.shown.indexOf(last) + 1);
    },
    save: async (userId, id, messages) => {
      const chat = chatOf(userId, id);
      if (fault === "replaces") Object.assign(chat, { messages: [], shown: [] });
      for (const { id: each, content = "" } of messages) {
        const stored = chat.messages.find((one) => one.id === each);
        if (stored && stored.content !== content) Object.assign(stored, { content, revision: stored.revision + 1 });
      }
      write(
        chat,
        messages.filter((each) => !chat.messages.some((one) => one.id === each.id)),
        chat.messages.length + 1,
      );
      chat.shown = messages.map((each) => each.id);
    },
    shown: async (userId, id) => [...chatOf(userId, id).shown],
    bringIn: async (userId, id, messages) => {
      await store.createConversation(userId, { id }).catch(() => {});
      const chat = chatOf(userId, id);
      const added = messages.filter((each) => !chat.messages.some((one) => one.id === each.id));
      write(
        chat,
        added.map(({ createdAt: _, ...each }) => each),
        chat.messages.length + 1,
      );
      if (fault === "replaces") return;
      for (const each of added) messageOf(userId, id, each.id).time = each.createdAt.getTime();
    },
    timeOf: async (...names) => new Date(messageOf(...names).time),
  };
  return { store, clock: { setTimes }, whole: true as const, changes, close: async () => {} };
}

/** As most chat products do it: the place of a message is its time, and ties fall anyhow. */
function pageByTime(
  messages: Kept[],
  limit: number,
  before: number | undefined,
  after: number | undefined,
): ReadMessage[] {
  const timeOf = (seq: number) => messages.find((each) => each.seq === seq)?.time ?? 0;
  const chosen = messages
    .sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
    .filter(({ time }) => (before === undefined || time < timeOf(before)) && (!after || time > timeOf(after)));
  const page = after === undefined ? chosen.slice(-limit) : chosen.slice(0, limit);
  return page.map(read);
}
