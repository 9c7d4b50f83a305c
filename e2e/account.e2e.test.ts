import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { call, endServer, type RunningServer, startServer } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible, signUp } from "./helpers/page.ts";
import { serverDatabase } from "./helpers/server-database.ts";

let database: Record<string, string>;
let browser: Browser;
let server: RunningServer;

beforeAll(async () => {
  database = await serverDatabase();
  [browser, server] = await Promise.all([
    openBrowser(inject("chromium")),
    startServer({
      ...database,
      CHATKEEP_ANONYMOUS: "on",
      CHATKEEP_QUOTAS: "messages/day=2,tokens/month=1000000",
    }),
  ]);
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
});

async function open(): Promise<Page> {
  const permissions = ["clipboard-read", "clipboard-write"];
  const page = await (await browser.newContext({ permissions })).newPage();
  await page.goto(server.url);
  return page;
}

const phone = { width: 320, height: 640 };

async function fitsInto320(of: Page): Promise<void> {
  expect(await of.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
}

it("makes an API key, shows it once, says what it may do and that it was used, and revokes it after a question", async () => {
  const page = await open();
  await signUp(page, "kim");
  await page.setViewportSize(phone);
  const json = { error: { code: "conflict", message: "Not today." } };
  await page.route("**/api/keys", (route) => route.fulfill({ status: 409, json }));
  await page.goto(`${server.url}/account`);
  const ofKeys = page.locator("section").filter({ has: page.getByRole("heading", { name: "API keys" }) });
  await ofKeys.getByText("Not today.").waitFor();
  await page.unroute("**/api/keys");
  // A request that was under way may be refused still: then a person presses once more.
  await expect
    .poll(async () => {
      const again = ofKeys.getByRole("button", { name: "Try again" });
      if (await again.isVisible()) await again.click();
      return await ofKeys.getByText("There are no keys.").isVisible();
    })
    .toBe(true);

  await ofKeys.getByLabel("What is it for?").fill("a dashboard");
  await ofKeys.getByLabel("It may only read").check();
  await ofKeys.getByLabel("It ends").selectOption("in 30 days");
  await ofKeys.getByLabel("What is it for?").press("Enter");
  const shown = ofKeys.getByLabel("The new key: a dashboard");
  await shown.waitFor();
  const key = await shown.inputValue();
  expect(await shown.evaluate((line) => line === document.activeElement)).toBe(true);
  await ofKeys.getByText("it is not shown again").waitFor();
  await isAccessible(page);
  await fitsInto320(page);
  await ofKeys.getByRole("button", { name: "Copy", exact: true }).click();
  await ofKeys.getByRole("button", { name: "Copied", exact: true }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);
  await ofKeys.getByRole("button", { name: "I have copied it" }).click();
  await shown.waitFor({ state: "detached" });
  await ofKeys.getByText(/reads only · made .* · ends .* · not used yet/).waitFor();
  expect(await page.content()).not.toContain(key.slice(9));

  const asked = async (body?: object) => (await call(server.url, "/api/conversations", body, key)).status;
  expect([await asked(), await asked({ title: "New" })]).toEqual([200, 403]);
  await page.reload();
  await ofKeys.getByText(/last used/).waitFor();
  await ofKeys.getByRole("button", { name: "Revoke a dashboard" }).press("Enter");
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await ofKeys.getByRole("button", { name: "Revoke a dashboard" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke" }).click();
  await ofKeys.getByText("“a dashboard” is revoked.").waitFor();
  await ofKeys.getByText("There are no keys.").waitFor();
  expect(await asked()).toBe(401);
  await page.context().close();
});

const box = (page: Page) => page.getByRole("textbox", { name: "Message", exact: true });
const reply = (page: Page) => page.getByLabel("Assistant").last();
const list = (page: Page) => page.getByRole("navigation").getByRole("link");

async function say(page: Page, text: string): Promise<void> {
  await box(page).fill(text);
  await page.keyboard.press("Enter");
  await reply(page).waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
}

it("goes on without an account, leaves with nothing kept, begins again, and takes the chats, the tasks and what is not sent along into one", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Go on without an account" }).waitFor();
  await isAccessible(page);
  await page.getByRole("button", { name: "Go on without an account" }).click();
  await say(page, "My name is Lea.");
  const left = page.url();
  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete and leave" }).click();
  await page.getByRole("button", { name: "Go on without an account" }).click();
  await page.getByRole("button", { name: "Leave" }).waitFor();
  await page.goto(left);
  await page.getByText("This conversation does not exist").waitFor();
  await page.getByRole("main").getByRole("link", { name: "New chat" }).click();
  await say(page, "add buy bread");
  const address = page.url();
  await page.getByRole("link", { name: "New chat" }).click();
  await box(page).fill("not sent yet");
  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("link", { name: /Keep these chats/ }).click();
  await page.getByText("Keys are for accounts").waitFor();
  expect(await page.getByLabel("Current password").count()).toBe(0);
  await page.getByLabel("Name").fill("lea");
  await page.getByLabel("E-mail").fill("lea@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("link", { name: "lea@example.com" }).waitFor();
  await list(page).filter({ hasText: "add buy bread" }).click();
  expect(page.url()).toBe(address);
  await reply(page).waitFor();
  await page.getByRole("link", { name: "New chat" }).click();
  await expect.poll(() => box(page).inputValue()).toBe("not sent yet");
  await page.context().close();
});

it("downloads a conversation as Markdown and as JSON from its menu, by keyboard too", async () => {
  const page = await open();
  await signUp(page, "dot");
  await say(page, "add buy ??? bread");
  const more = page.getByRole("button", { name: "More for add buy ??? bread" });
  const download = async (name: string) => {
    await more.press("Enter");
    await page.getByRole("menuitem", { name: "Rename" }).waitFor();
    const file = page.waitForEvent("download");
    await page.getByRole("menuitem", { name }).press("Enter");
    return await file;
  };
  const markdown = await download("Download as Markdown");
  expect(markdown.suggestedFilename()).toMatch(/^add buy bread \d{4}-\d\d-\d\d\.md$/);
  expect(readFileSync(await markdown.path(), "utf8")).toMatch(/^# add buy .*## User .*add buy .*## Assistant /s);
  const json = await download("Download as JSON");
  expect(JSON.parse(readFileSync(await json.path(), "utf8"))).toMatchObject({ isWhole: true });
  await page.setViewportSize(phone);
  await page.getByRole("button", { name: "Show the conversations" }).click();
  await more.press("Enter");
  await page.getByRole("menuitem", { name: "Download as JSON" }).waitFor();
  await fitsInto320(page);
  await page.context().close();
});

it("keeps a temporary chat out of the list, says so in it, and shows it at its address", async () => {
  const page = await open();
  await signUp(page, "tim");
  await page.getByRole("button", { name: "Temporary chat" }).click();
  expect(await page.getByRole("button", { name: "Temporary chat", pressed: true }).count()).toBe(1);
  await page.route("**/api/conversations", (route) => route.abort());
  await box(page).fill("My name is Tim.");
  await page.keyboard.press("Enter");
  await page.getByText("The server cannot be reached").waitFor();
  await page.unroute("**/api/conversations");
  // What was chosen is remembered with the question that has not arrived.
  await page.reload();
  await page.getByRole("button", { name: "Temporary chat", pressed: true }).waitFor();
  await expect.poll(() => box(page).inputValue()).toBe("My name is Tim.");
  // While the conversation is looked for again, what is written stays.
  const held = Promise.withResolvers<void>();
  let isAsked = false;
  await page.route("**/branch*", async (route) => {
    isAsked = true;
    await held.promise;
    await route.continue();
  });
  await expect
    .poll(async () => {
      // It is not asked again while it is asked.
      await page.evaluate(() => dispatchEvent(new Event("visibilitychange")));
      return isAsked;
    })
    .toBe(true);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
  expect(await box(page).inputValue()).toBe("My name is Tim.");
  held.resolve();
  await page.unrouteAll({ behavior: "wait" });
  // The answer that it does not exist is of before: until the conversation is read back, nothing says so any more.
  await page.evaluate(() => {
    const look = () => {
      if (document.body.textContent.includes("does not exist")) document.body.dataset["flashed"] = "yes";
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  const readBack = Promise.withResolvers<void>();
  await page.route("**/branch*", async (route) => {
    await readBack.promise;
    await route.continue();
  });
  const asksBack = page.waitForRequest("**/branch*");
  await page.keyboard.press("Enter");
  await reply(page).filter({ hasText: "Nice to meet you" }).waitFor();
  await asksBack;
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
  expect(await page.locator("body").getAttribute("data-flashed")).toBe(null);
  readBack.resolve();
  await page.unrouteAll({ behavior: "wait" });
  const address = page.url();
  await page.getByRole("note").filter({ hasText: "It is gone on" }).waitFor();
  // What was read back of it has come.
  await page.getByRole("button", { name: "Good answer" }).waitFor();
  await isAccessible(page);
  await page.getByRole("link", { name: "New chat" }).click();
  await say(page, "This one stays");
  await list(page).filter({ hasText: "This one stays" }).waitFor();
  expect(await page.getByRole("note").count()).toBe(0);
  await page.goto(address);
  await reply(page).filter({ hasText: "Nice to meet you" }).waitFor();
  await say(page, "And again");
  await page.getByRole("note").waitFor();
  expect(await page.getByRole("button", { name: "Temporary chat" }).count()).toBe(0);
  expect(await list(page).allTextContents()).toEqual([expect.stringContaining("This one stays")]);
  const kept = await page.evaluate(async () => await (await fetch("/api/export")).text());
  expect(kept).toContain("This one stays");
  expect(kept).not.toContain("Tim.");
  await page.context().close();
});

it("shows what was used and what is left, and says in two languages that a quota is used up and until when", async () => {
  const page = await open();
  await signUp(page, "mia");
  for (const [index, words] of ["Hello", "What can you do?"].entries()) {
    await say(page, words);
    await page.getByLabel("Assistant").nth(index).waitFor();
    await page.getByText("The answer is complete.").waitFor({ state: "attached" });
  }
  await say(page, "And then?");
  await page.getByText(/^Your quota of 2 messages a day is used up\. Go on after .*\d{4}/).waitFor();
  await page.setViewportSize(phone);
  await page.goto(`${server.url}/account`);
  const usage = page.locator("section").filter({ has: page.getByRole("heading", { name: "Usage" }) });
  await usage.getByRole("row", { name: /^Offline assistant 2 [\d,]+ [\d,]+$/ }).waitFor();
  await usage.getByText(/^2 of 2 messages a day begins anew on /).waitFor();
  await usage.getByText(/^[\d,]+ of 1,000,000 tokens a month/).waitFor();
  await isAccessible(page);
  await fitsInto320(page);
  await page.getByLabel("Language").selectOption("Deutsch");
  const inGerman = page.locator("section").filter({ has: page.getByRole("heading", { name: "Verbrauch" }) });
  await inGerman.getByText(/^2 von 2 Nachrichten am Tag beginnt neu am /).waitFor();
  await inGerman.getByRole("columnheader", { name: "Antworten" }).waitFor();
});
