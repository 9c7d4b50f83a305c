/** Reading the messages of threads: the branch that is shown, page by page, with what stands around single messages of it. */
import type { MastraDBMessage } from "@mastra/core/memory";
import type { StorageListMessagesInput, StorageListMessagesOutput } from "@mastra/core/storage";
import { ConflictError, InvalidInputError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { toMastra } from "./messages.ts";
import { stretchOf } from "./pages.ts";
import { isFields } from "./parts.ts";
import { findThread, resourceOf, type Threads } from "./threads.ts";

/** When Mastra says nothing, as its own stores have it. */
export const messagesPerPage = 40;

/** A message with its place. */
interface Read {
  message: MastraDBMessage;
  threadId: string;
  /** The message's, or else that of the thread. */
  resourceId: string;
  seq: number;
}

type Matches = (read: Read) => boolean;
type Include = NonNullable<StorageListMessagesInput["include"]>[number];

export async function listMessages(
  threads: Threads,
  args: StorageListMessagesInput,
): Promise<StorageListMessagesOutput> {
  const { threadId, perPage: wanted = messagesPerPage, include = [], includeTotal = true, orderBy } = args;
  const threadIds = [...new Set(Array.isArray(threadId) ? threadId : [threadId])];
  if (threadIds.length === 0 || threadIds.some((id) => typeof id !== "string" || id.trim() === "")) {
    throw new InvalidInputError("threadId must be the id of a thread, or a list of some.");
  }
  const { page, perPage, from, to } = stretchOf({ page: args.page, perPage: wanted });
  const isDescending = orderBy?.direction === "DESC";
  const matches = matcherOf(args);
  // One more tells whether there are more.
  const most = includeTotal ? Number.POSITIVE_INFINITY : to + 1;
  const reads = to === 0 ? [] : await readThreads(threads, threadIds, { isDescending, matches, most });
  const shown = reads.slice(from, to);
  const included = await readAround(threads, include, args.resourceId);
  const messages = inOrder([...shown, ...included], isDescending).map(({ message }) => message);
  return { messages, total: reads.length, page, perPage, hasMore: reads.length > to };
}

/** @throws invalid_input */
function matcherOf({ resourceId, filter }: Pick<StorageListMessagesInput, "resourceId" | "filter">): Matches {
  const { dateRange: { start, end, startExclusive, endExclusive } = {}, metadata = {} } = filter ?? {};
  const [first, last] = [timeOf(start, "start"), timeOf(end, "end")];
  const wanted = Object.entries(metadata);
  return ({ message: { createdAt, content }, ...read }) => {
    if (resourceId !== undefined && read.resourceId !== resourceId) return false;
    const time = createdAt.getTime();
    if (first !== undefined && (startExclusive ? time <= first : time < first)) return false;
    if (last !== undefined && (endExclusive ? time >= last : time > last)) return false;
    const kept = isFields(content.metadata) ? content.metadata : {};
    return wanted.every(([key, value]) => Object.hasOwn(kept, key) && kept[key] === value);
  };
}

function timeOf(given: Date | string | undefined, name: string): number | undefined {
  if (given === undefined || given === null) return undefined;
  const time = new Date(given).getTime();
  if (Number.isNaN(time)) throw new InvalidInputError(`filter.dateRange.${name} must be a time.`);
  return time;
}

interface Reading {
  isDescending: boolean;
  matches: Matches;
  /** No further than so many that match. */
  most: number;
}

async function readThreads(threads: Threads, threadIds: readonly string[], reading: Reading): Promise<Read[]> {
  const found: Read[] = [];
  for (const id of threadIds) found.push(...(await readThread(threads, id, reading)));
  return threadIds.length > 1 ? inOrder(found, reading.isDescending) : found;
}

async function readThread(
  threads: Threads,
  threadId: string,
  { isDescending, matches, most }: Reading,
): Promise<Read[]> {
  const conversation = await findThread(threads, threadId);
  if (!conversation) return [];
  const resourceId = resourceOf(threads, conversation);
  const found: Read[] = [];
  const walk = isDescending ? above : below;
  for await (const message of walk(threads.user, conversation.id, undefined, most)) {
    const read = readOf(message, resourceId);
    if (read && matches(read)) found.push(read);
    if (found.length >= most) break;
  }
  return found;
}

/** All of a thread, in order. */
export async function wholeThread(threads: Threads, threadId: string): Promise<MastraDBMessage[]> {
  const all = await readThread(threads, threadId, {
    isDescending: false,
    matches: () => true,
    most: Number.POSITIVE_INFINITY,
  });
  return all.map(({ message }) => message);
}

/** From the end of the branch up, or from above a message. */
async function* above(user: UserStore, id: string, from: string | undefined, most: number): AsyncGenerator<Message> {
  const limit = Math.min(most, limits.messagePageSize);
  for (let before: string | null | undefined = from; before !== null; ) {
    const page: Awaited<ReturnType<typeof user.messages.branch>> = await user.messages.branch(id, { before, limit });
    yield* page.items.reverse();
    before = page.nextCursor;
  }
}

/** From the first message of the branch down, or from below a message. */
async function* below(user: UserStore, id: string, from: string | undefined, most: number): AsyncGenerator<Message> {
  const limit = Math.min(most, limits.messagePageSize);
  let after: string | null = from ?? null;
  do {
    const page: Awaited<ReturnType<typeof user.messages.branch>> = await user.messages.branch(id, { after, limit });
    yield* page.items;
    after = page.nextCursor;
  } while (after !== null);
}

/** Nothing of a deleted one. */
function readOf(stored: Message, ofThread: string): Read | undefined {
  if (stored.status === "deleted") return undefined;
  const message = toMastra(stored, ofThread);
  const { resourceId = ofThread } = message;
  return { message, threadId: stored.conversationId, resourceId, seq: stored.seq };
}

async function readAround(
  threads: Threads,
  include: readonly Include[],
  resourceId: string | undefined,
): Promise<Read[]> {
  const found: Read[] = [];
  for (const { id, threadId, withPreviousMessages = 0, withNextMessages = 0 } of include) {
    const [target] = await findOwn(threads, [id], threadId);
    if (!target || (resourceId !== undefined && target.resourceId !== resourceId)) continue;
    const around = async (walk: typeof above, most: number) => {
      const some: Read[] = [];
      if (most <= 0) return some;
      for await (const message of walk(threads.user, target.threadId, target.message.id, most)) {
        const read = readOf(message, target.ofThread);
        if (read && (resourceId === undefined || read.resourceId === resourceId)) some.push(read);
        if (some.length >= most) break;
      }
      return some;
    };
    found.push(target, ...(await around(above, withPreviousMessages)), ...(await around(below, withNextMessages)));
  }
  return found;
}

/** Each once; in one thread by `seq`, in several by the times that Mastra gave. */
function inOrder(reads: readonly Read[], isDescending: boolean): Read[] {
  const unique = [...new Map(reads.map((read) => [JSON.stringify([read.threadId, read.message.id]), read])).values()];
  const isOne = new Set(unique.map(({ threadId }) => threadId)).size <= 1;
  const time = ({ message }: Read) => message.createdAt.getTime();
  unique.sort((a, b) => (isOne ? a.seq - b.seq : time(a) - time(b) || a.seq - b.seq));
  return isDescending ? unique.reverse() : unique;
}

interface Own extends Read {
  /** The resource of the thread. */
  ofThread: string;
}

/** Those of these messages that this user has, deleted ones left out, in the order of the ids. @throws conflict for an id of several */
export async function findOwn(threads: Threads, ids: readonly string[], threadId?: string): Promise<Own[]> {
  const stored: Message[] = [];
  for (let from = 0; from < ids.length; from += limits.pageSize) {
    const some = ids.slice(from, from + limits.pageSize);
    stored.push(...(await threads.user.messages.find(some, { conversationId: threadId })));
  }
  const conversations = new Map<string, string>();
  for (const id of new Set(stored.map(({ conversationId }) => conversationId))) {
    const conversation = await findThread(threads, id);
    if (conversation) conversations.set(id, resourceOf(threads, conversation));
  }
  const found = new Map<string, Own>();
  for (const message of stored) {
    const ofThread = conversations.get(message.conversationId);
    const read = ofThread === undefined ? undefined : readOf(message, ofThread);
    if (!read || ofThread === undefined) continue;
    if (found.has(message.id)) throw ambiguous(message.id);
    found.set(message.id, { ...read, ofThread });
  }
  // A UUID is stored in lower case.
  return [...new Set(ids)].flatMap((id) => found.get(id) ?? found.get(id.toLowerCase()) ?? []);
}

function ambiguous(id: string): ConflictError {
  return new ConflictError(
    `Several threads have a message of the id ${id}: name the thread too, or choose UUIDs as ids.`,
  );
}
