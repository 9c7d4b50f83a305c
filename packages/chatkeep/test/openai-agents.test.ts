/** Sessions of the OpenAI Agents SDK, with its own runner, and beside its own session in memory. */
import {
  Agent,
  type AgentInputItem,
  MemorySession,
  type Model,
  type ModelResponse,
  run,
  setTracingDisabled,
  tool,
  Usage,
} from "@openai/agents";
import type { UIMessage } from "ai";
import { ConflictError, InvalidInputError } from "chatkeep";
import { loadChat, saveChat } from "chatkeep/ai-sdk";
import { type ChatkeepSession, createSession } from "chatkeep/openai-agents";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;
beforeAll(async () => {
  setTracingDisabled(true);
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  people = await resetPeople(database);
});

const open = (sessionId: string, userId: string = people.ids.ann) =>
  createSession({ store: people.store, userId, sessionId });
const says = (text: string): AgentInputItem => ({ type: "message", role: "user", content: text });
const call = (callId: string, name = "weather"): AgentInputItem => ({
  type: "function_call",
  callId,
  name,
  status: "completed",
  arguments: '{"city":"Berlin"}',
});
const result = (callId: string): AgentInputItem => ({
  type: "function_call_result",
  callId,
  name: "weather",
  status: "completed",
  output: { type: "text", text: "sunny" },
});
const answer = (text: string): AgentInputItem => ({
  type: "message",
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text }],
});

it("gives back every kind of item as it came, in order, and the newest of them", async () => {
  const items = [
    says("Hi 👋"),
    { role: "user", content: "without a type" },
    { role: "system", content: "Be brief." },
    { type: "message", role: "user", content: [{ type: "input_image", image: "data:image/png;base64,AA==" }] },
    { type: "reasoning", id: "r1", content: [{ type: "input_text", text: "hm" }], providerData: { a: 1 } },
    call("c1"),
    result("c1"),
    { type: "hosted_tool_call", name: "search", id: "h1", status: "completed", providerData: { odd: "a\0b \ud800" } },
    { type: "compaction", encrypted_content: "xyz" },
    { type: "unknown", providerData: { bytes: new Uint8Array([1, 2, 255]) } },
    answer("NUL \0 stays"),
    answer(""),
  ] as AgentInputItem[];
  const session = open("kinds");
  await session.addItems(items);
  expect(await session.getItems()).toEqual(items);
  expect(await session.getItems(3)).toEqual(items.slice(-3));
  expect(await session.getItems(0)).toEqual([]);
});

it("runs an agent with a tool over two turns, the second by another process", async () => {
  const seen: AgentInputItem[][] = [];
  const replies: ModelResponse["output"][] = [
    [call("c1") as ModelResponse["output"][number]],
    [answer("It is sunny.") as ModelResponse["output"][number]],
    [answer("You asked about Berlin.") as ModelResponse["output"][number]],
  ];
  const model: Model = {
    getResponse: async ({ input }) => {
      seen.push(input as AgentInputItem[]);
      return { usage: new Usage(), output: replies.shift() ?? [] };
    },
    // biome-ignore lint/correctness/useYield: nothing is streamed here
    async *getStreamedResponse() {
      throw new Error("not streamed");
    },
  };
  const weather = tool({
    name: "weather",
    description: "The weather",
    parameters: z.object({ city: z.string() }),
    execute: async () => "sunny",
  });
  const agent = new Agent({ name: "Ada", model, tools: [weather] });
  await run(agent, "Weather in Berlin?", { session: open("trip") });
  const second = await run(agent, "What did I ask?", { session: open("trip") });
  expect(second.finalOutput).toBe("You asked about Berlin.");
  const types = (items: AgentInputItem[] | undefined) => items?.map((item) => item.type ?? "message");
  const turn = ["message", "function_call", "function_call_result", "message", "message"];
  expect(types(seen[2])).toEqual(turn);
  expect(types(await open("trip").getItems())).toEqual([...turn, "message"]);
  const conversation = await people.ann.conversations.get("trip");
  expect(conversation.title).toBe("Weather in Berlin?");
  const shown = await loadChat(people.ann, "trip");
  expect(shown.flatMap(({ parts }) => parts.flatMap((part) => (part.type === "text" ? part.text : [])))).toEqual([
    "Weather in Berlin?",
    "It is sunny.",
    "What did I ask?",
    "You asked about Berlin.",
  ]);
});

it("reads a chat of useChat, and pops from the middle of a message of several parts", async () => {
  const messages: UIMessage[] = [
    { id: "q", role: "user", parts: [{ type: "text", text: "Weather?" }] },
    {
      id: "a",
      role: "assistant",
      parts: [
        {
          type: "dynamic-tool",
          toolName: "weather",
          toolCallId: "c1",
          state: "output-available",
          input: {},
          output: 7,
        },
        { type: "text", text: "Seven." },
      ],
    },
  ];
  await saveChat(people.ann, { chatId: "web", messages });
  const session = open("web");
  const items = await session.getItems();
  expect(items.map((item) => item.type)).toEqual(["message", "function_call", "function_call_result", "message"]);
  expect(await session.getItems(2)).toEqual(items.slice(-2));
  expect(await session.popItem()).toEqual(items[3]);
  expect(await session.getItems()).toEqual(items.slice(0, 3));
});

it("applies an operation once, whole, and never another one under its id", async () => {
  const session = open("once");
  const append = { operationId: "op 1", transaction: { type: "append_items" as const, items: [says("a"), says("b")] } };
  await Promise.all([session.applyHistoryTransaction(append), open("once").applyHistoryTransaction(append)]);
  await session.applyHistoryTransaction(append);
  expect(await session.getItems()).toEqual([says("a"), says("b")]);
  const other = { ...append, transaction: { type: "append_items" as const, items: [says("c")] } };
  await expect(session.applyHistoryTransaction(other)).rejects.toThrow(ConflictError);
  const replace = (expected: string, by: string[]) => ({
    type: "replace_suffix" as const,
    expectedSuffix: [says(expected)],
    replacement: by.map(says),
  });
  const wrong = session.applyHistoryTransaction({ operationId: "op 2", transaction: replace("a", ["x"]) });
  await expect(wrong).rejects.toThrow(ConflictError);
  expect(await session.getItems()).toEqual([says("a"), says("b")]);
  // What failed has left no record: its id is free.
  await session.applyHistoryTransaction({ operationId: "op 2", transaction: replace("b", ["x", "y"]) });
  await session.applyHistoryTransaction({ operationId: "op 3", transaction: { type: "append_items", items: [] } });
  expect(await session.getItems()).toEqual([says("a"), says("x"), says("y")]);
  const unnamed = session.applyHistoryTransaction({ ...append, operationId: " " });
  await expect(unnamed).rejects.toThrow(InvalidInputError);
});

it("never lets items of two adds at once interleave, however many they are", async () => {
  const added = ["a", "b", "c"].map((name) => Array.from({ length: 150 }, (_, index) => says(`${name}${index}`)));
  await Promise.all(added.map((items) => open("crowd").addItems(items)));
  const items = await open("crowd").getItems();
  expect(items).toHaveLength(450);
  const first = items.map((item) => ("content" in item ? String(item.content)[0] : ""));
  expect(first.filter((name, index) => name !== first[index - 1])).toHaveLength(3);
  expect(await open("crowd").getItems(120)).toEqual(items.slice(-120));
});

it("refuses what JSON cannot hold, and stores nothing of it", async () => {
  for (const value of [new Date(), new Map([["a", 1]]), new Set([1]), /a/]) {
    const item = { ...says("odd"), providerData: { value } };
    await expect(open("odd").addItems([says("fine"), item])).rejects.toThrow(InvalidInputError);
  }
  expect(await open("odd").getItems()).toEqual([]);
});

it("knows nothing of another user's session", async () => {
  await open("same").addItems([says("secret")]);
  const bobs = open("same", people.ids.bob);
  expect(await bobs.getItems()).toEqual([]);
  expect(await bobs.popItem()).toBeUndefined();
  await bobs.clearSession();
  await bobs.addItems([says("mine")]);
  expect(await bobs.getItems()).toEqual([says("mine")]);
  expect(await open("same").getItems()).toEqual([says("secret")]);
});

it("does what the SDK's session in memory does, for any sequence of operations", async () => {
  const item = fc.oneof(
    fc.string({ unit: "binary" }).map(says),
    fc.constantFrom("c1", "c2").map((id) => call(id)),
    fc.constantFrom("c1", "c2").map(result),
    fc.string().map(answer),
  );
  const items = fc.array(item, { maxLength: 4 });
  type Both = (session: MemorySession | ChatkeepSession, number: number) => Promise<unknown>;
  const step: fc.Arbitrary<Both> = fc.oneof(
    items.map(
      (given): Both =>
        (session) =>
          session.addItems(given),
    ),
    fc.constant<Both>((session) => session.popItem()),
    fc.nat(6).map(
      (limit): Both =>
        (session) =>
          session.getItems(limit),
    ),
    fc.constant<Both>((session) => session.clearSession()),
    fc.constantFrom("c1", "c2").map(
      (callId): Both =>
        (session) => {
          const replacement = call(callId, "other") as Extract<AgentInputItem, { type: "function_call" }>;
          return session.applyHistoryMutations({ mutations: [{ type: "replace_function_call", callId, replacement }] });
        },
    ),
    fc.tuple(fc.nat(3), items).map(
      ([count, replacement]): Both =>
        async (session, number) => {
          const expectedSuffix = count === 0 ? [] : await session.getItems(count);
          const transaction = { type: "replace_suffix" as const, expectedSuffix, replacement };
          await session.applyHistoryTransaction({ operationId: `${number}`, transaction });
        },
    ),
  );
  let sessions = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const memory = new MemorySession();
      sessions += 1;
      const ours = open(`any-${sessions}`);
      for (const [number, each] of steps.entries()) {
        expect(await each(ours, number)).toEqual(await each(memory, number));
        expect(await ours.getItems()).toEqual(await memory.getItems());
      }
    }),
    { numRuns: 12 },
  );
});
