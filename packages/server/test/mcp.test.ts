/** /mcp, as the SDK's own client speaks it. */

import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestApp, type Person, personWith, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let [ann, bob]: Person[] = [];
let http: ReturnType<typeof createAdaptorServer>;
let url = "";

beforeAll(async () => {
  test = await openTestApp();
  [ann, bob] = await Promise.all([test.signUp("ann"), test.signUp("bob")]);
  http = createAdaptorServer({ fetch: (request: Request) => test.app.request(request) });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  await ann.call("POST", "/api/conversations", {
    id: "a/b c",
    title: "Bread",
    messages: [
      { id: "q#1", role: "user", content: "How long does sourdough rise?" },
      { id: "a", role: "assistant", content: "Twelve hours." },
    ],
  });
  await bob.call("POST", "/api/conversations", {
    id: "bobs",
    messages: [{ role: "user", content: "sourdough of Bob" }],
  });
});
afterAll(async () => {
  await new Promise((resolve) => http.close(resolve));
  await test.close();
});

async function clientOf(token: string | undefined): Promise<Client> {
  const client = new Client({ name: "test", version: "1.0.0" });
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

interface Called {
  structuredContent?: Record<string, unknown>;
  content: { type: string; text: string }[];
  isError?: boolean;
}

async function call(client: Client, name: string, args: Record<string, unknown>): Promise<Called> {
  return (await client.callTool({ name, arguments: args })) as Called;
}

it("searches, fetches and lists one's own chats", async () => {
  const client = await clientOf(ann?.token);
  const { tools } = await client.listTools();
  expect(tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint])).toEqual([
    ["search", true],
    ["fetch", true],
    ["recent_chats", true],
  ]);
  const found = await call(client, "search", { query: "sourd" });
  const chat = { title: "Bread", url: "http://chatkeep.test/c/a%2Fb%20c" };
  expect(found.structuredContent).toEqual({ results: [{ id: "a%2Fb%20c/q%231", ...chat }] });
  expect(found.content).toEqual([{ type: "text", text: JSON.stringify(found.structuredContent) }]);
  expect((await call(client, "fetch", { id: "a%2Fb%20c/q%231" })).structuredContent).toMatchObject({
    id: "a%2Fb%20c/q%231",
    ...chat,
    text: "user: How long does sourdough rise?",
    metadata: { conversationId: "a/b c", messages: "2" },
  });
  const whole = await call(client, "fetch", { id: "a%2Fb%20c" });
  expect(whole.structuredContent?.["text"]).toBe("user: How long does sourdough rise?\n\nassistant: Twelve hours.");
  expect(whole.content).toEqual([{ type: "text", text: JSON.stringify(whole.structuredContent) }]);
  expect((await call(client, "search", { query: "bread" })).structuredContent).toMatchObject({
    results: [{ id: "a%2Fb%20c" }],
  });
  expect((await call(client, "recent_chats", {})).structuredContent).toMatchObject({
    chats: [{ id: "a%2Fb%20c", messages: 2 }],
  });
  await client.close();
});

it("takes API keys, also those that may only read, which stay read-only beside it, until they are revoked", async () => {
  const make = (isReadOnly: boolean) =>
    (ann as Person).call<{ id: string; key: string }>("POST", "/api/keys", { name: "an assistant", isReadOnly });
  const [reader, writer] = [await make(true), await make(false)];
  for (const { key } of [reader, writer]) {
    const client = await clientOf(key);
    expect((await client.listTools()).tools).toHaveLength(3);
    expect((await call(client, "search", { query: "sourdough" })).structuredContent).toMatchObject({
      results: [{ id: "a%2Fb%20c/q%231" }],
    });
    expect((await call(client, "fetch", { id: "a%2Fb%20c" })).isError).toBeUndefined();
    expect((await call(client, "fetch", { id: "bobs" })).isError).toBe(true);
    expect((await call(client, "recent_chats", {})).structuredContent).toMatchObject({ chats: [{ id: "a%2Fb%20c" }] });
    await client.close();
  }
  for (const path of ["/api/conversations", "/mcp/../api/conversations", "/v1/conversations", "/mcp/"]) {
    expect([path, (await personWith(test.app, reader.key).request("POST", path, {})).status]).toEqual([path, 403]);
  }
  await (ann as Person).call("DELETE", `/api/keys/${reader.id}`);
  await expect(clientOf(reader.key)).rejects.toThrow();
});

it("says what is wrong, and nothing of another's", async () => {
  const client = await clientOf(ann?.token);
  for (const id of ["bobs", "never", "a%2Fb%20c/none", "%", ""]) {
    const { isError, content } = await call(client, "fetch", { id });
    expect([isError, content[0]?.text.includes("sourdough")]).toEqual([true, false]);
  }
  expect(await call(client, "search", { query: "!" })).toMatchObject({
    isError: true,
    content: [{ text: "search.text must have a letter or a digit to look for." }],
  });
  await expect(
    call(client, "search", { words: "x" }).then((result) => result.isError || Promise.reject(result)),
  ).resolves.toBe(true);
  await client.close();
});

it("answers nobody without a token, no page of another site, and no other host", async () => {
  await expect(clientOf(undefined)).rejects.toThrow();
  await expect(clientOf("wrong")).rejects.toThrow();
  const body = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  const accept = { accept: "application/json, text/event-stream" };
  const signedOut = await test.app.request("/mcp", {
    method: "POST",
    body: JSON.stringify(body),
    headers: { ...accept, "content-type": "application/json" },
  });
  expect([signedOut.status, signedOut.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  const asked = (headers: Record<string, string>) =>
    (ann as Person).request("POST", "/mcp", body, { ...accept, ...headers });
  expect((await asked({})).status).toBe(200);
  expect((await asked({ host: "evil.example" })).status).toBe(403);
  expect((await asked({ origin: "https://evil.example" })).status).toBe(403);
  expect((await asked({ "content-type": "text/plain" })).status).toBe(415);
});
