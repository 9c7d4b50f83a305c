/** Mastra's own Memory and Agent on conversations: what they rely on, and what people and other clients see. */
import { randomUUID } from "node:crypto";
import { Agent } from "@mastra/core/agent";
import type { MastraDBMessage } from "@mastra/core/memory";
import { InMemoryStore, MastraCompositeStore } from "@mastra/core/storage";
import { createTool } from "@mastra/core/tools";
import { Memory } from "@mastra/memory";
import { validateUIMessages } from "ai";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { createStore } from "chatkeep";
import { loadChat, saveChat } from "chatkeep/ai-sdk";
import { createMastraMemory } from "chatkeep/mastra";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { isLong } from "./helpers/long.ts";
import { models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;
let domain: ReturnType<typeof createMastraMemory>;
let memory: Memory;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  people = await resetPeople(database);
  domain = domainOf(people.ids.ann);
  memory = memoryOf(domain);
});

const domainOf = (userId: string) => createMastraMemory({ store: people.store, userId });
/** As another process has it. */
const secondProcess = () => createMastraMemory({ store: createStore(database, models), userId: people.ids.ann });
const memoryOf = (on: typeof domain, options: ConstructorParameters<typeof Memory>[0] = {}) =>
  new Memory({
    ...options,
    storage: new MastraCompositeStore({
      id: "test",
      default: new InMemoryStore(),
      domains: { memory: on },
    }),
  });

const resourceId = "ann-at-work";
const thread = (more: object = {}) => ({
  id: "thread-1",
  resourceId,
  title: "Weather",
  metadata: { topic: "rain", deep: { list: [1, null, "é"] } },
  createdAt: new Date("2026-01-02T03:04:05.678Z"),
  updatedAt: new Date("2026-01-02T03:04:05.678Z"),
  ...more,
});
let clock = Date.parse("2026-01-02T03:04:06.000Z");
const message = (text: string, more: object = {}) =>
  ({
    id: randomUUID(),
    threadId: "thread-1",
    resourceId,
    role: "user",
    createdAt: new Date(++clock),
    type: "text",
    content: { format: 2, parts: [{ type: "text", text }], content: text },
    ...more,
  }) as MastraDBMessage;
const content = (parts: unknown[], more: object = {}) => ({ format: 2, parts, ...more });
const textsOf = (messages: MastraDBMessage[]) =>
  messages.map(({ content }) => content.parts.flatMap((part) => (part.type === "text" ? part.text : [])).join(""));
const texts = async (threadId = "thread-1") =>
  textsOf((await domain.listMessages({ threadId, perPage: false })).messages);

/** Each kind of part, and of message. */
const every = () => [
  message("Hello 😀 \ud83d \0"),
  message("", {
    role: "assistant",
    content: content(
      [
        { type: "step-start", model: "x" },
        { type: "reasoning", reasoning: "", details: [{ type: "text", text: "Think" }] },
        {
          type: "tool-invocation",
          toolInvocation: {
            state: "result",
            toolCallId: "c1",
            toolName: "weather",
            args: { city: "Oslo" },
            result: { rain: true },
            step: 0,
          },
          providerExecuted: false,
        },
        { type: "text", text: "It rains.", providerMetadata: { x: { y: 1 } }, createdAt: 17 },
        { type: "source", source: { sourceType: "url", id: "s1", url: "https://example.com", title: "Rain" } },
        { type: "data-chart", data: { points: [1, 2] }, id: "d1" },
        { type: "error", error: { name: "Error", message: "late" } },
      ],
      {
        metadata: { modelId: "x", nested: { list: [null] } },
        providerMetadata: { openai: { id: "r1" } },
        toolInvocations: [{ state: "call", toolCallId: "c1", toolName: "weather", args: { city: "Oslo" } }],
        annotations: [{ note: 1 }],
        reasoning: "Think",
      },
    ),
  }),
  message("", {
    content: content([{ type: "file", mimeType: "image/png", data: "AAAA", filename: "a.png" }], {
      experimental_attachments: [{ url: "https://example.com/b.png", contentType: "image/png", name: "b.png" }],
    }),
  }),
  message("", {
    role: "assistant",
    content: content([
      {
        type: "tool-invocation",
        toolInvocation: { state: "call", toolCallId: "c2", toolName: "ask", args: { question: "?" } },
      },
    ]),
  }),
  message("", {
    role: "signal",
    type: "reminder",
    content: content([{ type: "text", text: "Mind the time" }], { metadata: { signal: { type: "reactive" } } }),
  }),
  message("Be brief.", { role: "system", resourceId: undefined, type: undefined }),
];

describe("Mastra's Memory", () => {
  it("saves and recalls messages deep-equal, with every kind of part", async () => {
    await memory.saveThread({ thread: thread() });
    const messages = every();
    await domain.saveMessages({ messages });
    const { messages: listed, ...page } = await domain.listMessages({ threadId: "thread-1" });
    expect(listed).toEqual(messages);
    expect(page).toEqual({ total: 6, page: 0, perPage: 40, hasMore: false });
    const newest = await domain.listMessages({ threadId: "thread-1", orderBy: { direction: "DESC" } });
    expect(newest.messages).toEqual(messages.toReversed());
    const said = messages.slice(0, 2);
    expect((await memory.recall({ threadId: "thread-1", resourceId })).messages.slice(0, 2)).toEqual(said);
    expect((await domain.listMessagesById({ messageIds: said.map(({ id }) => id).reverse() })).messages).toEqual(
      said.toReversed(),
    );
  });

  it("gives a thread as it was saved, and null for what is another user's or another resource's", async () => {
    const { updatedAt: _, ...saved } = thread({ title: `  ${"long ".repeat(60)}` });
    await memory.saveThread({ thread: thread({ title: saved.title }) });
    expect(await memory.getThreadById({ threadId: "thread-1" })).toMatchObject(saved);
    expect(await memory.getThreadById({ threadId: "thread-1", resourceId })).toMatchObject(saved);
    expect(await memory.getThreadById({ threadId: "thread-1", resourceId: "else" })).toBeNull();
    expect(await domainOf(people.ids.bob).getThreadById({ threadId: "thread-1" })).toBeNull();
    expect(await memory.getThreadById({ threadId: "nothing" })).toBeNull();
    const { title } = await people.ann.conversations.get("thread-1");
    expect(title).toHaveLength(199);
  });

  it("makes a title of its own only while nobody has given one", async () => {
    await memory.saveThread({ thread: thread({ title: "" }) });
    await domain.saveMessages({ messages: [message("How is the weather?")] });
    expect((await memory.getThreadById({ threadId: "thread-1" }))?.title).toBe("");
    const { threads } = await memory.listThreads({ filter: { resourceId } });
    expect(threads.map(({ title }) => title)).toEqual(["How is the weather?"]);
    await domain.updateThread({ id: "thread-1", metadata: { topic: "snow" } });
    expect(await memory.getThreadById({ threadId: "thread-1" })).toMatchObject({
      title: "",
      metadata: { topic: "snow", deep: { list: [1, null, "é"] } },
    });
    await people.ann.conversations.rename("thread-1", "Mine");
    expect((await memory.getThreadById({ threadId: "thread-1" }))?.title).toBe("Mine");
    await memory.updateThread({ id: "thread-1", title: "Theirs", metadata: {} });
    expect((await people.ann.conversations.get("thread-1")).title).toBe("Theirs");
    await expect(domain.updateThread({ id: "nothing", title: "x" })).rejects.toMatchObject({ code: "not_found" });
  });

  it("lists threads by page, order, resource and metadata, with totals; none of the archive, none temporary", async () => {
    for (const [index, id] of ["a", "b", "c", "d", "e"].entries()) {
      const createdAt = new Date(Date.UTC(2026, 0, 10 - index));
      const metadata = { even: index % 2 === 0, deep: { index } };
      const of = id === "e" ? "else" : resourceId;
      await memory.saveThread({ thread: thread({ id, createdAt, metadata, resourceId: of }) });
    }
    await people.ann.conversations.create({ id: "own" });
    await people.ann.conversations.create({ id: "temporary", temporary: true });
    await people.ann.conversations.create({ id: "archived", archived: true });
    await people.bob.conversations.create({ id: "bob's" });
    const list = async (args: Parameters<typeof domain.listThreads>[0]) => {
      const { threads, ...page } = await domain.listThreads(args);
      return { ids: threads.map(({ id }) => id), ...page };
    };
    const filter = { resourceId };
    expect(await list({ filter, perPage: 3 })).toEqual({
      ids: ["a", "b", "c"],
      total: 4,
      page: 0,
      perPage: 3,
      hasMore: true,
    });
    expect(await list({ filter, perPage: 3, page: 1 })).toMatchObject({ ids: ["d"], hasMore: false });
    expect(await list({ filter, perPage: false, orderBy: { direction: "ASC" } })).toMatchObject({
      ids: ["d", "c", "b", "a"],
      perPage: false,
    });
    expect(await list({ filter, orderBy: { field: "updatedAt", direction: "DESC" } })).toMatchObject({
      ids: ["d", "c", "b", "a"],
    });
    expect(await list({ filter: { ...filter, metadata: { even: true } } })).toMatchObject({
      ids: ["a", "c"],
      total: 2,
    });
    expect(await list({ filter: { metadata: { deep: { index: 4 } } } })).toMatchObject({ ids: ["e"] });
    expect(await list({ filter: { resourceId: people.ids.ann } })).toMatchObject({ ids: ["own"] });
    expect(await list({})).toMatchObject({ total: 6, perPage: 100 });
    for (const wrong of [{ page: -1 }, { perPage: -1 }, { perPage: 0.5 }, { page: 1, perPage: false as const }]) {
      await expect(list(wrong)).rejects.toMatchObject({ code: "invalid_input" });
    }
  });

  it("keeps working memory of a resource, also when two write at once, and for nobody else", async () => {
    const remembering = memoryOf(domain, { options: { workingMemory: { enabled: true } } });
    await remembering.saveThread({ thread: thread() });
    const workingMemory = "# Name: Ann";
    await remembering.updateWorkingMemory({ threadId: "thread-1", resourceId, workingMemory });
    expect(await remembering.getWorkingMemory({ threadId: "thread-1", resourceId })).toBe(workingMemory);
    expect(await remembering.getWorkingMemory({ threadId: "thread-1", resourceId: "else" })).toBeNull();
    const other = secondProcess();
    await Promise.all([
      domain.updateResource({ resourceId, metadata: { a: 1 } }),
      other.updateResource({ resourceId, metadata: { b: 2 } }),
      domain.updateResource({ resourceId: "new", metadata: { a: 1 } }),
      other.updateResource({ resourceId: "new", workingMemory: "x" }),
    ]);
    expect(await domain.getResourceById({ resourceId })).toMatchObject({ workingMemory, metadata: { a: 1, b: 2 } });
    expect(await domain.getResourceById({ resourceId: "new" })).toMatchObject({
      id: "new",
      workingMemory: "x",
      metadata: { a: 1 },
    });
    expect(await domainOf(people.ids.bob).getResourceById({ resourceId })).toBeNull();
    const resource = {
      id: "r",
      workingMemory: "\0",
      metadata: { x: [1] },
      createdAt: new Date(5),
      updatedAt: new Date(6),
    };
    await domain.saveResource({ resource });
    expect(await domain.getResourceById({ resourceId: "r" })).toEqual(resource);
    expect((await domain.listThreads({})).total).toBe(1);
    const { items } = await people.ann.conversations.list({ archived: true });
    const [record] = items.filter(({ metadata }) => metadata?.["mastraResource"] === resourceId);
    expect(await domain.getThreadById({ threadId: record?.id ?? "" })).toBeNull();
    await people.ann.messages.redact(record?.id ?? "", "working-memory");
    expect(await domain.getResourceById({ resourceId })).toBeNull();
    await domain.updateResource({ resourceId, workingMemory: "anew" });
    expect(await domain.getResourceById({ resourceId })).toMatchObject({ workingMemory: "anew", metadata: {} });
  });

  it("clones a thread, whole or in part, under new ids, and deletes it", async () => {
    await memory.saveThread({ thread: thread() });
    const messages = every();
    await domain.saveMessages({ messages });
    const { thread: clone, clonedMessages, messageIdMap } = await memory.cloneThread({ sourceThreadId: "thread-1" });
    expect(clone).toMatchObject({ resourceId, title: "Clone of Weather" });
    expect(clone.metadata).toMatchObject({
      clone: { sourceThreadId: "thread-1", lastMessageId: messages.at(-1)?.id },
    });
    const expected = messages.map((each) => ({ ...each, threadId: clone.id, id: messageIdMap?.[each.id] }));
    expect((await domain.listMessages({ threadId: clone.id })).messages).toEqual(expected);
    expect(clonedMessages).toHaveLength(6);
    expect((await domain.listMessages({ threadId: "thread-1" })).messages).toEqual(messages);
    const options = { messageLimit: 1, messageFilter: { endDate: messages[1]?.createdAt ?? new Date() } };
    const part = { sourceThreadId: "thread-1", newThreadId: "part", resourceId: "else", title: "Part", options };
    expect((await domain.cloneThread(part)).clonedMessages).toMatchObject([
      { resourceId: "else", content: messages[1]?.content },
    ]);
    await expect(domain.cloneThread(part)).rejects.toMatchObject({ code: "conflict" });
    await expect(domain.cloneThread({ sourceThreadId: "nothing" })).rejects.toMatchObject({ code: "not_found" });
    await expect(domainOf(people.ids.bob).cloneThread({ sourceThreadId: "thread-1" })).rejects.toMatchObject({
      code: "not_found",
    });
    await memory.deleteThread("thread-1");
    await memory.deleteThread("thread-1");
    expect(await memory.getThreadById({ threadId: "thread-1" })).toBeNull();
    expect(await texts()).toEqual([]);
    expect(await texts(clone.id)).toHaveLength(6);
    await domain.updateThreadResourceId({ threadId: clone.id, resourceId: "moved" });
    const moved = await domain.listMessages({ threadId: clone.id, resourceId: "moved" });
    expect(moved.messages).toHaveLength(6);
    await domain.dangerouslyClearAll();
    expect((await domain.listThreads({})).total).toBe(0);
  });
});

describe("messages", () => {
  beforeEach(async () => {
    await domain.saveThread({ thread: thread() });
  });

  it("are stored once however often they are sent, and changed by other content", async () => {
    const [first, second] = [message("one"), message("two")];
    await domain.saveMessages({ messages: [first] });
    await domain.saveMessages({ messages: [first, second] });
    await domain.saveMessages({ messages: [first, second] });
    await domain.saveMessages({ messages: [second] });
    const stored = await people.ann.messages.list("thread-1");
    expect(stored.items.map(({ revision }) => revision)).toEqual([1, 1]);
    const changed = { ...first, content: message("uno").content };
    await domain.saveMessages({ messages: [changed] });
    await domain.saveMessages({ messages: [message("three"), { ...second, content: message("dos").content }] });
    expect(await texts()).toEqual(["uno", "dos", "three"]);
    const roles = { ...first, role: "assistant" as const };
    await expect(domain.saveMessages({ messages: [roles] })).rejects.toMatchObject({ code: "conflict" });
  });

  it("stay in one line when an old one is sent again with new ones", async () => {
    const [first, second, third] = [message("one"), message("two"), message("three")];
    await domain.saveMessages({ messages: [first, second] });
    await domain.saveMessages({ messages: [first, third] });
    expect(await texts()).toEqual(["one", "two", "three"]);
    const other = secondProcess();
    await Promise.all([
      domain.saveMessages({ messages: [first, message("a1"), message("a2")] }),
      other.saveMessages({ messages: [first, message("b1"), message("b2")] }),
      domain.saveMessages({ messages: [message("c")] }),
    ]);
    const all = await texts();
    expect(all.toSorted()).toEqual(["a1", "a2", "b1", "b2", "c", "one", "three", "two"]);
    expect(all.indexOf("a2")).toBe(all.indexOf("a1") + 1);
    expect(all.indexOf("b2")).toBe(all.indexOf("b1") + 1);
  });

  it("of many processes at once are all there, each call's together, and so is what they say of the thread", async () => {
    const all = Array.from({ length: 6 }, secondProcess);
    await Promise.all(
      all.flatMap((each, index) => [
        each.saveMessages({ messages: [message(`${index} a`), message(`${index} b`)] }),
        each.updateThread({ id: "thread-1", metadata: { [`key${index}`]: index } }),
        each.updateThreadMetadata({
          id: "thread-1",
          update: ({ metadata }) => ({ count: Number(metadata?.["count"] ?? 0) + 1 }),
        }),
        each.updateResource({ resourceId, metadata: { [`key${index}`]: index } }),
      ]),
    );
    const said = await texts();
    expect(said).toHaveLength(12);
    for (const index of all.keys()) expect(said[said.indexOf(`${index} a`) + 1]).toBe(`${index} b`);
    const keys = Object.fromEntries(all.map((_, index) => [`key${index}`, index]));
    const { metadata } = (await domain.getThreadById({ threadId: "thread-1" })) ?? {};
    expect(metadata).toEqual({ ...thread().metadata, ...keys, count: 6 });
    expect((await domain.getResourceById({ resourceId }))?.metadata).toEqual(keys);
  });

  it("of another user are neither read, moved, changed nor deleted by their ids", async () => {
    const own = message("Ann's");
    await domain.saveMessages({ messages: [own] });
    const bob = domainOf(people.ids.bob);
    const { id } = own;
    expect((await bob.listMessagesById({ messageIds: [id] })).messages).toEqual([]);
    expect(await bob.updateMessages({ messages: [{ id, content: { content: "x" } as never }] })).toEqual([]);
    await bob.deleteMessages([id]);
    expect((await bob.listMessages({ threadId: "thread-1" })).messages).toEqual([]);
    await expect(bob.saveMessages({ messages: [own] })).rejects.toMatchObject({ code: "not_found" });
    await bob.saveThread({ thread: thread() });
    await expect(bob.saveMessages({ messages: [own] })).rejects.toMatchObject({ code: "conflict" });
    const included = await bob.listMessages({ threadId: "thread-1", include: [{ id, withPreviousMessages: 1 }] });
    expect(included.messages).toEqual([]);
    expect((await domain.listMessages({ threadId: "thread-1" })).messages).toEqual([own]);
    const uuid = randomUUID();
    await domain.saveThread({ thread: thread({ id: uuid }) });
    await expect(bob.saveThread({ thread: thread({ id: uuid }) })).rejects.toMatchObject({ code: "conflict" });
  });

  it("do not move between threads, and an id of several threads is refused where the thread is not named", async () => {
    await domain.saveThread({ thread: thread({ id: "thread-2" }) });
    const uuid = message("here");
    await domain.saveMessages({ messages: [uuid, message("first", { id: "m1" })] });
    await expect(domain.saveMessages({ messages: [{ ...uuid, threadId: "thread-2" }] })).rejects.toMatchObject({
      code: "conflict",
    });
    await expect(domain.updateMessages({ messages: [{ id: uuid.id, threadId: "thread-2" }] })).rejects.toMatchObject({
      code: "invalid_input",
    });
    expect(textsOf((await domain.listMessagesById({ messageIds: ["m1", "nothing"] })).messages)).toEqual(["first"]);
    await domain.saveMessages({ messages: [message("second", { id: "m1", threadId: "thread-2" })] });
    await expect(domain.deleteMessages(["m1"])).rejects.toMatchObject({ code: "conflict" });
    const { messages } = await domain.listMessages({
      threadId: "thread-2",
      perPage: 0,
      include: [{ id: "m1", threadId: "thread-2" }],
    });
    expect(textsOf(messages)).toEqual(["second"]);
    expect(await texts()).toEqual(["here", "first"]);
  });

  it("are changed key by key, all or none, and deleted for good", async () => {
    const [first, second] = [
      message("one", { content: { ...message("one").content, metadata: { a: 1, b: 1 } } }),
      message("two"),
    ];
    await domain.saveMessages({ messages: [first, second] });
    const updates = [
      { id: first.id, content: { content: "uno", metadata: { b: 2 } } },
      { id: "nothing", content: { content: "x" } },
    ] as never;
    const [updated] = await memory.updateMessages({ messages: updates });
    const expected = { ...first, content: { ...first.content, content: "uno", metadata: { a: 1, b: 2 } } };
    expect(updated).toEqual(expected);
    expect((await domain.listMessagesById({ messageIds: [first.id] })).messages).toEqual([expected]);
    await expect(
      domain.updateMessages({
        messages: [
          { id: second.id, content: { content: "x" } },
          { id: first.id, role: "assistant" },
        ] as never,
      }),
    ).rejects.toMatchObject({ code: "conflict" });
    expect((await domain.listMessagesById({ messageIds: [second.id] })).messages).toEqual([second]);
    await memory.deleteMessages([first.id, "nothing"]);
    await memory.deleteMessages([first.id]);
    expect(await texts()).toEqual(["two"]);
    expect((await domain.listMessages({ threadId: "thread-1" })).total).toBe(1);
    expect(JSON.stringify(await people.ann.messages.list("thread-1"))).not.toContain("uno");
  });

  it("are given by page, from either end, by time and metadata, with what stands around some of them", async () => {
    const messages = Array.from({ length: 230 }, (_, index) =>
      message(String(index), {
        content: content([{ type: "text", text: String(index) }], { metadata: { third: index % 3 } }),
      }),
    );
    await domain.saveMessages({ messages });
    const list = async (args: Partial<Parameters<typeof domain.listMessages>[0]>) => {
      const { messages: found, ...page } = await domain.listMessages({ threadId: "thread-1", ...args });
      return { found: textsOf(found).map(Number), ...page };
    };
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
    expect(await list({ perPage: false })).toMatchObject({ found: range(0, 230), total: 230, hasMore: false });
    expect(await list({ page: 2, perPage: 100 })).toMatchObject({ found: range(200, 230), total: 230, hasMore: false });
    expect(await list({ orderBy: { direction: "DESC" }, perPage: 3, includeTotal: false })).toMatchObject({
      found: [229, 228, 227],
      hasMore: true,
    });
    expect(await list({ orderBy: { direction: "DESC" }, page: 1, perPage: 120 })).toMatchObject({
      found: range(0, 110).reverse(),
      hasMore: false,
    });
    const dateRange = { start: messages[10]?.createdAt as Date, end: messages[20]?.createdAt as Date };
    expect((await list({ filter: { dateRange } })).found).toEqual(range(10, 21));
    expect(
      (await list({ filter: { dateRange: { ...dateRange, startExclusive: true, endExclusive: true } } })).found,
    ).toEqual(range(11, 20));
    expect(await list({ filter: { metadata: { third: 1 } }, perPage: 2 })).toMatchObject({ found: [1, 4], total: 77 });
    const include = [
      { id: messages[120]?.id ?? "", withPreviousMessages: 2, withNextMessages: 1 },
      { id: messages[121]?.id ?? "", withNextMessages: 150 },
      { id: randomUUID() },
    ];
    expect(await list({ perPage: 0, include })).toMatchObject({ found: range(118, 230), total: 0 });
    expect((await list({ perPage: 2, include: include.slice(0, 1) })).found).toEqual([0, 1, 118, 119, 120, 121]);
    expect(await list({ resourceId: "else" })).toMatchObject({ found: [], total: 0 });
    await domain.saveThread({ thread: thread({ id: "thread-2" }) });
    await domain.saveMessages({ messages: [message("230", { threadId: "thread-2" })] });
    const both = { threadId: ["thread-1", "thread-2"], orderBy: { direction: "DESC" as const }, perPage: 2 };
    expect(await list(both)).toMatchObject({ found: [230, 229], total: 231 });
    const ofResource = await domain.listMessagesByResourceId({ resourceId, perPage: false });
    expect(textsOf(ofResource.messages).map(Number)).toEqual(range(0, 231));
    expect(await domain.listMessagesByResourceId({ resourceId: "else" })).toEqual({
      messages: [],
      total: 0,
      page: 0,
      perPage: 40,
      hasMore: false,
    });
    await expect(list({ threadId: " " })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(list({ threadId: [] })).rejects.toMatchObject({ code: "invalid_input" });
  });

  it("that are none are refused with a sentence, and nothing of their list is stored", async () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const wrong: [object, string][] = [
      [{ content: "words" }, "invalid_input"],
      [{ content: { format: 1, parts: [] } }, "invalid_input"],
      [{ content: content([{ type: "data-x", data: circular }]) }, "invalid_input"],
      [{ content: content([{ type: "data-x", data: 1n }]) }, "invalid_input"],
      [{ content: content([{ type: "file", mimeType: "x/y", data: new Uint8Array(2) }]) }, "invalid_input"],
      [{ content: content([{ type: "file", mimeType: "x/y", data: Buffer.from("x") }]) }, "invalid_input"],
      [{ role: "narrator" }, "invalid_input"],
      [{ threadId: undefined }, "invalid_input"],
      [{ threadId: "nothing" }, "not_found"],
      [{ createdAt: new Date(Number.NaN) }, "invalid_input"],
      [{ id: "" }, "invalid_input"],
      [{ content: content([{ type: "text", text: "x".repeat(17 * 1024 * 1024) }]) }, "too_large"],
    ];
    for (const [more, code] of wrong) {
      const messages = [message("right"), message("wrong", more)];
      await expect(domain.saveMessages({ messages }), JSON.stringify(Object.keys(more))).rejects.toMatchObject({
        code,
      });
    }
    expect(await texts()).toEqual([]);
    for (const more of [
      { resourceId: "" },
      { metadata: { mastraThread: 1 } },
      { id: " " },
      { metadata: { a: "\0" } },
    ]) {
      await expect(domain.saveThread({ thread: thread(more) })).rejects.toMatchObject({ code: "invalid_input" });
    }
  });
});

describe("other clients", () => {
  it("read what Mastra has stored, as valid messages of the AI SDK", async () => {
    await domain.saveThread({ thread: thread() });
    await domain.saveMessages({ messages: every() });
    const shown = await validateUIMessages({ messages: await loadChat(people.ann, "thread-1") });
    expect(shown.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant", "system", "system"]);
    expect(shown[1]?.parts.map(({ type }) => type)).toEqual([
      "step-start",
      "reasoning",
      "tool-weather",
      "text",
      "source-url",
      "data-chart",
      "data-mastra-message",
    ]);
    expect(shown[1]?.parts[2]).toMatchObject({
      state: "output-available",
      input: { city: "Oslo" },
      output: { rain: true },
    });
    expect(shown[2]?.parts.slice(0, 2)).toMatchObject([
      { type: "file", url: "https://example.com/b.png" },
      { type: "file", url: "data:image/png;base64,AAAA", filename: "a.png" },
    ]);
  });

  it("are read by Mastra: a chat of useChat is a thread, and what they change is changed for Mastra too", async () => {
    await saveChat(people.ann, {
      chatId: "chat",
      messages: [
        { id: "q", role: "user", parts: [{ type: "text", text: "Weather?" }], metadata: { from: "web" } },
        {
          id: "a",
          role: "assistant",
          parts: [
            {
              type: "tool-weather",
              toolCallId: "c",
              state: "output-available",
              input: { city: "Oslo" },
              output: "rain",
            },
            { type: "text", text: "Rain." },
          ],
        },
      ],
    });
    const { ann: ownResource } = people.ids;
    expect(await memory.getThreadById({ threadId: "chat", resourceId: ownResource })).toMatchObject({
      title: "Weather?",
    });
    const { messages } = await memory.recall({ threadId: "chat", resourceId: ownResource });
    expect(messages).toMatchObject([
      { id: "q", role: "user", content: { format: 2, metadata: { from: "web" }, parts: [{ text: "Weather?" }] } },
      {
        id: "a",
        role: "assistant",
        content: {
          parts: [
            { type: "tool-invocation", toolInvocation: { state: "result", toolName: "weather", result: "rain" } },
            { type: "text", text: "Rain." },
          ],
        },
      },
    ]);
    await domain.saveMessages({ messages: [message("And tomorrow?", { threadId: "chat", resourceId: ownResource })] });
    expect(await texts("chat")).toEqual(["Weather?", "Rain.", "And tomorrow?"]);
    await domain.saveThread({ thread: thread() });
    const [edited] = every().slice(1, 2) as [MastraDBMessage];
    await domain.saveMessages({ messages: [edited] });
    const stored = await people.ann.messages.get("thread-1", edited.id);
    const parts = stored.parts?.map((part) => (part.type === "text" ? { ...part, text: "It snows." } : part)) ?? [];
    await people.ann.messages.update("thread-1", edited.id, { parts }, { revision: stored.revision });
    expect(await texts()).toEqual(["It snows."]);
  });
});

/** Anything that JSON can hold, as it comes back from it. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const text = fc.string({ unit: "binary" });
const fields = (shape: Record<string, fc.Arbitrary<unknown>>) => fc.record(shape, { requiredKeys: ["type"] });
const anyPart = fc.oneof(
  fields({ type: fc.constant("text"), text, providerMetadata: json, createdAt: fc.nat() }),
  fields({ type: fc.constant("reasoning"), reasoning: text, details: json, providerMetadata: json }),
  fields({ type: fc.constant("file"), mimeType: text, data: fc.oneof(text, fc.webUrl()), filename: json }),
  fields({ type: fc.constant("source"), source: fc.oneof(json, fc.record({ url: text, id: json, title: json })) }),
  fields({
    type: fc.constant("tool-invocation"),
    toolInvocation: fc.oneof(
      json,
      fields({
        type: json,
        state: fc.constantFrom("call", "partial-call", "result", "output-error", "approval-requested", "odd"),
        toolCallId: text,
        toolName: text,
        args: json,
        result: json,
        isError: fc.boolean(),
        approval: json,
      }),
    ),
    providerExecuted: fc.boolean(),
  }),
  fields({ type: fc.constant("data-x"), data: json, id: text }),
  fields({ type: text, x: json }),
  json,
);
const anyMessage = fc.record(
  {
    role: fc.constantFrom("user", "assistant", "system", "signal"),
    type: text,
    resourceId: text,
    content: fc.record(
      {
        format: fc.constant(2),
        parts: fc.array(anyPart, { maxLength: 4 }),
        content: json,
        metadata: json,
        toolInvocations: json,
        experimental_attachments: json,
      },
      { requiredKeys: ["format", "parts"] },
    ),
  },
  { requiredKeys: ["role", "content"] },
);

describe("a message of whatever content", () => {
  beforeEach(async () => {
    await domain.saveThread({ thread: thread() });
  });

  it("comes back deep-equal, sent again changes nothing, and is readable", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyMessage, { minLength: 1, maxLength: 10 }), async (all) => {
        const messages = all.map((more) => message("", { type: undefined, resourceId: undefined, ...more }));
        const messageIds = messages.map(({ id }) => id);
        await domain.saveMessages({ messages });
        await domain.saveMessages({ messages: JSON.parse(JSON.stringify(messages)) });
        expect((await domain.listMessagesById({ messageIds })).messages).toEqual(messages);
        await validateUIMessages({ messages: await loadChat(people.ann, "thread-1") });
        const stored = await people.ann.messages.find(messageIds);
        expect(stored.map(({ revision }) => revision)).toEqual(messages.map(() => 1));
      }),
      { numRuns: isLong ? 100 : 20 },
    );
  });
});

type Chunk =
  Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"] extends ReadableStream<infer One> ? One : never;
const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};
const finish = (unified: "stop" | "tool-calls"): Chunk => ({
  type: "finish",
  finishReason: { unified, raw: unified },
  usage,
});
const words = (delta: string): Chunk[] => [
  { type: "stream-start", warnings: [] },
  { type: "text-start", id: "t" },
  { type: "text-delta", id: "t", delta },
  { type: "text-end", id: "t" },
];
const modelOf = (answer: (prompt: { role: string }[]) => Chunk[], title = "A title") =>
  new MockLanguageModelV4({
    doGenerate: {
      content: [{ type: "text", text: title }],
      finishReason: { unified: "stop", raw: "stop" },
      usage,
      warnings: [],
    },
    doStream: async ({ prompt }) => ({ stream: simulateReadableStream({ chunks: answer(prompt) }) }),
  }) as never;

describe("an Agent", () => {
  it("calls tools, and the call with its result is one answer, for people and for the next turn", async () => {
    const prompts: string[] = [];
    const model = modelOf((prompt) => {
      prompts.push(JSON.stringify(prompt));
      if (prompt.at(-1)?.role === "tool") return [...words("It rains."), finish("stop")];
      const call: Chunk = {
        type: "tool-call",
        toolCallId: `c${prompts.length}`,
        toolName: "weather",
        input: '{"city":"Oslo"}',
      };
      return [...words("Let me see."), call, finish("tool-calls")];
    });
    const weather = createTool({
      id: "weather",
      description: "The weather",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => ({ in: city, rain: true }),
    });
    const agent = new Agent({ id: "a", name: "A", instructions: "Be brief.", model, memory, tools: { weather } });
    const own = { memory: { thread: "chat", resource: resourceId } };
    await (await agent.stream("Weather?", own)).consumeStream();
    const shown = await validateUIMessages({ messages: await loadChat(people.ann, "chat") });
    expect(shown.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(shown[1]?.parts.filter(({ type }) => type.startsWith("tool-") || type === "text")).toMatchObject([
      { type: "text", text: "Let me see." },
      { type: "tool-weather", state: "output-available", input: { city: "Oslo" }, output: { in: "Oslo", rain: true } },
      { type: "text", text: "It rains." },
    ]);
    const again = memoryOf(secondProcess());
    const other = new Agent({
      id: "a",
      name: "A",
      instructions: "Be brief.",
      model,
      memory: again,
      tools: { weather },
    });
    await (await other.stream("And now?", own)).consumeStream();
    const before = prompts[2] ?? "";
    for (const said of ["Weather?", "Let me see.", "c1", "Oslo", "It rains.", "And now?"])
      expect(before).toContain(said);
    expect((await domain.listMessages({ threadId: "chat" })).messages.map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "user",
      "assistant",
    ]);
  });

  it("makes a title, but none in place of one that the user gave", async () => {
    const model = modelOf(() => [...words("It rains."), finish("stop")], "Rain in Oslo");
    const named = memoryOf(domain, {
      options: { generateTitle: { model, instructions: "Give a short title." } },
    });
    const agent = new Agent({ id: "a", name: "A", instructions: "Be brief.", model, memory: named });
    const ask = async (thread: string) => {
      const stream = await agent.stream("Weather?", { memory: { thread, resource: resourceId } });
      await stream.consumeStream();
    };
    await ask("chat");
    await expect.poll(async () => (await people.ann.conversations.get("chat")).title).toBe("Rain in Oslo");
    await people.ann.conversations.rename("chat", "Mine");
    await ask("chat");
    expect((await domain.getThreadById({ threadId: "chat" }))?.title).toBe("Mine");
  });

  it("goes on with a thread, turn after turn, and the user sees it", async () => {
    const model = modelOf((prompt) => [...words(`${prompt.length} messages`), finish("stop")]);
    const agent = new Agent({ id: "a", name: "A", instructions: "Be brief.", model, memory });
    const ask = async (question: string) => {
      const stream = await agent.stream(question, { memory: { thread: "chat", resource: resourceId } });
      // Not only until the words are there, but until they are stored.
      await stream.consumeStream();
      return await stream.text;
    };
    expect(await ask("Hello")).toBe("2 messages");
    expect(await ask("Again")).toBe("4 messages");
    const shown = await loadChat(people.ann, "chat");
    expect(shown.map(({ role, parts }) => [role, parts.find(({ type }) => type === "text")])).toMatchObject([
      ["user", { text: "Hello" }],
      ["assistant", { text: "2 messages" }],
      ["user", { text: "Again" }],
      ["assistant", { text: "4 messages" }],
    ]);
    expect(await people.bob.conversations.find("chat")).toBeUndefined();
  });
});
