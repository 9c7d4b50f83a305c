/** One conversation of several clients: begun by the AI SDK's transport, gone on with by OpenAI's SDK, an Agents session and a LangChain history. */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import type { UIMessage } from "ai";
import { createChatMessageHistory } from "chatkeep/langchain";
import { createSession } from "chatkeep/openai-agents";
import OpenAI from "openai";
import { afterAll, expect, it } from "vitest";
import { openTestApp } from "./helpers/app.ts";
import { scriptedModel, words } from "./helpers/models.ts";

const model = scriptedModel(() => words(["The sea."]));
const test = await openTestApp({ model });
afterAll(() => test.close());

it("has one order for all of them, and nothing lost or doubled", async () => {
  const ann = await test.signUp("ann");
  const id = "of several";
  const client = new OpenAI({
    baseURL: "http://chatkeep.test/v1",
    apiKey: ann.token,
    fetch: async (url, init) => await test.app.request(String(url), init),
  });
  const session = createSession({ store: test.store, userId: ann.id, sessionId: id });
  const history = createChatMessageHistory({ store: test.store, userId: ann.id, sessionId: id });
  const question = { id: "q1", role: "user", parts: [{ type: "text", text: "What is blue?" }] };

  await (await ann.request("POST", "/api/chat", { id, message: question })).text();
  await client.conversations.items.create(id, {
    items: [{ type: "message", role: "user", content: "And what is green?" }],
  });
  await session.addItems([
    { type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "Moss." }] },
    { type: "function_call", callId: "c1", name: "look", status: "completed", arguments: '{"at":"moss"}' },
    {
      type: "function_call_result",
      callId: "c1",
      name: "look",
      status: "completed",
      output: { type: "text", text: "wet" },
    },
  ]);
  await history.addMessages([new HumanMessage({ id: "h1", content: "And red?" }), new AIMessage("Rust.")]);

  const expected = ["What is blue?", "The sea.", "And what is green?", "Moss.", "And red?", "Rust."];
  const shown = await ann.call<UIMessage[]>("GET", `/api/chat/${encodeURIComponent(id)}`);
  const textsIn = (messages: UIMessage[]) =>
    messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === "text" ? part.text : [])));
  expect(textsIn(shown)).toEqual(expected);
  const items: string[] = [];
  for await (const item of client.conversations.items.list(id, { order: "asc", limit: 2 })) {
    if (item.type === "message") items.push(...item.content.map((part) => ("text" in part ? part.text : "")));
    else items.push(item.type);
  }
  const calls = ["function_call", "function_call_output"];
  expect(items).toEqual([...expected.slice(0, 4), ...calls, ...expected.slice(4)]);
  expect((await session.getItems()).filter((item) => item.type === "message")).toHaveLength(6);
  expect((await history.getMessages()).map(({ text }) => text).filter((text) => expected.includes(text))).toEqual(
    expected,
  );
  const { items: stored } = await ann.call<{ items: { seq: number }[] }>(
    "GET",
    `/api/conversations/${encodeURIComponent(id)}/messages`,
  );
  expect(stored.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});
