import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import {
  endServer,
  type RunningServer,
  startServer,
  temporaryFolder,
} from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";

const folder = temporaryFolder();
let browser: Browser;
let server: RunningServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(inject("chromium")), startServer({ CHATKEEP_DATA: folder.path })]);
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  folder.remove();
});

async function say(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
}

const answer = (page: Page, text: string | RegExp) =>
  page.getByLabel("Assistant").filter({ hasText: text }).last().waitFor();

it("remembers over a reload, and over the death of the server", async () => {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  const hosts = new Set<string>();
  page.on("request", (request) => hosts.add(new URL(request.url()).host));

  await page.goto(server.url);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByLabel("Name").fill("Ann");
  await page.getByLabel("E-mail").fill("ann@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign up" }).click();

  await say(page, "add buy milk");
  await answer(page, "Added buy milk to your list.");
  await say(page, "what is on my list");
  await answer(page, "You have one task:");
  const address = page.url();
  expect(address).toMatch(/\/c\/[0-9a-f-]{36}$/);
  const row = page.getByRole("navigation").getByRole("link", { name: /add buy milk/ });
  await row.waitFor();

  await page.reload();
  await answer(page, "You have one task:");
  expect(await page.getByLabel("You", { exact: true }).count()).toBe(2);
  await say(page, "what did I ask first?");
  await answer(page, "You began with: “add buy milk”");

  const port = Number(new URL(server.url).port);
  await endServer(server, "SIGKILL");
  server = await startServer({ CHATKEEP_DATA: folder.path }, port);
  await page.reload();
  await answer(page, "You began with: “add buy milk”");
  expect(page.url()).toBe(address);
  await say(page, "done with the milk");
  await answer(page, "Done: buy milk.");
  expect(await page.getByLabel("You", { exact: true }).count()).toBe(4);
  expect(hosts).toEqual(new Set([new URL(server.url).host]));
  expect(problems.filter((text) => !/Failed to load resource|ERR_CONNECTION/.test(text))).toEqual([]);

  await row.hover();
  await page.getByRole("button", { name: /^More for add buy milk/ }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("Shopping");
  await page.keyboard.press("Enter");
  const renamed = page.getByRole("navigation").getByRole("link", { name: /Shopping/ });
  await renamed.waitFor();
  await page.getByRole("link", { name: "New chat" }).click();
  await say(page, "hello");
  await answer(page, "Hello!");
  await renamed.click();
  await answer(page, "Done: buy milk.");
  await renamed.hover();
  await page.getByRole("button", { name: "More for Shopping" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await renamed.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).click();
  await renamed.waitFor();
  await renamed.hover();
  await page.getByRole("button", { name: "More for Shopping" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await renamed.waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to chatkeep" }).waitFor();
  await page.getByLabel("E-mail").fill("ann@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation").getByRole("link", { name: /hello/ }).waitFor();
  await page.close();
});
