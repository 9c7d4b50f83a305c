/** The AI SDK's own WorkflowChatTransport, whose streams are cut in the middle, on a handler of a host. */
import { WorkflowChatTransport } from "@ai-sdk/workflow/client";
import type { UIMessage, UIMessageChunk } from "ai";
import { createStore } from "chatkeep";
import { aiSdkCodec, chatHandler } from "chatkeep/ai-sdk";
import { createReplies, partsOf } from "chatkeep/replies";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { ids, models, resetPeople } from "../../chatkeep/test/helpers/people.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => resetPeople(database));

const words = ["One ", "two ", "three ", "four ", "five."];

/** A host whose model goes on when it is told to, and a transport whose answers break off after some chunks. */
function startHost({ cutAfter = Number.POSITIVE_INFINITY, userId = ids.ann as string, isPaused = false } = {}) {
  const store = createStore(database, models, { partsOf: partsOf(aiSdkCodec) });
  const replies = createReplies({ store, codec: aiSdkCodec, flushMs: 10 });
  const go = Promise.withResolvers<void>();
  if (!isPaused) go.resolve();
  async function* generate(): AsyncGenerator<UIMessageChunk> {
    yield { type: "start" };
    yield { type: "text-start", id: "1" };
    for (const [index, delta] of words.entries()) {
      if (index === 3) await go.promise;
      yield { type: "text-delta", id: "1", delta };
      // Each is an event of its own, as those of a slow model are.
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    yield { type: "text-end", id: "1" };
    yield { type: "finish" };
  }
  const chunks = () => ReadableStream.from(generate()) as ReadableStream<UIMessageChunk>;
  const handler = chatHandler({ replies, getUserId: () => userId, generate: chunks });
  const asked: string[] = [];
  const call = async (url: string | URL | Request, init?: RequestInit) => {
    const request = new Request(new URL(String(url), "http://host.test"), init);
    asked.push(`${request.method} ${new URL(request.url).search}`);
    const response = await handler(request);
    return asked.length === 1 && response.body ? cut(response, cutAfter) : response;
  };
  const transport = new WorkflowChatTransport<UIMessage>({
    fetch: call as typeof fetch,
    prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, messages } }),
  });
  return { store, replies, transport, asked, handler, go: () => go.resolve(), close: () => replies.close(0) };
}

/** A connection that ends after so many events. */
function cut(response: Response, after: number): Response {
  let events = 0;
  const text = new TextDecoder();
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        for (const event of text.decode(bytes).match(/.*?\n\n/gs) ?? []) {
          if (events === after) return controller.terminate();
          events += 1;
          controller.enqueue(new TextEncoder().encode(event));
        }
      },
    }),
  );
  return new Response(body ?? null, response);
}

const question: UIMessage = { id: "q", role: "user", parts: [{ type: "text", text: "Count" }] };

async function read(stream: ReadableStream<UIMessageChunk> | null): Promise<UIMessageChunk[]> {
  const chunks: UIMessageChunk[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return chunks;
}

const said = (chunks: UIMessageChunk[]) =>
  chunks.map((chunk) => (chunk.type === "text-delta" ? chunk.delta : "")).join("");
const send = { trigger: "submit-message" as const, chatId: "chat", messages: [question] };

it.each([0, 1, 3, 4])("a stream that breaks off after %i chunks goes on from there", async (cutAfter) => {
  await using host = { ...startHost({ cutAfter }), [Symbol.asyncDispose]: async () => {} };
  const chunks = await read(await host.transport.sendMessages(send));
  expect(said(chunks)).toBe(words.join(""));
  expect(chunks.filter(({ type }) => type === "start" || type === "finish")).toHaveLength(2);
  expect(host.asked).toEqual(["POST ", `GET ?startIndex=${cutAfter}`]);
  await host.close();
});

it("a chat that is opened while a reply is made takes it up, whole or from its end", async () => {
  const host = startHost({ isPaused: true });
  const first = read(await host.transport.sendMessages(send));
  await expect.poll(() => host.store.forUser(ids.ann).runs.findRunning("chat")).toBeDefined();
  const whole = read(await host.transport.reconnectToStream({ chatId: "chat" }));
  const run = await host.store.forUser(ids.ann).runs.findRunning("chat");
  await expect.poll(async () => (await host.replies.forUser(ids.ann).followRun(run?.id ?? "", -1))?.after).toBe(4);
  const last = await host.handler(new Request("http://host.test/api/chat/chat/stream?startIndex=-1"));
  expect(last.headers.get("x-workflow-stream-tail-index")).toBe("4");
  host.go();
  expect(said(await whole)).toBe(words.join(""));
  expect(said(await first)).toBe(words.join(""));
  const lines = (await last.text()).match(/"delta":"[^"]*"/g);
  expect(lines).toEqual(['"delta":"three "', '"delta":"four "', '"delta":"five."']);
  await host.close();
});

it("a chat without a running reply, one that was stopped, and one of another user come to an end too", async () => {
  const host = startHost({ isPaused: true });
  const first = read(await host.transport.sendMessages(send));
  const run = await expect
    .poll(() => host.store.forUser(ids.ann).runs.findRunning("chat"))
    .toBeDefined()
    .then(() => host.store.forUser(ids.ann).runs.findRunning("chat"));
  await host.replies.forUser(ids.ann).stop("chat");
  const chunks = await first;
  expect(chunks.map(({ type }) => type).slice(-2)).toEqual(["abort", "finish"]);
  expect((await read(await host.transport.reconnectToStream({ chatId: "chat" }))).map(({ type }) => type)).toEqual([
    "finish",
  ]);
  const stranger = startHost({ userId: ids.bob });
  for (const id of ["chat", run?.id]) {
    const answer = await stranger.handler(new Request(`http://host.test/api/chat/${id}/stream?startIndex=0`));
    expect([answer.status, await answer.json()]).toMatchObject([404, { error: { code: "not_found" } }]);
  }
  const wrong = await host.handler(new Request("http://host.test/api/chat/chat/stream?startIndex=x"));
  expect([wrong.status, await wrong.json()]).toMatchObject([422, { error: { code: "invalid_input" } }]);
  await Promise.all([host.close(), stranger.close()]);
});

it("a reply whose stream is not kept any more comes whole, and says so to whoever has a part of it", async () => {
  const host = startHost();
  await read(await host.transport.sendMessages(send));
  const user = host.store.forUser(ids.ann);
  const { items } = await user.messages.list("chat");
  const answer = await host.handler(
    new Request("http://host.test/api/chat", {
      method: "POST",
      body: JSON.stringify({ id: "chat", message: question }),
    }),
  );
  expect(answer.headers.get("x-workflow-run-id")).toBe("chat");
  expect(await answer.text()).toContain("five.");
  const runId = (await database.query("select id from run", []))[0]?.[0] as string;
  await host.store.system.removeChunks(0);
  const from = async (index: number) =>
    await (await host.handler(new Request(`http://host.test/api/chat/${runId}/stream?startIndex=${index}`))).text();
  expect(items).toHaveLength(2);
  expect(await from(0)).toContain(words.join(""));
  expect(await from(3)).toMatch(/"type":"error".*load it again.*"type":"finish"/s);
  await host.close();
});
