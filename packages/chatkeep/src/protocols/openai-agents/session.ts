/** A session of the OpenAI Agents SDK on a conversation: each item a message, the branch that is shown its history. */
import { createHash, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { AgentInputItem, Session } from "@openai/agents";
import { ConflictError, InvalidInputError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserId } from "../../store/tables/tables.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { itemsOf, messageOf, partsWith } from "./items.ts";

/** Whose session, and which: `sessionId` is the id of the conversation, any text of 1 to 255 characters; a UUID when left out. */
export interface SessionOptions {
  store: Store;
  userId: UserId;
  sessionId?: string | undefined;
}

/** One change of a history, which is applied once, however often it is sent. */
export interface HistoryTransaction {
  /** The same again when it is retried. */
  operationId: string;
  transaction:
    | { type: "append_items"; items: AgentInputItem[] }
    | { type: "replace_suffix"; expectedSuffix: AgentInputItem[]; replacement: AgentInputItem[] };
}

/** Another version of a call of a tool, in place of the one with this `callId`. */
export interface HistoryMutation {
  type: "replace_function_call";
  callId: string;
  replacement: Extract<AgentInputItem, { type: "function_call" }>;
}

/** A `Session` with everything that the SDK can make use of. */
export interface ChatkeepSession extends Session {
  replaceHistoryWithCompaction(items: AgentInputItem[]): Promise<void>;
  applyHistoryMutations(args: { mutations: HistoryMutation[] }): Promise<void>;
  /** @throws conflict when the operation was another one, or the suffix is not the expected one */
  applyHistoryTransaction(args: HistoryTransaction): Promise<void>;
}

/** A session of this user's. The conversation is made by the first item; what another user calls the same is another one. */
export function createSession({ store, userId, sessionId = randomUUID() }: SessionOptions): ChatkeepSession {
  const user = store.forUser(userId);
  const within = <Result>(work: (mine: UserStore) => Promise<Result>) =>
    existing(user, sessionId, () => user.transaction(sessionId, work));
  return {
    getSessionId: async () => sessionId,
    getItems: (limit) => absentAs([], () => readItems(user, sessionId, limit)),
    addItems: async (items) => {
      if (items.length === 0) return;
      if (items.length > limits.messagesPerAppend) await within((mine) => appendItems(mine, sessionId, items));
      else await existing(user, sessionId, () => appendItems(user, sessionId, items));
    },
    popItem: () => absentAs(undefined, () => user.transaction(sessionId, (mine) => popItem(mine, sessionId))),
    clearSession: () => absentAs(undefined, async () => void (await user.conversations.clear(sessionId))),
    replaceHistoryWithCompaction: (items) =>
      within(async (mine) => {
        await mine.conversations.clear(sessionId);
        await appendItems(mine, sessionId, items, null);
      }),
    applyHistoryMutations: async ({ mutations }) => {
      if (mutations.length === 0) return;
      await absentAs(undefined, () => user.transaction(sessionId, (mine) => mutate(mine, sessionId, mutations)));
    },
    applyHistoryTransaction: (args) => applyOnce(user, sessionId, args, within),
  };
}

/** What of a conversation that is not there is nothing. */
async function absentAs<Result>(nothing: Result, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NotFoundError) return nothing;
    throw error;
  }
}

async function existing<Result>(user: UserStore, sessionId: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    await user.conversations.create({ id: sessionId });
    return await work();
  }
}

async function appendItems(
  user: UserStore,
  sessionId: string,
  items: readonly AgentInputItem[],
  parentId?: string | null,
  expectedSeq?: number,
): Promise<void> {
  const messages = items.map(messageOf);
  for (let from = 0; from < messages.length; from += limits.messagesPerAppend) {
    const [first, ...rest] = messages.slice(from, from + limits.messagesPerAppend);
    if (!first) return;
    const placed = from === 0 && parentId !== undefined ? { ...first, parentId } : first;
    await user.messages.append(sessionId, [placed, ...rest], from === 0 ? { expectedSeq } : {});
  }
}

/** Messages from the end, newest first, with at least so many items in all. */
async function lastMessages(user: UserStore, sessionId: string, items: number, leafId?: string): Promise<Message[]> {
  const found: Message[] = [];
  let missing = items;
  let from: { leafId?: string | undefined; before?: string } | undefined = { leafId };
  while (from && missing > 0) {
    const limit = Math.min(limits.messagePageSize, Math.ceil(missing));
    const page = await user.messages.branch(sessionId, { ...from, limit });
    for (const message of page.items.toReversed()) {
      found.push(message);
      missing -= itemsOf(message).length;
    }
    from = page.nextCursor === null ? undefined : { before: page.nextCursor };
  }
  return found;
}

async function readItems(user: UserStore, sessionId: string, limit = Number.POSITIVE_INFINITY) {
  if (limit <= 0) return [];
  const messages = await lastMessages(user, sessionId, limit);
  const items = messages.toReversed().flatMap(itemsOf);
  return items.slice(Math.max(items.length - limit, 0));
}

async function popItem(user: UserStore, sessionId: string): Promise<AgentInputItem | undefined> {
  for (;;) {
    const message = await user.conversations.pop(sessionId);
    if (!message) return undefined;
    const items = itemsOf(message);
    const popped = items.pop();
    // What a message said beside its last item stays, as messages of their own.
    if (popped) await appendItems(user, sessionId, items, message.parentId);
    if (popped) return popped;
  }
}

/** The first call with the `callId` becomes the replacement; further ones go, and what is behind them is stored anew. */
async function mutate(user: UserStore, sessionId: string, mutations: readonly HistoryMutation[]): Promise<void> {
  const { messageCount } = await user.conversations.get(sessionId);
  const messages = (await lastMessages(user, sessionId, Number.POSITIVE_INFINITY)).reverse();
  let next = messages.map((message) => ({ message, items: itemsOf(message), isChanged: false, isShorter: false }));
  for (const mutation of mutations) {
    let isPlaced = false;
    next = next.map((each) => {
      if (!each.items.some((item) => isCall(item, mutation))) return each;
      const items = each.items.flatMap((item) => {
        if (!isCall(item, mutation)) return [item];
        const replaced = isPlaced ? [] : [mutation.replacement];
        isPlaced = true;
        return replaced;
      });
      return { ...each, items, isChanged: true, isShorter: each.isShorter || items.length < each.items.length };
    });
  }
  const cut = next.findIndex(({ isShorter }) => isShorter);
  for (const { message, items, isChanged } of cut < 0 ? next : next.slice(0, cut)) {
    if (isChanged)
      await user.messages.update(
        sessionId,
        message.id,
        { parts: partsWith(message, items) },
        { revision: message.revision },
      );
  }
  const [first, ...rest] = cut < 0 ? [] : next.slice(cut);
  if (!first) return;
  const { parentId } = first.message;
  const items = [first, ...rest].flatMap((each) => each.items);
  if (items.length > 0) await appendItems(user, sessionId, items, parentId, messageCount);
  else if (parentId !== null) await user.conversations.truncate(sessionId, parentId);
}

function isCall(item: AgentInputItem, { callId }: HistoryMutation): boolean {
  return item.type === "function_call" && item.callId === callId;
}

type Within = (work: (mine: UserStore) => Promise<void>) => Promise<void>;

/**
 * The record of an operation is a message beside the branch: stored with the change or not at all, and found by its id. Its metadata
 * is of this attempt alone, so that a second attempt is a conflict, and then compared.
 */
async function applyOnce(user: UserStore, sessionId: string, args: HistoryTransaction, within: Within): Promise<void> {
  const { operationId, transaction } = checked(args);
  const id = `operation-${hash(operationId)}`;
  const digest = hash(JSON.stringify(sorted(transaction)));
  try {
    await within(async (mine) => {
      const parts = [{ type: "data-openai-agents-operation", data: { operationId, digest } }];
      const record = { id, role: "tool" as const, parts, metadata: { attempt: randomUUID() } };
      const [stored] = await mine.messages.append(sessionId, [record]);
      await change(mine, sessionId, transaction, stored?.parentId ?? null);
    });
  } catch (error) {
    const done = await absentAs(undefined, () => user.messages.get(sessionId, id));
    if (!(error instanceof ConflictError) || !done) throw error;
    const before = done.parts?.[0]?.["data"] as { digest?: unknown } | undefined;
    if (before?.digest === digest) return;
    throw new ConflictError("The operationId is in use for another transaction: choose a new one.");
  }
}

async function change(
  user: UserStore,
  sessionId: string,
  transaction: HistoryTransaction["transaction"],
  headId: string | null,
): Promise<void> {
  let parentId = headId;
  let items = transaction.type === "append_items" ? transaction.items : transaction.replacement;
  if (transaction.type === "replace_suffix" && transaction.expectedSuffix.length > 0) {
    const { expectedSuffix } = transaction;
    const last = headId === null ? [] : await lastMessages(user, sessionId, expectedSuffix.length, headId);
    const stored = last.toReversed().flatMap(itemsOf);
    const start = stored.length - expectedSuffix.length;
    if (start < 0 || !isDeepStrictEqual(plain(stored.slice(start)), plain(expectedSuffix))) {
      throw new ConflictError("The history does not end with the expected suffix: read it and try again.");
    }
    parentId = last.at(-1)?.parentId ?? null;
    items = [...stored.slice(0, start), ...items];
  }
  if (items.length > 0) await appendItems(user, sessionId, items, parentId);
  else if (parentId === null) await user.conversations.clear(sessionId);
  else await user.conversations.truncate(sessionId, parentId);
}

function checked(args: HistoryTransaction): HistoryTransaction {
  const { operationId, transaction } = args;
  if (typeof operationId !== "string" || operationId.trim() === "") {
    throw new InvalidInputError("operationId must be a text that is not empty.");
  }
  const lists =
    transaction?.type === "append_items"
      ? [transaction.items]
      : transaction?.type === "replace_suffix"
        ? [transaction.expectedSuffix, transaction.replacement]
        : [undefined];
  if (lists.every(Array.isArray)) return args;
  throw new InvalidInputError("transaction must be append_items with items, or replace_suffix with both of its lists.");
}

/** Without keys whose value is undefined, which are not kept. */
function plain(items: readonly AgentInputItem[]): unknown {
  return items.map((item) => messageOf(item)).map((message) => JSON.parse(JSON.stringify(sorted(message))));
}

/** The same for any order of keys. */
function sorted(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
