import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createModel } from "@chatkeep/server";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";
import { chunksIn, textIn } from "./helpers/models.ts";

interface Asked {
  authorization: string | undefined;
  body: {
    model: string;
    stream: boolean;
    messages: { role: string; content: unknown }[];
    tools?: { function: { name: string } }[];
  };
}

/** A server that speaks OpenAI's chat completions: a tool call first, then words. */
let endpoint: Server;
let app: TestApp;
let ann: Person;
let asked: Asked[] = [];
let status = 200;

beforeAll(async () => {
  endpoint = createServer(async (request, response) => {
    const body = JSON.parse(await textOf(request)) as Asked["body"];
    asked.push({ authorization: request.headers.authorization, body });
    if (status !== 200) {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ error: { message: "no more money for key sk-secret", type: "insufficient_quota" } }),
      );
      return;
    }
    const usesTool = body.messages.at(-1)?.role === "user";
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const delta of usesTool ? toolCall : [{ content: "It is " }, { content: "on your list." }]) {
      response.write(event({ choices: [{ index: 0, delta, finish_reason: null }] }));
    }
    response.write(event({ choices: [{ index: 0, delta: {}, finish_reason: usesTool ? "tool_calls" : "stop" }] }));
    response.write(event({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }));
    response.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  const { port } = endpoint.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  app = await openTestApp({ model: createModel({ id: "some-model", baseUrl, apiKey: "sk-secret" }) });
  ann = await app.signUp("ann");
});
afterAll(async () => {
  await app.close();
  endpoint.closeAllConnections();
  endpoint.close();
});
beforeEach(() => {
  asked = [];
  status = 200;
});

const toolCall = [
  {
    role: "assistant",
    tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "addTask", arguments: "" } }],
  },
  { tool_calls: [{ index: 0, function: { arguments: '{"title":' } }] },
  { tool_calls: [{ index: 0, function: { arguments: '"buy milk"}' } }] },
];

function event(chunk: object): string {
  return `data: ${JSON.stringify({ id: "1", object: "chat.completion.chunk", created: 1, model: "some-model", ...chunk })}\n\n`;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
}

async function ask(text: string) {
  const id = randomUUID();
  const message = { id: randomUUID(), role: "user", parts: [{ type: "text", text }] };
  const stream = await (await ann.request("POST", "/api/chat", { id, message })).text();
  const { items } = await ann.call<{ items: { status: string; content: string }[] }>(
    "GET",
    `/api/conversations/${id}/messages`,
  );
  return { stream, reply: items[1] };
}

it("an OpenAI-compatible endpoint answers, with the same tools", async () => {
  const { stream, reply } = await ask("Please put milk on my list");
  expect(textIn(stream)).toBe("It is on your list.");
  expect(reply).toMatchObject({ status: "complete", content: "It is on your list." });
  expect((await ann.call<{ items: object[] }>("GET", "/api/tasks")).items).toMatchObject([{ title: "buy milk" }]);
  expect(asked).toHaveLength(2);
  expect(asked[0]).toMatchObject({ authorization: "Bearer sk-secret", body: { model: "some-model", stream: true } });
  expect(asked[0]?.body.tools?.map((tool) => tool.function.name)).toContain("completeTask");
  expect(asked[1]?.body.messages.at(-1)).toMatchObject({ role: "tool" });
});

it.each([
  [401, /The model refused the request/],
  [400, /The model refused the request/],
])("its refusal with %i is told in a sentence without its key", async (refusal, sentence) => {
  status = refusal;
  const { stream, reply } = await ask("Hello");
  expect(chunksIn(stream).find(({ type }) => type === "error")?.errorText).toMatch(sentence);
  expect(stream).not.toContain("sk-secret");
  expect(app.lines.join("\n")).not.toContain("sk-secret");
  expect(reply?.status).toBe("failed");
});
