/** Storing Mastra's messages: new ones are appended, those that are there are changed in place, and nothing moves. */
import { isDeepStrictEqual } from "node:util";
import type { MastraDBMessage, StorageThreadType } from "@mastra/core/memory";
import type { MemoryStorage, StorageCloneThreadInput, StorageCopyThreadOutput } from "@mastra/core/storage";
import { ConflictError, InvalidInputError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { isRetryable } from "../../sql/sqlstate.ts";
import { conversationName, newId } from "../../store/ids.ts";
import type { Store } from "../../store/store.ts";
import type { Message, MessageRole } from "../../store/tables/message.ts";
import type { UserId } from "../../store/tables/tables.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { findOwn, wholeThread } from "./list.ts";
import { type StoredForm, toStored } from "./messages.ts";
import type { Fields } from "./parts.ts";
import { columnsOf, findThread, getThread, ownThreadOf, type Threads, threadOf } from "./threads.ts";

export type MessageUpdate = Parameters<MemoryStorage["updateMessages"]>[0]["messages"][number];

/** Runs work that writes what it has read: if another has changed that meanwhile, it runs again. */
export type Atomically = <Result>(
  threadIds: readonly string[],
  work: (mine: Threads) => Promise<Result>,
) => Promise<Result>;

/** Each time other processes were faster; the store itself has tried it a few times by then. */
const attempts = 8;
const pauseMs = 50;

export function atomicallyOn(store: Store, userId: UserId, ownResourceId: string): Atomically {
  return (threadIds, work) => {
    const once = () =>
      store.transaction((inside) => work({ user: inside.forUser(userId), ownResourceId }), {
        isolationLevel: "repeatable read",
      });
    const run = () => tryAgain(once);
    const [only] = threadIds;
    return threadIds.length === 1 && only !== undefined
      ? store.lanes.run(userId, conversationName(userId, only).id, run)
      : run();
  };
}

async function tryAgain<Result>(once: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once();
    } catch (error) {
      if (attempt === attempts || !isRetryable(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, attempt * pauseMs * Math.random()));
    }
  }
}

/** All or none. @throws invalid_input, too_large; not_found without the thread; conflict when an id is another message's */
export async function saveMessages(
  { user }: Threads,
  atomically: Atomically,
  messages: readonly MastraDBMessage[],
): Promise<void> {
  const byThread = Map.groupBy(messages.map(toStored), threadIdOf);
  const [first, ...others] = byThread;
  if (!first) return;
  const [threadId, [only, ...more]] = first;
  if (only && more.length === 0 && others.length === 0) {
    try {
      await user.messages.append(threadId, [rowOf(only)]);
      return;
    } catch (error) {
      // It may be there with other words.
      if (!(error instanceof ConflictError)) throw error;
    }
  }
  await atomically([...byThread.keys()], async (mine) => {
    for (const [id, given] of byThread) await saveTogether(mine.user, id, given);
  });
}

function threadIdOf({ id, threadId }: StoredForm): string {
  if (typeof threadId === "string" && threadId !== "") return threadId;
  throw new InvalidInputError(`The message ${id} must have the threadId of its thread.`);
}

function rowOf({ id, role, parts }: StoredForm) {
  return { id, role, parts };
}

async function saveTogether(user: UserStore, threadId: string, given: readonly StoredForm[]): Promise<void> {
  // Of several with one id the last is meant.
  const messages = [...new Map(given.map((each) => [each.id.toLowerCase(), each])).values()];
  for (let from = 0; from < messages.length; from += limits.messagesPerAppend) {
    const some = messages.slice(from, from + limits.messagesPerAppend);
    const stored = await user.messages.find(
      some.map(({ id }) => id),
      { conversationId: threadId },
    );
    const known = new Map(stored.map((message) => [message.id, message]));
    const missing: StoredForm[] = [];
    for (const message of some) {
      const before = known.get(message.id) ?? known.get(message.id.toLowerCase());
      if (!before) missing.push(message);
      else if (roleIn(before) !== message.role) throw roleStays(message.id);
      else if (!isDeepStrictEqual(before.parts, message.parts)) {
        await user.messages.update(threadId, before.id, { parts: message.parts }, { revision: before.revision });
      }
    }
    if (missing.length > 0) await user.messages.append(threadId, missing.map(rowOf));
  }
}

/** Mastra has no tools that say something by themselves. */
function roleIn({ role }: Message): MessageRole {
  return role === "tool" ? "assistant" : role;
}

function roleStays(id: string): ConflictError {
  return new ConflictError(`The message ${id} is there with another role, which never changes: choose a new id.`);
}

/** What is given of each, contents and their metadata merged key by key; those that are not there are left out of the answer. */
export async function updateMessages(
  threads: Threads,
  atomically: Atomically,
  updates: readonly MessageUpdate[],
): Promise<MastraDBMessage[]> {
  const ids = updates.map(({ id }) => id);
  const threadIds = [...new Set((await findOwn(threads, ids)).map(({ threadId }) => threadId))];
  if (threadIds.length === 0) return [];
  return await atomically(threadIds, async (mine) => {
    const found = new Map((await findOwn(mine, ids)).map((own) => [own.message.id, own]));
    const updated: MastraDBMessage[] = [];
    for (const update of updates) {
      const own = found.get(update.id) ?? found.get(update.id.toLowerCase());
      if (!own) continue;
      const next = changed(own.message, update);
      await saveTogether(mine.user, own.threadId, [toStored(next)]);
      updated.push(next);
    }
    return updated;
  });
}

function changed(message: MastraDBMessage, { content, threadId, ...update }: MessageUpdate): MastraDBMessage {
  if (threadId !== undefined && threadId !== message.threadId) {
    throw new InvalidInputError(
      `The message ${message.id} stays in its thread: save it in the other one with a new id.`,
    );
  }
  const given = Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined));
  const [before, after] = [message.content as unknown as Fields, (content ?? {}) as Fields];
  const metadata = { ...(before["metadata"] as Fields | undefined), ...(after["metadata"] as Fields | undefined) };
  const hasMetadata = before["metadata"] !== undefined || after["metadata"] !== undefined;
  const merged = { ...before, ...after, ...(hasMetadata && { metadata }) };
  return { ...message, ...given, id: message.id, content: merged } as unknown as MastraDBMessage;
}

/** For good; those that are not there are passed over. @throws conflict for an id of several threads */
export async function deleteMessages(threads: Threads, atomically: Atomically, ids: readonly string[]): Promise<void> {
  const own = await findOwn(threads, ids);
  if (own.length === 0) return;
  const threadIds = [...new Set(own.map(({ threadId }) => threadId))];
  await atomically(threadIds, async ({ user }) => {
    for (const { threadId, message } of own) await user.messages.redact(threadId, message.id);
  });
}

/** @throws not_found without the source; conflict when the new id is in use */
export async function copyThread(
  threads: Threads,
  atomically: Atomically,
  { sourceThreadId, newThreadId = newId(), resourceId, title, metadata, options }: StorageCloneThreadInput,
): Promise<StorageCopyThreadOutput> {
  const source = await ownThreadOf(threads, await getThread(threads, sourceThreadId));
  const messages = chosen(await wholeThread(threads, source.id), options);
  const now = new Date();
  const last = messages.at(-1)?.id;
  const thread: StorageThreadType = {
    id: newThreadId,
    resourceId: resourceId || source.resourceId,
    title: title || (source.title ? `Clone of ${source.title}` : ""),
    metadata: {
      ...metadata,
      clone: { sourceThreadId: source.id, clonedAt: now.toISOString(), ...(last && { lastMessageId: last }) },
    },
    createdAt: now,
    updatedAt: now,
  };
  const copies = messages.map((message) => {
    const copy = { ...message, id: newId(), threadId: newThreadId, resourceId: resourceId || message.resourceId };
    return { ...rowOf(toStored(copy as MastraDBMessage)), ...pastTime(message.createdAt), sourceId: message.id };
  });
  const stored = await atomically([newThreadId], async (mine) => {
    if (await mine.user.conversations.find(newThreadId)) {
      throw new ConflictError(`There is a thread of the id ${newThreadId} already: choose another one.`);
    }
    const rows = copies.map(({ sourceId: _, ...row }) => row);
    await mine.user.import({ id: newThreadId, ...columnsOf(thread), messages: rows });
    return await findThread(mine, newThreadId);
  });
  if (!stored) throw new NotFoundError("conversation", newThreadId);
  const messageIdMap = Object.fromEntries(copies.map(({ sourceId, id }) => [sourceId, id]));
  return { thread: threadOf(threads, stored), messageIdMap };
}

function chosen(messages: readonly MastraDBMessage[], options: StorageCloneThreadInput["options"]): MastraDBMessage[] {
  const { messageLimit = 0, messageFilter: { startDate, endDate, messageIds = [] } = {} } = options ?? {};
  const ids = new Set(messageIds);
  const found = messages.filter(({ id, createdAt }) => {
    if (ids.size > 0 && !ids.has(id)) return false;
    return (!startDate || createdAt >= startDate) && (!endDate || createdAt <= endDate);
  });
  return messageLimit > 0 ? found.slice(-messageLimit) : found;
}

/** As it may be brought in; else it has the time of the copy, and for Mastra its own all the same. */
function pastTime(createdAt: Date) {
  const time = createdAt.getTime();
  return time >= 0 && time <= Date.now() ? { createdAt } : {};
}
