/** The domain `memory` of a Mastra storage, on the conversations of one user. */
import type { MastraDBMessage, StorageThreadType } from "@mastra/core/memory";
import {
  MemoryStorage,
  type StorageCloneThreadInput,
  type StorageCopyThreadOutput,
  type StorageListMessagesByResourceIdInput,
  type StorageListMessagesInput,
  type StorageListMessagesOutput,
  type StorageListThreadsInput,
  type StorageListThreadsOutput,
  type StorageResourceType,
} from "@mastra/core/storage";
import type { Store } from "../../store/store.ts";
import type { UserId } from "../../store/tables/tables.ts";
import { findOwn, listMessages, messagesPerPage } from "./list.ts";
import { stretchOf } from "./pages.ts";
import { findResource, type ResourceChanges, saveResource, updateResource } from "./resources.ts";
import {
  changeThread,
  clearAll,
  conversationsOf,
  deleteThread,
  findThread,
  ownThreadOf,
  resourceOf,
  saveThread,
  type Threads,
  threadOf,
} from "./threads.ts";
import {
  type Atomically,
  atomicallyOn,
  copyThread,
  deleteMessages,
  type MessageUpdate,
  saveMessages,
  updateMessages,
} from "./write.ts";

/** Whose memory: Mastra asks for threads by their ids alone, so that an instance is one user's. */
export interface MastraMemoryOptions {
  store: Store;
  userId: UserId;
}

const threadsPerPage = 100;

/**
 * A `MemoryStorage` for `new MastraCompositeStore({ id, domains: { memory } })`; `createMastraMemory` makes one. Another user's
 * threads and messages are absent from it, whatever their ids. `resourceId` tells threads of the user from each other, no more.
 */
export class ChatkeepMemory extends MemoryStorage {
  override readonly supportsPartialThreadUpdate = true;
  readonly #threads: Threads;
  readonly #atomically: Atomically;

  constructor({ store, userId }: MastraMemoryOptions) {
    super();
    const ownResourceId = String(userId);
    this.#threads = { user: store.forUser(userId), ownResourceId };
    this.#atomically = atomicallyOn(store, userId, ownResourceId);
  }

  /** Deletes all threads that Mastra has made for this user, and the working memory. */
  override async dangerouslyClearAll(): Promise<void> {
    await clearAll(this.#threads);
  }

  /** `null` where there is none, it is another user's, or of another resource. @throws invalid_input when the id is none */
  override async getThreadById(args: { threadId: string; resourceId?: string }): Promise<StorageThreadType | null> {
    const conversation = await findThread(this.#threads, args.threadId);
    if (!conversation) return null;
    if (args.resourceId !== undefined && resourceOf(this.#threads, conversation) !== args.resourceId) return null;
    return await ownThreadOf(this.#threads, conversation);
  }

  /** Makes a thread, or makes it be this one. @throws invalid_input; too_large; conflict when the id is another user's UUID */
  override async saveThread({ thread }: { thread: StorageThreadType }): Promise<StorageThreadType> {
    return await saveThread(this.#threads, thread);
  }

  /** Changes what is given; metadata are merged key by key. @throws invalid_input; too_large; not_found */
  override async updateThread(changes: {
    id: string;
    title?: string;
    metadata?: Record<string, unknown>;
  }): Promise<StorageThreadType> {
    return await this.#atomically([changes.id], (mine) => changeThread(mine, changes.id, changes));
  }

  /** The same with metadata that depend on what is there, also between processes: `update` may be called again. */
  override async updateThreadMetadata({
    id,
    resourceId,
    update,
  }: Parameters<MemoryStorage["updateThreadMetadata"]>[0]): Promise<StorageThreadType | null> {
    return await this.#atomically([id], async (mine) => {
      const conversation = await findThread(mine, id);
      if (!conversation) return null;
      if (resourceId !== undefined && resourceOf(mine, conversation) !== resourceId) return null;
      const thread = await ownThreadOf(mine, conversation);
      const metadata = update(thread);
      return metadata ? await changeThread(mine, id, { metadata }) : thread;
    });
  }

  /** With its messages; nothing where there is none. */
  override async deleteThread({ threadId }: { threadId: string }): Promise<void> {
    if (await findThread(this.#threads, threadId)) await deleteThread(this.#threads, threadId);
  }

  /** Chats of other clients too; not those in the archive, and no temporary ones. Reads all that match, 100 at once. @throws invalid_input */
  override async listThreads(args: StorageListThreadsInput): Promise<StorageListThreadsOutput> {
    const { page, perPage, from, to } = stretchOf({ page: args.page, perPage: args.perPage ?? threadsPerPage });
    const { field, direction } = this.parseOrderBy(args.orderBy);
    const found = await conversationsOf(this.#threads, args.filter);
    const threads = found.map((conversation) => threadOf(this.#threads, conversation));
    const sign = direction === "ASC" ? 1 : -1;
    threads.sort((a, b) => sign * (a[field].getTime() - b[field].getTime()));
    return { threads: threads.slice(from, to), total: threads.length, page, perPage, hasMore: threads.length > to };
  }

  /**
   * Messages of the branch that is shown, in the order in which they were stored; of several threads by time. Without
   * `includeTotal: false` all of the thread is read, to be counted. @throws invalid_input
   */
  override async listMessages(args: StorageListMessagesInput): Promise<StorageListMessagesOutput> {
    return await listMessages(this.#threads, args);
  }

  /** Of all threads of a resource, by time. @throws invalid_input */
  override async listMessagesByResourceId(
    args: StorageListMessagesByResourceIdInput,
  ): Promise<StorageListMessagesOutput> {
    const { page, perPage } = stretchOf({ page: args.page, perPage: args.perPage ?? messagesPerPage });
    const found = await conversationsOf(this.#threads, { resourceId: args.resourceId });
    const threadId = found.map(({ id }) => id);
    if (threadId.length === 0) return { messages: [], total: 0, page, perPage, hasMore: false };
    return await listMessages(this.#threads, { ...args, threadId });
  }

  /** Those that are there, in the order of the ids. @throws invalid_input; conflict for an id that several threads have */
  override async listMessagesById({ messageIds }: { messageIds: string[] }): Promise<{ messages: MastraDBMessage[] }> {
    const found = await findOwn(this.#threads, messageIds);
    return { messages: found.map(({ message }) => message) };
  }

  /**
   * Stores messages, all or none: the same again changes nothing, and one that is there with other content has the new content.
   * @throws invalid_input; too_large; not_found without the thread; conflict when an id is another message's, or its role differs
   */
  override async saveMessages({ messages }: { messages: MastraDBMessage[] }): Promise<{ messages: MastraDBMessage[] }> {
    await saveMessages(this.#threads, this.#atomically, messages);
    return { messages };
  }

  /** Changes what is given of each, all or none; those that are not there are passed over. @throws as `saveMessages` */
  override async updateMessages({ messages }: { messages: MessageUpdate[] }): Promise<MastraDBMessage[]> {
    return await updateMessages(this.#threads, this.#atomically, messages);
  }

  /** Takes their content away for good; those that are not there are passed over. @throws conflict as `listMessagesById` */
  override async deleteMessages(messageIds: string[]): Promise<void> {
    await deleteMessages(this.#threads, this.#atomically, messageIds);
  }

  /** Copies a thread with its messages, under new ids. @throws not_found; conflict when the new id is in use */
  override async copyThread(args: StorageCloneThreadInput): Promise<StorageCopyThreadOutput> {
    return await copyThread(this.#threads, this.#atomically, args);
  }

  override async getResourceById({ resourceId }: { resourceId: string }): Promise<StorageResourceType | null> {
    return await findResource(this.#threads.user, resourceId);
  }

  /** @throws invalid_input; too_large over 16 MiB */
  override async saveResource({ resource }: { resource: StorageResourceType }): Promise<StorageResourceType> {
    return await saveResource(this.#threads.user, resource);
  }

  /** Changes what is given, or makes the resource; metadata are merged key by key. @throws as `saveResource` */
  override async updateResource({
    resourceId,
    ...changes
  }: ResourceChanges & { resourceId: string }): Promise<StorageResourceType> {
    return await updateResource(this.#threads.user, resourceId, changes);
  }
}

/** The memory of this user; made anew for each request, or kept. */
export function createMastraMemory(options: MastraMemoryOptions): ChatkeepMemory {
  return new ChatkeepMemory(options);
}
