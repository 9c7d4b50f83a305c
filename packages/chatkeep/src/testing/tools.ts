/** What the cases share: people, messages, reading everything, waiting with an end. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { CaseContext, ConformanceCode, ConformanceStore, ReadMessage, SentMessage } from "./subject.ts";

export function message(content: string, role: SentMessage["role"] = "user"): SentMessage {
  return { id: randomUUID(), role, content };
}

/** A question and its answer, which must never be torn apart. */
export function pair(name: string): SentMessage[] {
  return [message(`question ${name}`), message(`answer ${name}`, "assistant")];
}

export async function begin(store: ConformanceStore): Promise<{ userId: string; id: string }> {
  const userId = await store.createUser();
  return { userId, ...(await store.createConversation(userId)) };
}

/** All messages, page by page from the beginning. */
export async function readAll(
  store: ConformanceStore,
  userId: string,
  id: string,
  limit = 100,
): Promise<ReadMessage[]> {
  const all: ReadMessage[] = [];
  for (;;) {
    const items = await store.page(userId, id, { limit, after: all.at(-1)?.seq ?? 0 });
    all.push(...items);
    if (items.length < limit) return all;
  }
}

/** All messages, page by page from the end. */
export async function readBackward(
  store: ConformanceStore,
  userId: string,
  id: string,
  limit: number,
): Promise<ReadMessage[]> {
  let all: ReadMessage[] = [];
  for (;;) {
    const [first] = all;
    const items = await store.page(userId, id, { limit, ...(first && { before: first.seq }) });
    all = [...items, ...all];
    if (items.length < limit) return all;
  }
}

export async function listAll(store: ConformanceStore, userId: string, limit = 100): Promise<string[]> {
  const all: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list(userId, { limit, ...(cursor && { cursor }) });
    all.push(...page.ids);
    cursor = page.cursor ?? undefined;
  } while (cursor);
  return all;
}

export function expectGapFree(messages: readonly ReadMessage[]): void {
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
}

/** Every pair of `pair()` stands side by side, and none is half there. */
export function expectPairs(messages: readonly ReadMessage[]): void {
  for (const [index, { content }] of messages.entries()) {
    const [kind, name] = content.split(/ (.*)/);
    const neighbour = kind === "question" ? messages[index + 1] : messages[index - 1];
    expect(neighbour?.content).toBe(`${kind === "question" ? "answer" : "question"} ${name}`);
  }
}

/** The code of what `work` throws; fails when it does not throw. */
export async function refusal(
  store: ConformanceStore,
  work: () => Promise<unknown>,
): Promise<ConformanceCode | "unknown"> {
  try {
    await work();
  } catch (error) {
    return store.codeOf(error) ?? "unknown";
  }
  throw new Error("this had to be refused");
}

/** Fails when `work` has not ended in time: a hang must not look like a slow test. */
export async function within<Result>(milliseconds: number, what: string, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} had not ended after ${milliseconds} ms`)), milliseconds);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Appends until it is acknowledged, as a client does that lost an answer: with the same ids each time. */
export async function appendUntilAcknowledged(
  store: ConformanceStore,
  userId: string,
  id: string,
  messages: SentMessage[],
): Promise<ReadMessage[]> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await store.append(userId, id, messages);
    } catch (error) {
      if (store.codeOf(error) !== "unavailable" || tries > 300) throw error;
      await pause(50);
    }
  }
}

export function times<Value>(count: number, make: (index: number) => Value): Value[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Further stores on the same data, closed afterwards. */
export async function withConnections<Result>(
  { subject }: CaseContext,
  count: number,
  work: (stores: ConformanceStore[]) => Promise<Result>,
): Promise<Result> {
  const connect = subject.connect;
  if (!connect) throw new Error("the subject has no connect");
  const stores = await Promise.all(times(count, () => connect()));
  try {
    return await work(stores);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}
