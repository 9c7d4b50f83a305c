/** The AI SDK's own Chat with default options on a handler of a host: its ids, client-side tools, approvals, metadata, and its guide's three functions. */
import { Chat } from "@ai-sdk/react";
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
  simulateReadableStream,
  streamText,
  type ToolSet,
  tool,
  toUIMessageStream,
  type UIMessage,
  validateUIMessages,
} from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { createStore } from "chatkeep";
import { aiSdkCodec, type ChatTurn, chatHandler, createChat, loadChat, saveChat } from "chatkeep/ai-sdk";
import { createReplies, partsOf } from "chatkeep/replies";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import { openTestDatabase, type TestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { ids, models, resetPeople } from "../../chatkeep/test/helpers/people.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => resetPeople(database));

type Stream = Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"];
type Part = Stream extends ReadableStream<infer One> ? One : never;
type Prompt = Parameters<MockLanguageModelV4["doStream"]>[0]["prompt"];

const tokens = { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined };
const usage = { inputTokens: tokens, outputTokens: { total: 1, text: 1, reasoning: undefined } };
const call = (toolCallId: string, toolName: string, input: object): Part => {
  return { type: "tool-call", toolCallId, toolName, input: JSON.stringify(input) };
};
const words = (text: string): Part[] => [
  { type: "text-start", id: "1" },
  { type: "text-delta", id: "1", delta: text },
  { type: "text-end", id: "1" },
];

const removed: string[] = [];
const tools = {
  colour: tool({ description: "Asks for a colour", inputSchema: z.object({ of: z.string() }) }),
  remove: tool({
    description: "Removes a file",
    inputSchema: z.object({ name: z.string() }),
    needsApproval: true,
    execute: ({ name }) => {
      removed.push(name);
      return `removed ${name}`;
    },
  }),
};

/** A host whose model answers by what it is given. */
function startHost(answer: (prompt: Prompt) => Part[], held?: Promise<void>) {
  const prompts: Prompt[] = [];
  const bodies: unknown[] = [];
  const model = new MockLanguageModelV4({
    doStream: async ({ prompt }) => {
      prompts.push(prompt);
      if (prompt.at(-1)?.role === "tool") await held;
      const parts = answer(prompt);
      const unified = parts.some(({ type }) => type === "tool-call") ? "tool-calls" : "stop";
      const chunks = [...parts, { type: "finish", finishReason: { unified, raw: undefined }, usage } as Part];
      return { stream: simulateReadableStream<Part>({ chunks }) };
    },
  });
  const store = createStore(database, models, { partsOf: partsOf(aiSdkCodec) });
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const replies = createReplies({ store, codec: aiSdkCodec, logger });
  const handler = chatHandler({
    replies,
    getUserId: ({ headers }) => headers.get("x-user") ?? ids.ann,
    generate: ({ messages, instructions, signal, body }: ChatTurn) => {
      bodies.push(body);
      const { stream } = streamText({
        model,
        messages,
        tools: tools as unknown as ToolSet,
        abortSignal: signal,
        onError: () => {},
        ...(instructions !== null && { instructions }),
      });
      return toUIMessageStream({
        stream,
        messageMetadata: ({ part }) => (part.type === "start" ? { model: "mock" } : undefined),
      });
    },
  });
  const transport = new DefaultChatTransport<UIMessage>({
    api: "http://host.test/api/chat",
    fetch: async (input, init) => await handler(new Request(input, init)),
  });
  const mine = store.forUser(ids.ann);
  const open = async (id: string) =>
    new Chat<UIMessage>({
      id,
      transport,
      messages: await loadChat(mine, id),
      sendAutomaticallyWhen: (options) =>
        lastAssistantMessageIsCompleteWithToolCalls(options) ||
        lastAssistantMessageIsCompleteWithApprovalResponses(options),
    });
  const post = (body: object, user: string = ids.ann) =>
    handler(
      new Request("http://host.test/api/chat", {
        method: "POST",
        headers: { "x-user": user },
        body: JSON.stringify(body),
      }),
    );
  return { store, mine, open, prompts, bodies, post, transport };
}

const settled = async (chat: Chat<UIMessage>) => {
  await expect.poll(() => chat.status).toBe("ready");
};
const toolPart = (chat: Chat<UIMessage>) => chat.messages.at(-1)?.parts.find(({ type }) => type.startsWith("tool-"));

it("talks under the ids that Chat makes, and loads the same messages", async () => {
  const { open, mine, transport, bodies } = startHost(() => words("Hi"));
  const chat = new Chat<UIMessage>({ transport });
  await chat.sendMessage({ text: "Hello", metadata: { from: "test" } });
  await chat.sendMessage({ text: "More" }, { body: { colour: "blue" } });
  expect(bodies).toEqual([{}, { colour: "blue" }]);
  expect(chat.error).toBeUndefined();
  const loaded = await loadChat(mine, chat.id);
  expect(loaded).toEqual(chat.messages);
  expect(await validateUIMessages({ messages: loaded })).toEqual(loaded);
  expect(loaded.map(({ metadata }) => metadata)).toEqual([
    { from: "test" },
    { model: "mock" },
    undefined,
    { model: "mock" },
  ]);
  const again = await open(chat.id);
  await again.regenerate({ messageId: loaded[1]?.id as string });
  expect((await loadChat(mine, chat.id)).map(({ id }) => id)).toEqual(again.messages.map(({ id }) => id));
  expect(again.messages).toHaveLength(2);
});

it("keeps both wordings of a question that is edited under its id, and takes each edit once", async () => {
  const { mine, transport, post } = startHost(() => words("Hi"));
  const chat = new Chat<UIMessage>({ transport });
  await chat.sendMessage({ text: "Helo" });
  await chat.sendMessage({ text: "More" });
  const [first, , second] = chat.messages;
  const edit = async (messageId: string | undefined, text: string) =>
    chat.sendMessage({ text, messageId: messageId as string });
  await edit(second?.id, "More, please");
  await edit(first?.id, "Hello");
  expect(chat.error).toBeUndefined();
  const shown = async () =>
    (await loadChat(mine, chat.id)).map(({ parts }) => parts.find(({ type }) => type === "text"));
  expect(await shown()).toMatchObject([{ text: "Hello" }, { text: "Hi" }]);
  expect((await mine.messages.list(chat.id)).items.map(({ content }) => content)).toEqual([
    "Helo",
    "Hi",
    "More",
    "Hi",
    "More, please",
    "Hi",
    "Hello",
    "Hi",
  ]);
  // Sent again, as after a lost connection: the stored answer, and nothing new.
  const body = { id: chat.id, messages: chat.messages.slice(0, 1), trigger: "submit-message", messageId: first?.id };
  expect(await (await post(body)).text()).toContain("Hi");
  expect((await mine.messages.list(chat.id)).items).toHaveLength(8);
  // Another answer to the edit, which the client knows under the id of the first wording.
  await chat.regenerate();
  expect((await mine.messages.list(chat.id)).items).toHaveLength(9);
  expect(await shown()).toMatchObject([{ text: "Hello" }, { text: "Hi" }]);
  // Back to the first words: another answer to them.
  await edit(first?.id, "Helo");
  expect(await shown()).toMatchObject([{ text: "Helo" }, { text: "Hi" }]);
  expect((await mine.messages.list(chat.id)).items).toHaveLength(10);
  // Words that nobody has stored are no question for another answer.
  const unknown = [{ ...first, parts: [{ type: "text", text: "Never said" }] }];
  expect((await post({ id: chat.id, messages: unknown, trigger: "regenerate-message" })).status).toBe(409);
  // Another user, and another chat, edit a message of the same name to the same words.
  for (const [id, user] of [
    ["chat", ids.bob],
    ["second", ids.ann],
    ["third", ids.ann],
  ] as const) {
    const said = (text: string) => [{ id: "q", role: "user", parts: [{ type: "text", text }] }];
    expect(await (await post({ id, messages: said("Helo") }, user)).text()).toContain("Hi");
    expect(await (await post({ id, messages: said("Hello"), messageId: "q" }, user)).text()).toContain("Hi");
  }
  // A message that was never stored is a question like any other.
  const fresh = { id: "fresh", role: "user", parts: [{ type: "text", text: "Fresh" }] };
  expect((await post({ id: "other", messages: [fresh], messageId: "fresh" })).status).toBe(200);
});

it("runs a tool of its own, also after a reload, and the reply goes on in the same message", async () => {
  const { open, mine, prompts, post } = startHost((prompt) =>
    prompt.at(-1)?.role === "tool"
      ? words("Blue it is.")
      : [...words("Let me ask."), call("c1", "colour", { of: "sky" })],
  );
  await (await open("chat")).sendMessage({ text: "Which colour?" });
  const chat = await open("chat");
  expect(toolPart(chat)).toMatchObject({ state: "input-available", input: { of: "sky" } });
  await chat.addToolOutput({ tool: "colour", toolCallId: "c1", output: "blue" });
  await expect.poll(() => chat.messages.at(-1)?.parts.at(-1)).toMatchObject({ type: "text", text: "Blue it is." });
  await settled(chat);
  expect(chat.messages).toHaveLength(2);
  expect(await loadChat(mine, "chat")).toEqual(chat.messages);
  expect(prompts).toHaveLength(2);
  expect(prompts[1]?.at(-1)).toMatchObject({ role: "tool", content: [{ output: { value: "blue" } }] });
  expect((await mine.messages.list("chat")).items.map(({ status, seq }) => [status, seq])).toEqual([
    ["complete", 1],
    ["complete", 2],
  ]);
  // The same again, as a client does that has not heard the answer: what it does not know comes, and no model is asked.
  const [question, reply] = chat.messages as [UIMessage, UIMessage];
  const half = { ...reply, parts: reply.parts.slice(0, 3) };
  const repeated = await post({ id: "chat", messages: [question, half], trigger: "submit-message" });
  expect(await repeated.text()).toContain("Blue it is.");
  expect(prompts).toHaveLength(2);
  const tries: [object, number, RegExp][] = [
    [
      { ...half, parts: half.parts.map((part) => ("output" in part ? { ...part, output: "red" } : part)) },
      422,
      /not open/,
    ],
    [{ ...half, parts: [{ type: "text", text: "Mine" }] }, 409, /stored otherwise/],
    [{ ...half, parts: [...reply.parts, { type: "text", text: "Mine" }] }, 409, /stored otherwise/],
    [reply, 422, /waits for nothing/],
    [{ ...half, id: "none" }, 404, /none/],
  ];
  for (const [message, status, says] of tries) {
    const response = await post({ id: "chat", messages: [question, message] });
    expect([response.status, await response.text()]).toEqual([status, expect.stringMatching(says)]);
  }
  expect((await post({ id: "chat", messages: [question, half] }, ids.bob)).status).toBe(404);
  expect(await loadChat(mine, "chat")).toEqual(chat.messages);
});

it("asks before it runs a tool: approved on another device, or denied", async () => {
  const { open, mine } = startHost((prompt) =>
    prompt.at(-1)?.role === "tool" ? words("Done.") : [call("c1", "remove", { name: "a.txt" })],
  );
  for (const approved of [true, false]) {
    const id = `chat-${approved}`;
    await (await open(id)).sendMessage({ text: "Remove a.txt" });
    const chat = await open(id);
    const part = toolPart(chat) as { state: string; approval: { id: string } };
    expect(part.state).toBe("approval-requested");
    expect(removed).toEqual(approved ? [] : ["a.txt"]);
    await chat.addToolApprovalResponse({ id: part.approval.id, approved });
    await expect.poll(() => chat.messages.at(-1)?.parts.at(-1)).toMatchObject({ type: "text", text: "Done." });
    await settled(chat);
    expect(removed).toEqual(["a.txt"]);
    expect(toolPart(chat)).toMatchObject({ state: approved ? "output-available" : "output-denied" });
    expect(await loadChat(mine, id)).toEqual(chat.messages);
    expect(await validateUIMessages({ messages: chat.messages })).toEqual(chat.messages);
  }
});

it("waits until all of two calls have their output", async () => {
  const { open, mine, prompts, post } = startHost((prompt) =>
    prompt.at(-1)?.role === "tool"
      ? words("Thanks.")
      : [call("c1", "colour", { of: "sky" }), call("c2", "colour", { of: "sea" })],
  );
  const first = await open("chat");
  await first.sendMessage({ text: "Colours?" });
  await first.addToolOutput({ tool: "colour", toolCallId: "c1", output: "blue" });
  // A client that sends each output at once.
  expect((await post({ id: "chat", messages: first.messages })).status).toBe(200);
  expect(prompts).toHaveLength(1);
  const chat = await open("chat");
  expect(chat.messages.at(-1)?.parts.filter((part) => "output" in part)).toHaveLength(1);
  await chat.addToolOutput({ tool: "colour", toolCallId: "c2", output: "green" });
  await expect.poll(() => chat.messages.at(-1)?.parts.at(-1)).toMatchObject({ text: "Thanks." });
  await settled(chat);
  expect(await loadChat(mine, "chat")).toEqual(chat.messages);
});

it("keeps each of two outputs that a client sends at once, and goes on when both are there", async () => {
  const { open, mine, prompts, post } = startHost((prompt) =>
    prompt.at(-1)?.role === "tool"
      ? words("Thanks.")
      : [call("c1", "colour", { of: "sky" }), call("c2", "colour", { of: "sea" })],
  );
  for (const id of ["one", "two", "three", "four"]) {
    const chat = await open(id);
    await chat.sendMessage({ text: "Colours?" });
    await chat.addToolOutput({ tool: "colour", toolCallId: "c1", output: "blue" });
    const [question, reply] = chat.messages as [UIMessage, UIMessage];
    const isSecond = (part: object) => "toolCallId" in part && part.toolCallId === "c2";
    const both = reply.parts.map((part) =>
      isSecond(part) ? { ...part, state: "output-available", output: "green" } : part,
    );
    const answers = [
      post({ id, messages: chat.messages }),
      post({ id, messages: [question, { ...reply, parts: both }] }),
    ];
    for (const answer of await Promise.all(answers)) await answer.text();
    const said = async () => (await loadChat(mine, id)).at(-1)?.parts.at(-1);
    await expect.poll(said).toMatchObject({ text: "Thanks." });
  }
  expect(prompts).toHaveLength(8);
});

it("is followed from another device while it goes on: the whole message comes", async () => {
  const held = Promise.withResolvers<void>();
  const { open, mine } = startHost(
    (prompt) =>
      prompt.at(-1)?.role === "tool"
        ? words("Blue it is.")
        : [...words("Let me ask."), call("c1", "colour", { of: "sky" })],
    held.promise,
  );
  await (await open("chat")).sendMessage({ text: "Which colour?" });
  const chat = await open("chat");
  await chat.addToolOutput({ tool: "colour", toolCallId: "c1", output: "blue" });
  await expect.poll(async () => (await mine.runs.findRunning("chat"))?.status).toBe("running");
  const other = await open("chat");
  expect(toolPart(other)).toMatchObject({ state: "output-available", output: "blue" });
  const resumed = other.resumeStream();
  await expect.poll(() => toolPart(other)).toMatchObject({ output: "blue" });
  held.resolve();
  await resumed;
  await settled(chat);
  expect(other.messages).toEqual(await loadChat(mine, "chat"));
  expect(chat.messages).toEqual(other.messages);
});

it("keeps what a reply had before it went on when its process dies", async () => {
  const { store, mine, open } = startHost(() => [...words("Let me ask."), call("c1", "colour", { of: "sky" })]);
  await (await open("chat")).sendMessage({ text: "Which colour?" });
  const stored = (await mine.messages.list("chat")).items[1];
  if (!stored?.parts) throw new Error("no reply");
  const { parts, revision, id } = stored;
  const { run } = await mine.runs.proceed({ conversationId: "chat", messageId: id, parts, revision, server: "dead" });
  const chunks = [{ type: "start" }, { type: "text-start", id: "9" }, { type: "text-delta", id: "9", delta: "Bl" }];
  const chunk = chunks.map((each) => JSON.stringify(each)).join("\n");
  await store.system.heartbeat([{ userId: ids.ann, key: run, chunks: [{ seq: 3, chunk }] }]);
  await store.system.interruptRuns("all");
  const after = await mine.messages.get("chat", id);
  expect(after).toMatchObject({ status: "interrupted", seq: 2 });
  expect(after.parts).toEqual([...parts, { type: "text", text: "Bl", state: "done" }]);
});

it("gives a model nothing of its provider's in a reply that its user has changed, and does not go on with it", async () => {
  const { mine, open, post, prompts } = startHost(() => [...words("Sure."), call("c1", "colour", { of: "sky" })]);
  const chat = await open("chat");
  await chat.sendMessage({ text: "Which colour?" });
  const [question, reply] = (await mine.messages.list("chat")).items;
  if (!question || !reply) throw new Error("no reply");
  const forged = [
    { type: "text", text: "Sure.", providerMetadata: { mock: { cacheControl: "forged" } } },
    ...(reply.parts ?? []).slice(2),
  ];
  expect(await mine.messages.update("chat", reply.id, { parts: forged }, { revision: reply.revision })).toMatchObject({
    finishReason: null,
  });
  const parts = forged.map((part) =>
    "toolCallId" in part ? { ...part, state: "output-available", output: "blue" } : part,
  );
  const response = await post({ id: "chat", messages: [{ id: reply.id, role: "assistant", parts }] });
  expect([response.status, await response.text()]).toEqual([
    422,
    expect.stringMatching(/no reply that a model has written/),
  ]);
  await (await open("chat")).sendMessage({ text: "More" });
  expect(prompts).toHaveLength(2);
  expect(JSON.stringify(prompts[1])).toContain("Sure.");
  expect(JSON.stringify(prompts[1])).not.toContain("forged");
});

it("creates, saves and loads as the AI SDK's guide does", async () => {
  const { mine } = startHost(() => words("Hi"));
  const id = await createChat(mine);
  expect(await loadChat(mine, id)).toEqual([]);
  const messages: UIMessage[] = [
    { id: "1", role: "system", parts: [{ type: "text", text: "Rules" }] },
    { id: "2", role: "user", parts: [{ type: "text", text: "Hello" }], metadata: { at: 1 } },
    {
      id: "3",
      role: "assistant",
      parts: [
        { type: "step-start" },
        { type: "reasoning", text: "Hm", providerMetadata: { x: { y: 1 } }, state: "done" },
        { type: "source-url", sourceId: "s", url: "https://example.com" },
        { type: "file", mediaType: "image/png", url: "data:image/png;base64,AA==" },
        { type: "data-weather", id: "w", data: { t: [1, null] } },
        { type: "tool-colour", toolCallId: "c", state: "output-error", input: {}, errorText: "no" },
      ],
    },
  ];
  await saveChat(mine, { chatId: "new", messages });
  expect(await loadChat(mine, "new")).toEqual(messages);
  expect(await validateUIMessages({ messages: await loadChat(mine, "new") })).toEqual(messages);
  await saveChat(mine, { chatId: "new", messages: messages.slice(0, 2) });
  expect(await loadChat(mine, "new")).toEqual(messages.slice(0, 2));
  expect(await loadChat(mine, "none")).toEqual([]);
});
