/**
 * The functions of the package `resumable-stream`, without Redis: a stream of texts is kept as a reply of a temporary conversation of
 * its user's, from which whoever comes later, on whichever server, reads it from its beginning.
 */
import { createHash } from "node:crypto";
import type { Codec } from "../../replies/codec.ts";
import type { ReplyNotifier } from "../../replies/notifier.ts";
import { createReplies, type Replies } from "../../replies/replies.ts";
import type { Reply } from "../../replies/reply.ts";
import type { Store } from "../../store/store.ts";
import type { UserId } from "../../store/tables/tables.ts";

/** Whose streams they are, and what keeps them. */
export interface ResumableStreamContextOptions {
  store: Store;
  /** Whose streams they are: another user's are absent. */
  userId: UserId;
  /** Keeps the process alive until a stream has ended, such as Next.js' `after`; `null` where a process lives anyway. */
  waitUntil: ((work: Promise<unknown>) => void) | null;
  /** By which servers hear of each other; without one, streams of other servers are read every 100 ms. */
  notifier?: ReplyNotifier | undefined;
  /** Stands before the ids of streams; `resumable-stream` when left out. */
  keyPrefix?: string | undefined;
}

/** As the package `resumable-stream` 2 has it: <https://github.com/vercel/resumable-stream>. */
export interface ResumableStreamContext {
  /** The stream of this id, which `makeStream` makes if there is none; `null` when it has ended. The first `skipCharacters` are left out. */
  resumableStream(
    streamId: string,
    makeStream: () => ReadableStream<string>,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null>;
  /** The same: an id names one stream for a day. */
  createNewResumableStream(
    streamId: string,
    makeStream: () => ReadableStream<string>,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null>;
  /** The stream of this id; `null` when it has ended, `undefined` when there is none. */
  resumeExistingStream(streamId: string, skipCharacters?: number): Promise<ReadableStream<string> | null | undefined>;
  /** `true` while it is being made, `"DONE"` when it has ended, `null` when there is none. */
  hasExistingStream(streamId: string): Promise<null | true | "DONE">;
}

/** Makes the context for one user; cheap enough for each request. */
export function createResumableStreamContext(options: ResumableStreamContextOptions): ResumableStreamContext {
  const { store, userId, waitUntil, notifier, keyPrefix = "resumable-stream" } = options;
  const user = store.forUser(userId);
  const mine = repliesOf(store, notifier).forUser(userId);
  const idOf = (streamId: string) => createHash("sha256").update(`${keyPrefix}:${streamId}`).digest("hex");

  async function resumeExistingStream(streamId: string, skipCharacters = 0) {
    const conversationId = idOf(streamId);
    const reply = await mine.follow(conversationId);
    if (reply) return textsOf(reply, skipCharacters);
    const conversation = await user.conversations.find(conversationId);
    return conversation && conversation.messageCount > 0 ? null : undefined;
  }

  async function resumableStream(streamId: string, makeStream: () => ReadableStream<string>, skipCharacters = 0) {
    const conversationId = idOf(streamId);
    await user.conversations.create({ id: conversationId, title: keyPrefix.slice(0, 200), temporary: true });
    const message = { id: "stream", role: "user" as const, content: "stream" };
    const reply = await mine.ask({ conversationId, message }, makeStream);
    // A stream that has ended is not read again, as the package has it.
    if (reply.runId === undefined) return null;
    waitUntil?.(reply.ended().catch(() => undefined));
    return textsOf(reply, skipCharacters);
  }

  return {
    resumableStream,
    createNewResumableStream: resumableStream,
    resumeExistingStream,
    hasExistingStream: async (streamId) => {
      const found = await user.runs.findRunning(idOf(streamId));
      if (found) return true;
      const conversation = await user.conversations.find(idOf(streamId));
      return conversation && conversation.messageCount > 0 ? "DONE" : null;
    },
  };
}

const texts: Codec<string> = {
  toParts: (pieces) => [{ type: "text", text: pieces.join("") }],
  toEvents: ({ content }) => [content],
  join: (pieces) => [pieces.join("")],
};

const known = new WeakMap<Store, Map<ReplyNotifier | undefined, Replies<string>>>();

/** One for each store, however often a host makes a context. */
function repliesOf(store: Store, notifier: ReplyNotifier | undefined): Replies<string> {
  const ofStore = known.get(store) ?? new Map<ReplyNotifier | undefined, Replies<string>>();
  known.set(store, ofStore);
  const replies = ofStore.get(notifier) ?? createReplies({ store, codec: texts, notifier });
  ofStore.set(notifier, replies);
  return replies;
}

/** Whoever stops reading stops nothing. */
function textsOf(reply: Reply<string>, skipCharacters: number): ReadableStream<string> {
  let skip = skipCharacters;
  const events = reply[Symbol.asyncIterator]();
  return new ReadableStream<string>({
    pull: async (controller) => {
      for (;;) {
        const next = await events.next();
        if (next.done) return controller.close();
        const text = next.value.event.slice(skip);
        skip = Math.max(0, skip - next.value.event.length);
        if (text !== "") return controller.enqueue(text);
      }
    },
    // Not awaited: it ends with the text that is waited for just now.
    cancel: () => void events.return?.(),
  });
}
