import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { endServer, type RunningServer, startServer } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { signUp } from "./helpers/page.ts";
import { type ScriptedEndpoint, startScriptedEndpoint } from "./helpers/scripted-endpoint.ts";
import { serverDatabase } from "./helpers/server-database.ts";

let database: Record<string, string>;
let browser: Browser;
let server: RunningServer;
let endpoint: ScriptedEndpoint;
let context: BrowserContext;
let page: Page;
/** The same person in another browser, as on another device. */
let elsewhere: Page;

beforeAll(async () => {
  database = await serverDatabase();
  endpoint = await startScriptedEndpoint({
    "silent please": { words: ["", "At last."] },
    "slowly please": { words: ["It begins", "", " and ends."] },
  });
  [browser, server] = await Promise.all([
    openBrowser(inject("chromium")),
    startServer({ ...database, ...endpoint.environment }),
  ]);
  context = await browser.newContext();
  page = await context.newPage();
  await page.goto(server.url);
  await signUp(page, "ann");
  elsewhere = await (await browser.newContext({ storageState: await context.storageState() })).newPage();
  await elsewhere.goto(server.url);
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  await endpoint?.stop();
});

const box = (of: Page) => of.getByRole("textbox", { name: "Message", exact: true });
const question = (of: Page, text: string) => of.getByLabel("You", { exact: true }).filter({ hasText: text });
const reply = (of: Page, text: string | RegExp) => of.getByLabel("Assistant").filter({ hasText: text });
const listed = (of: Page, title: string) =>
  of.getByRole("navigation").getByRole("link", { name: new RegExp(`^${title}`) });
const isDone = (of: Page) => of.getByRole("button", { name: "Send" }).waitFor();

async function ask(of: Page, text: string): Promise<void> {
  await of.getByRole("link", { name: "New chat" }).click();
  await box(of).fill(text);
  // A page that was just opened may still put the new chat in the place of the one that it began with.
  await expect.poll(() => box(of).inputValue()).toBe(text);
  await box(of).press("Enter");
}

async function act(of: Page, title: string, action: string): Promise<void> {
  await listed(of, title).hover();
  await of.getByRole("button", { name: `More for ${title}`, exact: true }).click();
  await of.getByRole("menuitem", { name: action }).click();
}

it("does not bring the first question back once it is stored: after a reload, in a second tab, on coming back", async () => {
  const beside = await context.newPage();
  await box(page).fill("silent please");
  await beside.goto(server.url);
  await expect.poll(() => box(beside).inputValue()).toBe("silent please");
  await page.keyboard.press("Enter");
  await expect.poll(() => box(beside).inputValue()).toBe("");
  await listed(page, "silent please").waitFor();
  await page.reload();
  await question(page, "silent please").waitFor();
  await expect.poll(() => box(page).inputValue()).toBe("");
  await beside.goto(page.url());
  await question(beside, "silent please").waitFor();
  endpoint.goOn();
  for (const each of [page, beside]) await reply(each, "At last.").waitFor();
  const address = page.url();
  await page.getByRole("link", { name: "New chat" }).click();
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  expect(await box(page).inputValue()).toBe("");
  await listed(page, "silent please").click();
  await reply(page, "At last.").waitFor();
  for (const each of [page, beside]) {
    await each.reload();
    await reply(each, "At last.").waitFor();
    expect(await box(each).inputValue()).toBe("");
    expect(each.url()).toBe(address);
    expect(await each.getByLabel("You", { exact: true }).count()).toBe(1);
  }
  expect(await page.evaluate(() => Object.keys(localStorage).filter((name) => /draft|asked/.test(name)))).toEqual([]);
  await beside.close();
});

it("marks a chat whose answer ended while another was looked at, until it is opened", async () => {
  await ask(page, "slowly please");
  await reply(page, "It begins").waitFor();
  const row = page.getByRole("navigation").getByRole("listitem").filter({ hasText: "slowly please" });
  await row.getByRole("img", { name: "A reply is being written" }).waitFor();
  await page.getByRole("link", { name: "New chat" }).click();
  endpoint.goOn();
  await row.getByRole("img", { name: "A new answer" }).waitFor();
  await page.reload();
  await row.getByRole("img", { name: "A new answer" }).waitFor();
  await listed(page, "slowly please").click();
  await reply(page, "and ends.").waitFor();
  await row.getByRole("img", { name: "A new answer" }).waitFor({ state: "detached" });
  await page.reload();
  await reply(page, "and ends.").waitFor();
  expect(await row.getByRole("img").count()).toBe(0);
});

it("closes a chat that is deleted elsewhere, and keeps what was being written in it", async () => {
  await ask(page, "Of short life");
  await reply(page, "You said").waitFor();
  await isDone(page);
  await box(page).fill("A precious draft");
  // No connection is free and the worker sleeps, so that the tab is gone before the request has left.
  await elsewhere.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await elsewhere.evaluate(() => void Array.from({ length: 6 }, () => fetch("/api/events")));
  const devTools = await elsewhere.context().newCDPSession(elsewhere);
  await devTools.send("ServiceWorker.enable");
  await devTools.send("ServiceWorker.stopAllWorkers");
  await act(elsewhere, "Of short life", "Delete");
  await elsewhere.close();
  await page.getByText("This conversation does not exist").waitFor();
  await page.getByRole("main").getByRole("link", { name: "New chat" }).click();
  await expect.poll(() => box(page).inputValue()).toBe("A precious draft");
  await box(page).fill("");
  elsewhere = await (await browser.newContext({ storageState: await context.storageState() })).newPage();
  await elsewhere.goto(server.url);
});

it("comes back to the branch that was left, not to the newest one", async () => {
  await ask(page, "First version");
  await reply(page, "First version").waitFor();
  await isDone(page);
  await reply(page, "First version").hover();
  await page.getByRole("button", { name: "Another answer" }).click();
  await page.getByText("2 of 2").waitFor();
  await isDone(page);
  await page.getByRole("button", { name: "The one before" }).click();
  await page.getByText("1 of 2").waitFor();
  await question(page, "First version").hover();
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("textbox", { name: "Your question" }).fill("Second version");
  await page.keyboard.press("Control+Enter");
  await reply(page, "Second version").waitFor();
  await isDone(page);
  for (let times = 0; times < 2; times += 1) {
    await question(page, "Second version").getByText("2 of 2").waitFor();
    await page.getByRole("button", { name: "The one before" }).click();
    await question(page, "First version").getByText("1 of 2").waitFor();
    await reply(page, "First version").getByText("1 of 2").waitFor();
    await question(page, "First version").getByRole("button", { name: "The next one" }).click();
    await question(page, "Second version").waitFor();
    await page.reload();
  }
});

it("works in eight tabs at once, of which one listens, and goes on when that one is closed", async () => {
  const tabs = [page];
  while (tabs.length < 8) tabs.push(await context.newPage());
  for (const [index, tab] of tabs.entries()) {
    await tab.goto(server.url);
    await ask(tab, `slowly please, ${index}`);
    await listed(tab, `slowly please, ${index}`).waitFor();
  }
  const held = await page.evaluate(
    async () => (await navigator.locks.query()).held?.map(({ name }) => name ?? "") ?? [],
  );
  expect(held.filter((name) => name.startsWith("chatkeep.events"))).toHaveLength(1);
  expect(held.filter((name) => name.startsWith("chatkeep.reply")).length).toBeLessThanOrEqual(3);
  const [last] = tabs.slice(-1);
  if (!last) throw new Error("there is no last tab");
  await last.getByRole("button", { name: "Archive", exact: true }).click();
  await last.getByText("Nothing is in the archive.").waitFor();
  await last.getByRole("button", { name: "Back to all conversations" }).click();
  await ask(last, "Quickly");
  await reply(last, "You said").waitFor();
  endpoint.goOn();
  for (const [index, tab] of tabs.entries()) {
    if (tab === last) await listed(last, `slowly please, ${index}`).click();
    await reply(tab, "It begins and ends.").waitFor();
    await isDone(tab);
  }
  // The tab that listens is one of those that are closed.
  for (const tab of tabs.slice(1, -1)) await tab.close();
  await act(elsewhere, "Quickly", "Rename");
  await elsewhere.getByRole("textbox", { name: "Title" }).fill("Slowly");
  await elsewhere.keyboard.press("Enter");
  for (const tab of [page, last]) await listed(tab, "Slowly").waitFor();
  await page.goto("about:blank");
  await act(elsewhere, "Slowly", "Rename");
  await elsewhere.getByRole("textbox", { name: "Title" }).fill("Steadily");
  await elsewhere.keyboard.press("Enter");
  await listed(last, "Steadily").waitFor();
  await last.close();
  await page.goto(server.url);
});

it("lets go of what it holds when it is hidden, and takes it up again when it is seen", async () => {
  const show = (state: string) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  const held = () => page.evaluate(async () => (await navigator.locks.query()).held?.length);
  await ask(page, "slowly please, hidden");
  await reply(page, "It begins").waitFor();
  expect(await held()).toBe(2);
  await show("hidden");
  await expect.poll(held).toBe(0);
  endpoint.goOn();
  await listed(elsewhere, "slowly please, hidden").click();
  await reply(elsewhere, "It begins and ends.").waitFor();
  expect(await held()).toBe(0);
  await show("visible");
  await reply(page, "It begins and ends.").waitFor();
  await isDone(page);
  await expect.poll(held).toBe(1);
});

it("asks before drafts are lost by signing out, in all tabs, and tells the next person nothing", async () => {
  const beside = await context.newPage();
  await beside.goto(server.url);
  await box(beside).fill("Not sent yet");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("alertdialog").getByText("You have written something here").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  expect(await box(beside).inputValue()).toBe("Not sent yet");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("button", { name: "Sign out and delete it" }).click();
  for (const each of [page, beside]) await each.getByRole("heading", { name: "Sign in to chatkeep" }).waitFor();
  await signUp(page, "bob");
  await beside.getByRole("button", { name: "Sign out" }).waitFor();
  await elsewhere.reload();
  await elsewhere.getByLabel("E-mail").fill("ann@example.com");
  await elsewhere.getByLabel("Password").fill("correct horse");
  await elsewhere.getByRole("button", { name: "Sign in" }).click();
  await ask(elsewhere, "A secret of Ann's");
  await reply(elsewhere, "You said").waitFor();
  await ask(page, "A question of Bob's");
  await listed(beside, "A question of Bob's").waitFor();
  for (const each of [page, beside]) expect(await each.getByText("A secret of Ann's").count()).toBe(0);
  await beside.close();
});
