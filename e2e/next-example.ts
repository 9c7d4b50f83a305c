/** The built Next.js example in a real browser: `node -C chatkeep-source e2e/next-example.ts FOLDER`, by `npm run test:next`. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { freePort } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { openBrowser } from "./helpers/app.ts";
import { unpackChromium } from "./helpers/chromium.ts";

const [folder = "."] = process.argv.slice(2);
const port = String(await freePort());
const url = `http://127.0.0.1:${port}`;
const next = createRequire(join(folder, "package.json")).resolve("next/dist/bin/next");
const manyWords = Array.from({ length: 150 }, (_, index) => `word${index}`).join(" ");

async function start(): Promise<ChildProcess> {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [next, "start", "--hostname", "127.0.0.1", "--port", port], {
    cwd: folder,
    env: { PATH, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) throw new Error(`next start ended with ${child.exitCode}`);
    if ((await fetch(url).catch(() => undefined))?.ok) return child;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill("SIGKILL");
  throw new Error("next start was not ready in 30 seconds");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name }).waitFor();
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Question").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

const said = (page: Page) => page.locator("[data-role]").allInnerTexts();
const reply = (page: Page, text: string) => page.locator("[data-role=assistant]").filter({ hasText: text }).waitFor();
const isDone = (page: Page) => page.getByRole("button", { name: "Send" }).waitFor();

async function journey(page: Page, other: Page): Promise<string> {
  await signIn(page, "ann");
  await page.getByRole("link", { name: "New chat" }).click();
  await say(page, "How do I bake bread?");
  await reply(page, "You have asked 1. The last was: How do I bake bread?");
  await isDone(page);
  const first = ["You: How do I bake bread?", "Assistant: You have asked 1. The last was: How do I bake bread?"];
  assert.deepEqual(await said(page), first);
  console.log("It answers.");

  // Without a stream to follow, what is there comes with the page.
  const html = await (await page.request.get(page.url())).text();
  assert.match(html, /You have asked 1\./);
  await page.reload();
  await isDone(page);
  assert.deepEqual(await said(page), first);
  console.log("History is there on load.");

  await say(page, manyWords);
  await reply(page, "word3");
  await page.reload();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await reply(page, "word149");
  await isDone(page);
  const second = [...first, `You: ${manyWords}`, `Assistant: You have asked 2. The last was: ${manyWords}`];
  assert.deepEqual(await said(page), second);
  console.log("A reload in the middle of a reply goes on with it.");

  await say(page, manyWords);
  await reply(page, "You have asked 3. The last was: word0 word1");
  await page.getByRole("button", { name: "Stop" }).click();
  await isDone(page);
  const stopped = await said(page);
  assert.equal(stopped.length, 6);
  assert.doesNotMatch(stopped.at(-1) ?? "", /word149/);
  await page.reload();
  await isDone(page);
  assert.deepEqual(await said(page), stopped);
  console.log("Stop ends the reply, and what was written stays.");

  await signIn(other, "bob");
  assert.equal(await other.getByRole("listitem").count(), 0);
  await other.goto(page.url());
  await isDone(other);
  assert.deepEqual(await said(other), []);
  const id = page.url().split("/").at(-1);
  assert.equal((await other.request.get(`${url}/api/chat/${id}`)).status(), 404);
  console.log("Nobody else sees it.");
  return page.url();
}

let server = await start();
const browser = await openBrowser(await unpackChromium());
try {
  const [ann, bob] = [await browser.newContext(), await browser.newContext()];
  const page = await ann.newPage();
  const address = await journey(page, await bob.newPage());
  await end(server);
  server = await start();
  await page.goto(url);
  await page.getByRole("link", { name: "How do I bake bread?" }).click();
  await page.waitForURL(address);
  await reply(page, "You have asked 1.");
  assert.equal((await said(page)).length, 6);
  console.log("It remembers after a restart.");
} finally {
  await browser.close();
  await end(server);
}
