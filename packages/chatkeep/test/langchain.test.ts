/** LangChain's own messages and RunnableWithMessageHistory on a conversation. */
import {
  AIMessage,
  type BaseMessage,
  ChatMessage,
  FunctionMessage,
  HumanMessage,
  mapChatMessagesToStoredMessages,
  RemoveMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { RunnableLambda, RunnableWithMessageHistory } from "@langchain/core/runnables";
import { createStore, type Store } from "chatkeep";
import { loadChat, saveChat } from "chatkeep/ai-sdk";
import { createChatMessageHistory } from "chatkeep/langchain";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await resetPeople(database);
  store = createStore(database, models);
});

const historyOf = (sessionId: string, userId: string = ids.ann) =>
  createChatMessageHistory({ store, userId, sessionId });
const plain = (messages: BaseMessage[]) => JSON.parse(JSON.stringify(mapChatMessagesToStoredMessages(messages)));

/** Those that had none have the one that they were stored by. */
const withoutIds = (messages: BaseMessage[]) =>
  plain(messages).map(({ type, data: { id, ...data } }: { type: string; data: Record<string, unknown> }) => ({
    type,
    data,
  }));

const every: BaseMessage[] = [
  new SystemMessage("Be brief."),
  new HumanMessage({ content: "Hello 😀 \ud83d \0", id: "human-1", additional_kwargs: { from: "a" } }),
  new HumanMessage({
    content: [
      { type: "text", text: "See" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
    ],
  }),
  new AIMessage({
    content: "",
    tool_calls: [{ id: "c1", name: "weather", args: { city: "Oslo" }, type: "tool_call" }],
    response_metadata: { model: "x" },
  }),
  new ToolMessage({ content: "rain", tool_call_id: "c1", name: "weather", artifact: { deg: 3 }, status: "success" }),
  new FunctionMessage({ content: "42", name: "old" }),
  new ChatMessage({ content: "As you like", role: "narrator" }),
  new AIMessage("Rain."),
];

it("every kind of message comes back as it was, and is readable by other clients", async () => {
  const history = historyOf("chain");
  await history.addMessages(every);
  expect(withoutIds(await history.getMessages())).toEqual(withoutIds(every));
  const shown = await loadChat(store.forUser(ids.ann), "chain");
  expect(shown.map(({ role }) => role)).toEqual([
    "system",
    "user",
    "user",
    "assistant",
    "assistant",
    "assistant",
    "user",
    "assistant",
  ]);
  expect(shown.at(-1)?.parts).toEqual([{ type: "text", text: "Rain." }]);
  expect(shown[3]?.parts[0]).toMatchObject({ type: "tool-weather", toolCallId: "c1", input: { city: "Oslo" } });
});

it("a message that is sent again is not stored again; one that is removed is gone; a cleared history begins anew", async () => {
  const history = historyOf("again");
  const first = new HumanMessage({ content: "once", id: "m1" });
  await Promise.all([history.addMessages([first]), history.addMessages([first])]);
  await history.addMessage(new AIMessage({ content: "yes", id: "m2" }));
  expect((await history.getMessages()).map(({ id }) => id)).toEqual(["m1", "m2"]);
  await expect(history.addMessage(new HumanMessage({ content: "other", id: "m1" }))).rejects.toMatchObject({
    code: "conflict",
  });
  await history.addMessage(new RemoveMessage({ id: "m1" }));
  expect((await history.getMessages()).map(({ text }) => text)).toEqual(["yes"]);
  await expect(history.addMessage(new RemoveMessage({ id: "nothing" }))).rejects.toMatchObject({ code: "not_found" });
  await history.clear();
  expect(await history.getMessages()).toEqual([]);
  await history.addUserMessage("anew");
  expect((await history.getMessages()).map(({ text }) => text)).toEqual(["anew"]);
});

it("another user's session is another one, and what is not there is empty", async () => {
  await historyOf("shared").addUserMessage("Ann's");
  expect(await historyOf("shared", ids.bob).getMessages()).toEqual([]);
  await historyOf("shared", ids.bob).clear();
  await historyOf("shared", ids.bob).addUserMessage("Bob's");
  expect((await historyOf("shared").getMessages()).map(({ text }) => text)).toEqual(["Ann's"]);
});

it("a long history is whole and in order, and several at once do not mix", async () => {
  const many = (name: string) => Array.from({ length: 250 }, (_, index) => new HumanMessage(`${name} ${index}`));
  await historyOf("long").addUserMessage("first");
  await Promise.all([historyOf("long").addMessages(many("a")), historyOf("long").addMessages(many("b"))]);
  const texts = (await historyOf("long").getMessages()).slice(1).map(({ text }) => text);
  const [one, other] = texts[0]?.startsWith("a") ? ["a", "b"] : ["b", "a"];
  expect(texts).toEqual([...many(one), ...many(other)].map(({ text }) => text));
});

it("a chat of useChat is a history: an answer with its calls, and their results", async () => {
  await saveChat(store.forUser(ids.ann), {
    chatId: "chat",
    messages: [
      { id: "q", role: "user", parts: [{ type: "text", text: "Weather?" }] },
      {
        id: "a",
        role: "assistant",
        parts: [
          {
            type: "tool-weather",
            toolCallId: "c",
            state: "output-available",
            input: { city: "Oslo" },
            output: { deg: 3 },
          },
          { type: "text", text: "Three degrees." },
        ],
      },
    ],
  });
  const [asked, answered, result] = await historyOf("chat").getMessages();
  expect([asked?.getType(), answered?.getType(), result?.getType()]).toEqual(["human", "ai", "tool"]);
  expect((answered as AIMessage).tool_calls).toMatchObject([{ id: "c", name: "weather", args: { city: "Oslo" } }]);
  expect(result).toMatchObject({ content: '{"deg":3}', tool_call_id: "c" });
});

it("RunnableWithMessageHistory goes on where it was, in another process too", async () => {
  const heard: string[][] = [];
  const model = RunnableLambda.from(async (messages: BaseMessage[]) => {
    heard.push(messages.map(({ text }) => text));
    return new AIMessage(`answer ${messages.length}`);
  });
  const chain = () =>
    new RunnableWithMessageHistory({
      runnable: model,
      getMessageHistory: (sessionId) => historyOf(sessionId),
      config: {},
    });
  const config = { configurable: { sessionId: "run" } };
  await chain().invoke([new HumanMessage("one")], config);
  await chain().invoke([new HumanMessage("two")], config);
  expect(heard).toEqual([["one"], ["one", "answer 1", "two"]]);
  expect((await historyOf("run").getMessages()).map(({ text }) => text)).toEqual([
    "one",
    "answer 1",
    "two",
    "answer 3",
  ]);
});
