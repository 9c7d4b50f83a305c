import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { freePort } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import {
  endServer,
  type RunningServer,
  startServer,
  temporaryFolder,
} from "../packages/server/test/helpers/servers.ts";
import {
  numbers,
  type SpeakingEndpoint,
  startSpeakingEndpoint,
} from "../packages/server/test/helpers/speaking-endpoint.ts";
import { openBrowser } from "./helpers/app.ts";
import { type Cable, startCable } from "./helpers/cable.ts";

const folder = temporaryFolder();
let browser: Browser;
let server: RunningServer;
let endpoint: SpeakingEndpoint;
let cable: Cable;
let url: string;
let one: Page;
let two: Page;

beforeAll(async () => {
  endpoint = await startSpeakingEndpoint(30);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  [browser, server] = await Promise.all([
    openBrowser(inject("chromium")),
    startServer({ CHATKEEP_DATA: folder.path, CHATKEEP_URL: url, ...endpoint.environment }),
  ]);
  cable = await startCable(port, Number(new URL(server.url).port));
  const context = await browser.newContext();
  one = await context.newPage();
  await one.goto(url);
  await one.getByRole("button", { name: "Sign up" }).click();
  await one.getByLabel("Name").fill("Ann");
  await one.getByLabel("E-mail").fill("ann@example.com");
  await one.getByLabel("Password").fill("correct horse");
  await one.getByRole("button", { name: "Sign up" }).click();
  await one.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  // A browser of its own, as on another device: what it hears of the first it hears from the server.
  const elsewhere = await browser.newContext({ storageState: await context.storageState() });
  two = await elsewhere.newPage();
  await two.goto(url);
  await two.getByRole("heading", { name: "What is on your mind?" }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  await cable?.stop();
  await endpoint?.stop();
  folder.remove();
});

const listed = (page: Page, title: string) =>
  page.getByRole("navigation").getByRole("link", { name: new RegExp(title) });
const reply = (page: Page) => page.getByLabel("Assistant").last();
const textOf = async (page: Page) => ((await reply(page).locator("p").first().textContent()) ?? "").trim();
const isDone = (page: Page) => page.getByRole("button", { name: "Send" }).waitFor();

async function ask(page: Page, text: string): Promise<void> {
  await page.getByRole("link", { name: "New chat" }).click();
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
  await reply(page).filter({ hasText: "1 2 3" }).waitFor();
  expect(await page.getByRole("textbox", { name: "Message" }).inputValue()).toBe("");
}

it("shows a reply whole and once, through reloads, and in a second browser beside it", async () => {
  await ask(one, "count 400");
  await listed(two, "count 400").click();
  await reply(two).filter({ hasText: "10 11 12" }).waitFor();
  let reloads = 0;
  // On a slow machine the reply is over sooner than five times.
  while (reloads < 5 && !(await textOf(one)).includes("400")) {
    await one.waitForTimeout(Math.random() * 400);
    await one.reload();
    await reply(one).filter({ hasText: "1 2 3" }).waitFor();
    reloads += 1;
  }
  expect(reloads).toBeGreaterThan(0);
  for (const page of [one, two]) {
    await reply(page).filter({ hasText: "399 400" }).waitFor();
    await isDone(page);
    expect(await textOf(page)).toBe(numbers(400).trim());
    expect(await page.getByLabel("Assistant").count()).toBe(1);
  }
  await two.reload();
  await reply(two).filter({ hasText: "399 400" }).waitFor();
  expect(await textOf(two)).toBe(numbers(400).trim());
});

it("stops in one browser what another one asked, keeps what was written, and can be asked again", async () => {
  await ask(one, "count 1000");
  await listed(two, "count 1000").click();
  await reply(two).filter({ hasText: "1 2 3" }).waitFor();
  await two.getByRole("button", { name: "Stop" }).click();
  for (const page of [one, two]) {
    await reply(page).filter({ hasText: "Stopped." }).waitFor();
    await isDone(page);
  }
  const text = await textOf(one);
  expect(text).toMatch(/^1 2 3 /);
  expect(await textOf(two)).toBe(text);
  await expect.poll(() => endpoint.speaking()).toBe(0);
  await one.getByRole("button", { name: "Try again" }).click();
  await reply(two)
    .filter({ hasText: /^1 2 3(?!.*Stopped)/ })
    .waitFor();
  await one.getByRole("button", { name: "Stop" }).click();
  await isDone(two);
});

it("goes on by itself when the network was away", async () => {
  await ask(one, "count 200");
  cable.cut();
  await one.getByText("The connection is lost.").waitFor();
  await one.waitForTimeout(700);
  cable.mend();
  await reply(one).filter({ hasText: "199 200" }).waitFor();
  await isDone(one);
  expect(await textOf(one)).toBe(numbers(200).trim());
  expect(await one.getByLabel("Assistant").count()).toBe(1);
  await listed(two, "count 200").click();
  await reply(two).filter({ hasText: "199 200" }).waitFor();
  expect(await textOf(two)).toBe(numbers(200).trim());
});

it("tells every browser of what is renamed and deleted in another", async () => {
  await listed(one, "count 200").hover();
  await one.getByRole("button", { name: /^More for count 200/ }).click();
  await one.getByRole("menuitem", { name: "Rename" }).click();
  await one.getByRole("textbox", { name: "Title" }).fill("Numbers");
  await one.keyboard.press("Enter");
  await listed(two, "Numbers").waitFor();
  await listed(two, "Numbers").hover();
  await two.getByRole("button", { name: "More for Numbers" }).click();
  await two.getByRole("menuitem", { name: "Delete" }).click();
  await listed(two, "Numbers").waitFor({ state: "detached" });
  await two.close();
  await listed(one, "Numbers").waitFor({ state: "detached" });
});
