/** The messages of a thread, newest first, with all its branches: read page by page, and written while they are read. */

import { limits } from "../../limits.ts";
import type { Message } from "../../store/tables/message.ts";
import { contentOf, formatOf } from "./formats.ts";
import { isRunning, leaseOf, silentMs } from "./leases.ts";
import type { Thread } from "./messages.ts";

/** As its schema has it. */
export interface MessageListOptions {
  format?: string | undefined;
  limit: number;
  /** The id of a message: those that are older. */
  after?: string | undefined;
}

/** A message as it is answered. */
export interface CloudMessage {
  id: string;
  /** The nearest message above that is answered too. */
  parent_id: string | null;
  /** Grows along every branch. */
  height: number;
  created_at: string;
  updated_at: string;
  format: string;
  content: Record<string, unknown>;
  external_id: string;
  run?: { status: "running" | "ended"; last_heartbeat_ms_ago: number };
}

/** @throws not_found when the thread is not there, or the message of `after` */
export async function* listMessages(thread: Thread, options: MessageListOptions): AsyncGenerator<CloudMessage> {
  const { user, id: threadId } = thread;
  const start = options.after === undefined ? undefined : await user.messages.get(threadId, options.after);
  const shown = createShown(thread, options.format);
  let count = 0;
  let before = start?.seq;
  do {
    const page = await user.messages.list(threadId, {
      limit: limits.pageSize,
      ...(before !== undefined && { before }),
    });
    shown.know(page.items);
    for (const message of page.items.toReversed()) {
      const one = await shown.of(message);
      if (!one) continue;
      yield one;
      count += 1;
      if (count === options.limit) return;
    }
    before = page.nextCursor === null ? undefined : Number(page.nextCursor);
  } while (before !== undefined);
}

/** What of messages is answered in a format, or each in its own. */
function createShown(thread: Thread, format: string | undefined) {
  let known = new Map<string, Message>();
  let now: Promise<Date> | undefined;
  const clock = () => (now ??= thread.now());
  const contentIn = (message: Message) => contentOf(message, format ?? formatOf(message));

  /** Those that are not answered, such as deleted ones, are passed over: a client refuses a message without its parent. */
  async function parentOf({ parentId }: Message): Promise<string | null> {
    for (let id = parentId; id !== null; ) {
      const parent = known.get(id) ?? (await thread.user.messages.get(thread.id, id));
      known.set(id, parent);
      if (contentIn(parent)) return parent.id;
      id = parent.parentId;
    }
    return null;
  }

  async function runOf(message: Message): Promise<Pick<CloudMessage, "run">> {
    const isStreaming = message.status === "streaming";
    if (!isStreaming && !leaseOf(message)) return {};
    const running = isStreaming ? await thread.user.runs.findRunning(thread.id) : undefined;
    const beat = running ? { ...message, updatedAt: running.heartbeatAt } : message;
    const status = isStreaming || isRunning(message) ? "running" : "ended";
    return { run: { status, last_heartbeat_ms_ago: silentMs(beat, await clock()) } };
  }

  return {
    know: (messages: readonly Message[]) => {
      known = new Map(messages.map((message) => [message.id, message]));
    },
    of: async (message: Message): Promise<CloudMessage | undefined> => {
      const content = contentIn(message);
      if (!content) return undefined;
      const { id, seq, createdAt, updatedAt } = message;
      return {
        id,
        parent_id: await parentOf(message),
        height: seq - 1,
        created_at: createdAt.toISOString(),
        updated_at: (updatedAt ?? createdAt).toISOString(),
        format: format ?? formatOf(message),
        content,
        external_id: id,
        ...(await runOf(message)),
      };
    },
  };
}

/** `{ messages: […] }`, of which no more is in memory than what is read at once. @throws whatever the first message does */
export async function asJson(messages: AsyncGenerator<CloudMessage>): Promise<ReadableStream<Uint8Array>> {
  const first = await messages.next();
  async function* texts() {
    yield '{"messages":[';
    if (!first.done) yield JSON.stringify(first.value);
    for await (const message of messages) yield `,${JSON.stringify(message)}`;
    yield "]}";
  }
  return ReadableStream.from(texts()).pipeThrough(new TextEncoderStream());
}
