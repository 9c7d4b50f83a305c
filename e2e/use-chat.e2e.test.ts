/** The AI SDK's own useChat with default options, in Chromium, on the chat handler of a host. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "@hono/node-server";
import { simulateReadableStream, streamText, type ToolSet, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { chatMigrations, chatTables, createStore, migrate, type Store } from "chatkeep";
import { aiSdkCodec, chatHandler, loadChat } from "chatkeep/ai-sdk";
import { openPglite } from "chatkeep/pglite";
import { createReplies, partsOf } from "chatkeep/replies";
import { Hono } from "hono";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { buildPage, script } from "./helpers/build-page.ts";

type Stream = Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"];
type Part = Stream extends ReadableStream<infer One> ? One : never;

const tokens = { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined };
const usage = { inputTokens: tokens, outputTokens: { total: 1, text: 1, reasoning: undefined } };
const call = (toolName: string, input: object): Part => {
  return { type: "tool-call", toolCallId: `${toolName}-1`, toolName, input: JSON.stringify(input) };
};
const words = (text: string): Part[] => [
  { type: "text-start", id: "1" },
  { type: "text-delta", id: "1", delta: text },
  { type: "text-end", id: "1" },
];

let asked = 0;
const held = Promise.withResolvers<void>();
const removed: string[] = [];

/** Answers by what it was asked last. */
const model = new MockLanguageModelV4({
  doStream: async ({ prompt }) => {
    asked += 1;
    const last = prompt.at(-1);
    const said = JSON.stringify(last);
    let parts = words(`Answer ${asked}.`);
    if (last?.role === "tool") parts = words(said.includes("blue") ? "Blue it is." : "Removed it.");
    else if (said.includes("colour")) parts = [...words("Let me ask."), call("colour", { of: "sky" })];
    else if (said.includes("remove")) parts = [call("remove", { name: "a.txt" })];
    if (said.includes("slowly")) await held.promise;
    const unified = parts.some(({ type }) => type === "tool-call") ? "tool-calls" : "stop";
    const chunks = [...parts, { type: "finish", finishReason: { unified, raw: undefined }, usage } as Part];
    return { stream: simulateReadableStream<Part>({ chunks }) };
  },
});

const tools = {
  colour: tool({ description: "Asks for a colour", inputSchema: z.object({ of: z.string() }) }),
  remove: tool({
    description: "Removes a file",
    inputSchema: z.object({ name: z.string() }),
    needsApproval: true,
    execute: ({ name }) => {
      removed.push(name);
      return `gone: ${name}`;
    },
  }),
};

let browser: Browser;
let page: Page;
let store: Store;
let url: string;
const built = temporaryFolder();
const closing: (() => unknown)[] = [() => built.remove()];

beforeAll(async () => {
  const connection = await openPglite();
  const tables = chatTables({ user: false });
  await migrate(connection, chatMigrations(tables));
  store = createStore(connection, tables, { partsOf: partsOf(aiSdkCodec) });
  const replies = createReplies({ store, codec: aiSdkCodec });
  const chat = chatHandler({
    replies,
    getUserId: () => "ann",
    generate: ({ messages, signal }) =>
      streamText({ model, messages, tools: tools as unknown as ToolSet, abortSignal: signal }),
  });
  await buildPage(fileURLToPath(new URL("use-chat/page.tsx", import.meta.url)), built.path);
  const source = await readFile(join(built.path, script), "utf8");
  const app = new Hono()
    .all("/api/chat/*", (c) => chat(c.req.raw))
    .get(`/${script}`, (c) => c.body(source, 200, { "content-type": "text/javascript" }))
    .get("*", (c) =>
      c.html(`<!doctype html><title>chat</title><body><script type="module" src="/${script}"></script>`),
    );
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  browser = await openBrowser(inject("chromium"));
  page = await browser.newPage();
  closing.push(
    () => browser.close(),
    () => server.close(),
    () => replies.close(0),
    () => connection.close(),
  );
});
afterAll(async () => {
  for (const close of closing) await close();
});

async function ask(of: Page, text: string): Promise<void> {
  await of.getByLabel("Question").fill(text);
  await of.getByRole("button", { name: "Send" }).click();
}

const said = (of: Page) => of.locator("p").allInnerTexts();
const isReady = (of: Page) => of.locator("output", { hasText: /^ready$/ }).waitFor();
const stored = async (id: string) => (await loadChat(store.forUser("ann"), id)).map(({ role }) => role);

it("talks, edits and regenerates, and a reload shows the same", async () => {
  await page.goto(`${url}/chat/first`);
  await ask(page, "Hello");
  await page.getByText(/^Answer \d+\.$/).waitFor();
  await isReady(page);
  await page.getByRole("button", { name: "Again" }).click();
  await expect.poll(() => said(page)).toEqual(["Hello", "Answer 2."]);
  await isReady(page);
  await page.getByLabel("Question").fill("Hello again");
  await page.getByRole("button", { name: "Edit" }).click();
  await expect.poll(() => said(page)).toEqual(["Hello again", "Answer 3."]);
  await isReady(page);
  // The page keeps the id that the message had before.
  await page.getByRole("button", { name: "Again" }).click();
  await expect.poll(() => said(page)).toEqual(["Hello again", "Answer 4."]);
  await isReady(page);
  await ask(page, "And?");
  await expect.poll(() => said(page)).toEqual(["Hello again", "Answer 4.", "And?", "Answer 5."]);
  await isReady(page);
  await page.reload();
  await expect.poll(() => said(page)).toEqual(["Hello again", "Answer 4.", "And?", "Answer 5."]);
  const { items } = await store.forUser("ann").messages.list("first");
  expect(items.map(({ content }) => content)).toEqual([
    "Hello",
    "Answer 1.",
    "Answer 2.",
    "Hello again",
    "Answer 3.",
    "Answer 4.",
    "And?",
    "Answer 5.",
  ]);
});

it("runs a tool in the page, also after a reload, and the reply goes on in the same message", async () => {
  await page.goto(`${url}/chat/second`);
  await ask(page, "Which colour?");
  await page.getByRole("button", { name: "Blue" }).waitFor();
  await isReady(page);
  await page.reload();
  await page.getByRole("button", { name: "Blue" }).click();
  await expect.poll(() => said(page)).toEqual(["Which colour?", "Let me ask.", "Blue it is."]);
  await isReady(page);
  expect(await stored("second")).toEqual(["user", "assistant"]);
});

it("asks before it runs a tool, and is answered in another tab", async () => {
  await page.goto(`${url}/chat/third`);
  await ask(page, "Please remove a.txt");
  await page.getByRole("button", { name: "Allow" }).waitFor();
  expect(removed).toEqual([]);
  const other = await browser.newPage();
  await other.goto(`${url}/chat/third`);
  await other.getByRole("button", { name: "Allow" }).click();
  await expect.poll(() => said(other)).toEqual(["Please remove a.txt", "Removed it."]);
  await isReady(other);
  expect(removed).toEqual(["a.txt"]);
  await page.reload();
  await expect.poll(() => said(page)).toEqual(["Please remove a.txt", "Removed it."]);
  await other.close();
});

it("a second tab takes up a reply that is being made", async () => {
  await page.goto(`${url}/chat/fourth`);
  await ask(page, "Hello slowly");
  await expect.poll(async () => (await store.forUser("ann").runs.findRunning("fourth"))?.status).toBe("running");
  const other = await browser.newPage();
  await other.goto(`${url}/chat/fourth`);
  await expect.poll(() => said(other)).toEqual(["Hello slowly"]);
  held.resolve();
  for (const each of [page, other]) await each.getByText(/^Answer \d+\.$/).waitFor();
  expect(await said(other)).toEqual(await said(page));
  await other.close();
});
