/** The AI SDK's transport in a host of one's own: its sign-in is a header, and only the model is made up. */
import { randomUUID } from "node:crypto";
import { simulateReadableStream, streamText, ToolLoopAgent, type UIMessageChunk } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { createStore, UnavailableError } from "chatkeep";
import { aiSdkCodec, type ChatHandlerOptions, type ChatTurn, chatHandler } from "chatkeep/ai-sdk";
import { createReplies, partsOf } from "chatkeep/replies";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isServer, openAgain, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
const open: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => resetPeople(database));
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

type Part =
  Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"] extends ReadableStream<infer One> ? One : never;

const usage = {
  inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 7, text: 7, reasoning: undefined },
};
const ending: Part[] = [
  { type: "text-end", id: "1" },
  { type: "finish", finishReason: { unified: "stop", raw: undefined }, usage },
];

/** A model that says these words, one after another. */
function modelOf(words: readonly string[], { pauseMs = 0, end = ending } = {}) {
  return new MockLanguageModelV4({
    modelId: "mock",
    doStream: async () => ({
      stream: simulateReadableStream<Part>({
        chunkDelayInMs: pauseMs,
        chunks: [
          { type: "stream-start", warnings: [] },
          { type: "text-start", id: "1" },
          ...words.map((delta): Part => ({ type: "text-delta", id: "1", delta })),
          ...end,
        ],
      }),
    }),
  });
}

const streams =
  (model: MockLanguageModelV4) =>
  ({ messages, signal }: ChatTurn) =>
    streamText({ model, messages, abortSignal: signal, onError: () => {} });

function startHost(generate: ChatHandlerOptions["generate"], options: Partial<ChatHandlerOptions> = {}) {
  const again = openAgain(database);
  if (isServer) open.push(again);
  const store = createStore(again, models, { partsOf: partsOf(aiSdkCodec) });
  const replies = createReplies({ store, codec: aiSdkCodec, logger });
  open.push({ close: () => replies.close(0) });
  const handler = chatHandler({
    replies,
    getUserId: ({ headers }) => headers.get("x-user") ?? undefined,
    generate,
    ...options,
  });
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    handler(
      new Request(`http://host.test/any/where/chat${path}`, {
        method,
        headers: { "x-user": ids.ann, ...headers },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
  return { call, store, handler };
}

const logged: unknown[][] = [];
const logger = { debug() {}, info() {}, warn() {}, error: (...said: unknown[]) => void logged.push(said) };

const question = (text: string) => ({ id: randomUUID(), role: "user", parts: [{ type: "text", text }] });
const chunksIn = (stream: string) =>
  [...stream.matchAll(/^data: (\{.*)$/gm)].map(([, json = ""]) => JSON.parse(json) as UIMessageChunk);
const textIn = (stream: string) =>
  chunksIn(stream)
    .map((chunk) => (chunk.type === "text-delta" ? chunk.delta : ""))
    .join("");
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const errorIn = async (response: Response) => [
  response.status,
  ((await response.json()) as { error: { code: string } }).error.code,
];

describe("a chat in a host of one's own", () => {
  it("asks, and has its history on load, by messages that the model reads from the database", async () => {
    const model = modelOf(["Flour ", "and water."]);
    const { call, store } = startHost(streams(model), { model: "mock" });
    const id = randomUUID();
    const asked = await call("POST", "", { id, message: question("How do I bake bread?") });
    expect(asked.headers.get("x-vercel-ai-ui-message-stream")).toBe("v1");
    const stream = await asked.text();
    expect(textIn(stream)).toBe("Flour and water.");
    expect(stream.endsWith("data: [DONE]\n\n")).toBe(true);
    await (await call("POST", "", { id, messages: [question("And then?")], trigger: "submit-message" })).text();
    expect(model.doStreamCalls[1]?.prompt).toMatchObject([
      { role: "user", content: [{ text: "How do I bake bread?" }] },
      { role: "assistant", content: [{ text: "Flour and water." }] },
      { role: "user", content: [{ text: "And then?" }] },
    ]);
    const loaded = (await (await call("GET", `/${id}`)).json()) as { id: string; role: string; parts: object[] }[];
    expect(loaded).toMatchObject([
      { role: "user", parts: [{ type: "text", text: "How do I bake bread?" }] },
      { role: "assistant", parts: [{ type: "step-start" }, { type: "text", text: "Flour and water.", state: "done" }] },
      { role: "user" },
      { role: "assistant" },
    ]);
    expect(chunksIn(stream)[0]).toEqual({ type: "start", messageId: loaded[1]?.id });
    const { rows } = (await database.db.execute(
      sql`select model, input_tokens::int, output_tokens::int from run limit 1`,
    )) as unknown as { rows: object[] };
    expect(rows).toEqual([{ model: "mock", input_tokens: 3, output_tokens: 7 }]);
    expect((await store.forUser(ids.ann).conversations.get(id)).title).toBe("How do I bake bread?");
  });

  it("is followed from another process, goes on after the last event that arrived, and is stopped there", async () => {
    const words = Array.from({ length: 200 }, (_, index) => `${index} `);
    const one = startHost(streams(modelOf(words, { pauseMs: 15 })));
    const two = startHost(streams(modelOf([])));
    const id = randomUUID();
    const first = (await one.call("POST", "", { id, message: question("Count") })).text();
    await pause(300);
    const followed = await two.call("GET", `/${id}/stream`);
    expect(followed.status).toBe(200);
    await pause(300);
    expect((await two.call("POST", `/${id}/stop`)).status).toBe(204);
    const whole = await first;
    expect(chunksIn(whole).at(-1)?.type).toBe("abort");
    expect(await followed.text()).toBe(whole);
    const eventIds = [...whole.matchAll(/^id: (.+)$/gm)].map(([, eventId]) => eventId ?? "");
    const middle = eventIds[Math.floor(eventIds.length / 2)] ?? "";
    const rest = await two.call("GET", `/${id}/stream`, undefined, { "last-event-id": middle });
    expect(await rest.text()).toBe(whole.slice(whole.indexOf(`id: ${middle}\n`)).replace(/^.+\n.+\n\n/, ""));
    expect((await two.call("GET", `/${id}/stream`)).status).toBe(204);
    const [, reply] = (await (await two.call("GET", `/${id}`)).json()) as { parts: { text?: string }[] }[];
    expect(reply?.parts.map(({ text }) => text ?? "").join("")).toBe(textIn(whole));
    const [, { status } = { status: "" }] = (await one.store.forUser(ids.ann).messages.list(id)).items;
    expect(status).toBe("stopped");
  });

  it("is refused to whoever has not signed in, and absent for everybody else", async () => {
    const { call } = startHost(streams(modelOf(["Hi."])));
    const id = randomUUID();
    await (await call("POST", "", { id, message: question("Secret") })).text();
    const bob = { "x-user": ids.bob };
    expect(await errorIn(await call("GET", `/${id}`, undefined, bob))).toEqual([404, "not_found"]);
    expect(await errorIn(await call("POST", `/${id}/stop`, undefined, bob))).toEqual([404, "not_found"]);
    expect((await call("GET", `/${id}/stream`, undefined, bob)).status).toBe(204);
    expect((await call("POST", "", { id, message: question("Me too") }, bob)).status).toBe(409);
    const nobody = new Request(`http://host.test/${id}`);
    expect(await errorIn(await startHost(streams(modelOf([]))).handler(nobody))).toEqual([401, "unauthenticated"]);
  });

  it("answers what is wrong with a code and a sentence, and what it does not know without one", async () => {
    const { call } = startHost(() => Promise.reject(new Error("a secret")));
    const id = randomUUID();
    for (const [method, path, body, expected] of [
      ["POST", "", "no json", [422, "invalid_input"]],
      ["POST", "", { id: " " }, [422, "invalid_input"]],
      ["POST", "", { id, messages: [] }, [422, "invalid_input"]],
      ["POST", "/x/stop", undefined, [404, "not_found"]],
      ["GET", "/x", undefined, [404, "not_found"]],
      ["PUT", "", {}, [404, "not_found"]],
      ["GET", `/${id}`, undefined, [404, "not_found"]],
      ["POST", "", { id, message: question("Hello") }, [500, "internal"]],
    ] as const) {
      const response = await call(method, path, body);
      const text = await response.clone().text();
      expect([method, path, await errorIn(response)]).toEqual([method, path, expected]);
      expect(text).not.toContain("secret");
    }
    expect(logged.map(([, message]) => message)).toEqual(["a reply could not be begun", "a chat request failed"]);
    const away = startHost(streams(modelOf([])), {
      beforeAsk: () => {
        throw new UnavailableError("Not just now.", { details: { retryAfter: 7 } });
      },
    });
    const response = await away.call("POST", "", { id, message: question("Hello") });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "7"]);
  });

  it("takes an agent, and chunks of one's own, whose message has the id of the draft", async () => {
    const agent = new ToolLoopAgent({ model: modelOf(["By an agent."]) });
    const byAgent = startHost(({ messages, signal }) => agent.stream({ messages, abortSignal: signal }));
    const id = randomUUID();
    expect(textIn(await (await byAgent.call("POST", "", { id, message: question("Hi") })).text())).toBe("By an agent.");
    const own: UIMessageChunk[] = [
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "By hand." },
      { type: "text-end", id: "1" },
      { type: "finish" },
    ];
    const byHand = startHost(() => ReadableStream.from(own) as ReadableStream<UIMessageChunk>);
    const message = question("And you?");
    const stream = await (await byHand.call("POST", "", { id, message })).text();
    expect(textIn(stream)).toBe("By hand.");
    const items = (await byHand.store.forUser(ids.ann).messages.list(id)).items;
    expect(items.map(({ content, status }) => [content, status])).toEqual([
      ["Hi", "complete"],
      ["By an agent.", "complete"],
      ["And you?", "complete"],
      ["By hand.", "complete"],
    ]);
    expect(chunksIn(stream)[0]).toEqual({ type: "start", messageId: items[3]?.id });
    const again = await (await byHand.call("POST", "", { id, message })).text();
    expect([textIn(again), again.includes("\nid: "), chunksIn(again)[0]]).toEqual([
      "By hand.",
      false,
      { type: "start", messageId: items[3]?.id },
    ]);
  });

  it("says what failed, and leaves nothing running", async () => {
    const error = Object.assign(new Error("no key sk-123"), { name: "TimeoutError" });
    const failing = startHost(streams(modelOf(["Well"], { end: [{ type: "error", error }] })));
    const id = randomUUID();
    const stream = await (await failing.call("POST", "", { id, message: question("Hi") })).text();
    expect(chunksIn(stream)).toContainEqual({
      type: "error",
      errorText: "The model did not answer in time. Try again.",
    });
    expect(stream).not.toContain("sk-123");
    const { rows } = (await database.db.execute(sql`select status, error_code from run`)) as unknown as {
      rows: object[];
    };
    expect(rows).toEqual([{ status: "failed", error_code: "model_timeout" }]);
  });
});
