/** Threads of Mastra and conversations: what a thread has more is kept in the metadata of its conversation. */
import { isDeepStrictEqual } from "node:util";
import type { StorageThreadType } from "@mastra/core/memory";
import type { StorageListThreadsInput } from "@mastra/core/storage";
import { ConflictError, InvalidInputError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { titleFrom } from "../../store/conversations/titles.ts";
import type { Page } from "../../store/messages/page.ts";
import type { Conversation } from "../../store/tables/conversation.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { isFields } from "./parts.ts";

/** In the metadata of a conversation: whose thread it is for Mastra, what it said of it, and whether it is no thread at all. */
const resourceKey = "mastraResourceId";
const threadKey = "mastraThread";
export const recordKey = "mastraResource";

/** Of the conditions that a list may have, one is the resource. */
const maxConditions = 9;

/** One user's threads. A conversation that another client has made is of the resource `ownResourceId`. */
export interface Threads {
  user: UserStore;
  ownResourceId: string;
}

/** The conversation of a thread; `undefined` where there is none, or where it holds the working memory of a resource. */
export async function findThread({ user }: Threads, threadId: string): Promise<Conversation | undefined> {
  const conversation = await user.conversations.find(threadId);
  return conversation?.metadata && recordKey in conversation.metadata ? undefined : conversation;
}

/** @throws not_found */
export async function getThread(threads: Threads, threadId: string): Promise<Conversation> {
  const conversation = await findThread(threads, threadId);
  if (!conversation) throw new NotFoundError("conversation", threadId);
  return conversation;
}

export function resourceOf({ ownResourceId }: Threads, { metadata }: Conversation): string {
  const kept = metadata?.[resourceKey];
  return typeof kept === "string" ? kept : ownResourceId;
}

/** As people see it: a chat that nobody has named is called by its first question. */
export function threadOf(threads: Threads, conversation: Conversation): StorageThreadType {
  const { [resourceKey]: _, [threadKey]: kept, ...metadata } = conversation.metadata ?? {};
  const { createdAt, title: given } = isFields(kept) ? kept : {};
  const title = shownTitle(given) === conversation.title ? given : (conversation.title ?? given);
  return {
    id: conversation.id,
    resourceId: resourceOf(threads, conversation),
    ...(typeof title === "string" && { title }),
    createdAt: typeof createdAt === "string" ? new Date(createdAt) : conversation.createdAt,
    updatedAt: conversation.updatedAt,
    metadata,
  };
}

/** As Mastra named it, so that it still makes a title for one that it has not named. */
export async function ownThreadOf(threads: Threads, conversation: Conversation): Promise<StorageThreadType> {
  const thread = threadOf(threads, conversation);
  const kept = conversation.metadata?.[threadKey];
  if (!isFields(kept) || conversation.title === null || shownTitle(kept["title"]) !== null) return thread;
  const { items } = await threads.user.messages.branch(conversation.id, { after: null, limit: 10 });
  const said = items.map(({ role, content }) => ({ role, content }));
  if (titleFrom(said) !== conversation.title) return thread;
  const { title: _, ...unnamed } = thread;
  return { ...unnamed, ...(typeof kept["title"] === "string" && { title: kept["title"] }) };
}

/** What of a title people are shown; `null` where there is nothing. */
function shownTitle(given: unknown): string | null {
  if (typeof given !== "string") return null;
  const text = given.toWellFormed().replaceAll("\0", "").trim();
  return [...text].slice(0, limits.titleCharacters).join("").trim() || null;
}

/** What of a thread its conversation has. @throws invalid_input */
export function columnsOf({ title, resourceId, metadata, createdAt }: Omit<StorageThreadType, "id" | "updatedAt">) {
  if (typeof resourceId !== "string" || resourceId === "") {
    throw new InvalidInputError("The resourceId of a thread must be a text that is not empty.");
  }
  if (title !== undefined && typeof title !== "string") {
    throw new InvalidInputError("The title of a thread must be a text.");
  }
  if (metadata && !isFields(metadata)) throw new InvalidInputError("The metadata of a thread must be an object.");
  const taken = [resourceKey, threadKey, recordKey].find((key) => metadata && key in metadata);
  if (taken)
    throw new InvalidInputError(`The metadata of a thread must not have the key "${taken}": it is kept there.`);
  const time = createdAt && new Date(createdAt);
  if (time && Number.isNaN(time.getTime())) throw new InvalidInputError("The createdAt of a thread must be a time.");
  const kept = { ...(title !== undefined && { title }), ...(time && { createdAt: time.toISOString() }) };
  const shown = shownTitle(title);
  return {
    metadata: { ...metadata, [resourceKey]: resourceId, [threadKey]: kept },
    ...(shown !== null && { title: shown }),
  };
}

/** Makes it, or makes it be this one. @throws invalid_input, too_large; conflict when the id is in use for something else */
export async function saveThread(threads: Threads, thread: StorageThreadType): Promise<StorageThreadType> {
  const { user } = threads;
  const columns = columnsOf(thread);
  const known = await user.conversations.find(thread.id);
  if (known?.metadata && recordKey in known.metadata) throw taken();
  const saved = known ?? (await createThread(user, thread.id, columns));
  const isSame = isDeepStrictEqual(saved.metadata, columns.metadata) && saved.title === (columns.title ?? null);
  return threadOf(threads, isSame ? saved : await user.conversations.update(thread.id, columns));
}

async function createThread(user: UserStore, id: string, columns: ReturnType<typeof columnsOf>): Promise<Conversation> {
  try {
    return await user.conversations.create({ id, ...columns });
  } catch (error) {
    // Another may have made it at this moment.
    const known = error instanceof ConflictError ? await user.conversations.find(id) : undefined;
    if (known) return known;
    throw error;
  }
}

function taken(): ConflictError {
  return new ConflictError("The id of the thread is in use for the working memory of a resource: choose another one.");
}

/** What is given of it, with the metadata merged key by key. @throws invalid_input, too_large, not_found */
export async function changeThread(
  threads: Threads,
  id: string,
  changes: { title?: string | undefined; metadata?: Record<string, unknown> | undefined },
): Promise<StorageThreadType> {
  const conversation = await getThread(threads, id);
  const before = await ownThreadOf(threads, conversation);
  const { title = before.title } = changes;
  const columns = columnsOf({
    ...before,
    ...(title !== undefined && { title }),
    metadata: { ...before.metadata, ...changes.metadata },
  });
  return threadOf(threads, await threads.user.conversations.update(id, columns));
}

export async function deleteThread({ user }: Pick<Threads, "user">, id: string): Promise<void> {
  try {
    await user.conversations.erase(id);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}

/** All that match, the archive left out, newest activity first. */
export async function conversationsOf(
  threads: Threads,
  { resourceId, metadata = {} }: NonNullable<StorageListThreadsInput["filter"]> = {},
): Promise<Conversation[]> {
  const isKept = resourceId !== undefined && resourceId !== threads.ownResourceId;
  const conditions = Object.entries(metadata).filter((entry): entry is [string, string] => isScalar(entry[1]));
  const narrowed = Object.fromEntries([
    ...conditions.slice(0, maxConditions),
    ...(isKept ? [[resourceKey, resourceId]] : []),
  ]);
  const found = new Map<string, Conversation>();
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Page<Conversation> = await threads.user.conversations.list({
      metadata: narrowed,
      cursor,
      limit: limits.pageSize,
    });
    for (const each of page.items) found.set(each.id, each);
    // One that is written to meanwhile moves to the beginning, behind whoever is on the way to the end.
    if (cursor && page.nextCursor === null) {
      const { items } = await threads.user.conversations.list({ metadata: narrowed, limit: limits.pageSize });
      for (const each of items) found.set(each.id, each);
    }
    cursor = page.nextCursor;
  }
  const wanted = Object.entries(metadata);
  return [...found.values()].filter((each) => {
    if (each.metadata && recordKey in each.metadata) return false;
    if (resourceId !== undefined && resourceOf(threads, each) !== resourceId) return false;
    return wanted.every(([key, value]) => isDeepStrictEqual(each.metadata?.[key], value));
  });
}

function isScalar(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/** Deletes what Mastra has made, in the archive too. */
export async function clearAll({ user }: Threads): Promise<void> {
  for (let after: string | undefined; ; ) {
    const page = await user.conversations.ids({ after });
    for (const id of page.items) {
      const metadata = (await user.conversations.find(id))?.metadata;
      if (metadata && (threadKey in metadata || recordKey in metadata)) await deleteThread({ user }, id);
    }
    if (page.nextCursor === null) return;
    after = page.nextCursor;
  }
}
