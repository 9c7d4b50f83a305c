import { randomUUID } from "node:crypto";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import {
  call,
  endServer,
  type RunningServer,
  signUp,
  startServer,
  temporaryFolder,
} from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { type Application, buildApplication, serveApplication } from "./helpers/assistant-ui.ts";
import { serverDatabase } from "./helpers/server-database.ts";

let database: Record<string, string>;
const built = temporaryFolder();
let browser: Browser;
let server: RunningServer;
let application: Application;
let token: string;

beforeAll(async () => {
  database = await serverDatabase();
  application = await serveApplication(built.path);
  [browser, server] = await Promise.all([
    openBrowser(inject("chromium")),
    startServer({
      ...database,
      CHATKEEP_ANONYMOUS: "on",
      CHATKEEP_CORS_ORIGINS: application.url,
    }),
    buildApplication(built.path),
  ]);
  token = await signUp(server.url, "ann");
  application.settings.cloudUrl = server.url;
  application.settings.token = async () => {
    const response = await call(server.url, "/api/auth/token", undefined, token);
    return ((await response.json()) as { token: string }).token;
  };
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  application?.close();
  built.remove();
});

const problems: string[] = [];

async function open(context: BrowserContext, query = ""): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(`${application.url}/${query}`);
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  // A thread that has just been loaded empties the composer: then there is nothing to send, and it is written again.
  const isSent = async () => {
    await page.getByLabel("Message", { exact: true }).fill(text);
    const sending = page.getByRole("button", { name: "Send", exact: true }).click({ timeout: 3_000 });
    return await sending.then(
      () => true,
      () => false,
    );
  };
  await expect.poll(isSent).toBe(true);
  await answered(page, text);
}

const answered = (page: Page, text: string) =>
  page
    .locator(".assistant")
    .filter({ hasText: `You said: ${text}` })
    .last()
    .waitFor();
const threads = (page: Page) => page.locator(".thread");
const titled = (page: Page, title: string) => threads(page).filter({ hasText: title });

/** What the server has of ann's, as everybody else sees it. */
async function stored() {
  const { items } = (await (await call(server.url, "/api/conversations", undefined, token)).json()) as {
    items: { id: string; title: string; messageCount: number }[];
  };
  return items;
}

it("an assistant-ui application keeps its threads here: history, titles, branches, archive, on every device", async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await say(page, "How long does bread rise?");
  await say(page, "And rolls?");
  await titled(page, "How long does bread rise?").waitFor();
  // A reload shows the thread and, once it is chosen, all that was said.
  await expect.poll(async () => (await stored())[0]?.messageCount).toBe(4);
  await page.reload();
  await titled(page, "How long does bread rise?").getByText("How long").click();
  await answered(page, "And rolls?");
  expect(await page.locator(".user").count()).toBe(2);
  // It goes on where it was, and another wording is a branch.
  await page.locator(".user").last().getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Edited message").fill("And rolls, in summer?");
  await page.getByRole("button", { name: "Update" }).click();
  await answered(page, "And rolls, in summer?");
  expect(await page.locator(".user .branch").textContent()).toBe("2 of 2");
  await page.locator(".assistant").last().getByRole("button", { name: "Good" }).click();
  await expect.poll(async () => (await stored())[0]?.messageCount).toBe(6);
  // Another device of the same person.
  const other = await open(await browser.newContext());
  await titled(other, "How long does bread rise?").getByText("How long").click();
  await answered(other, "And rolls, in summer?");
  await other.getByRole("button", { name: "Previous" }).first().click();
  await answered(other, "And rolls?");
  await say(other, "Thank you");
  page.on("dialog", (dialog) => void dialog.accept("Bread"));
  await titled(page, "How long does bread rise?").getByRole("button", { name: "Rename" }).click();
  await titled(page, "Bread").waitFor();
  await page.getByRole("button", { name: "New thread" }).click();
  await say(page, "Something else");
  await titled(page, "Something else").waitFor();
  await other.reload();
  await titled(other, "Bread").waitFor();
  await expect.poll(() => threads(other).count()).toBe(2);
  await titled(other, "Something else").getByRole("button", { name: "Delete" }).click();
  await titled(other, "Bread").getByRole("button", { name: "Archive" }).click();
  await other.locator(".archived").filter({ hasText: "Bread" }).waitFor();
  await expect.poll(async () => (await stored()).length).toBe(0);
  await other.reload();
  await other.locator(".archived").filter({ hasText: "Bread" }).getByRole("button", { name: "Unarchive" }).click();
  await titled(other, "Bread").waitFor();
  await expect.poll(stored).toMatchObject([{ title: "Bread", messageCount: 8 }]);
  const [{ id } = { id: "" }] = await stored();
  const messages = await (await call(server.url, `/api/chat/${id}`, undefined, token)).json();
  expect(messages).toMatchObject([
    { role: "user", parts: [{ type: "text", text: "How long does bread rise?" }] },
    { role: "assistant" },
    { role: "user", parts: [{ type: "text", text: "And rolls?" }] },
    { role: "assistant" },
    { role: "user", parts: [{ type: "text", text: "Thank you" }] },
    { role: "assistant" },
  ]);
  expect(problems).toEqual([]);
});

it("goes on with what the AI SDK and OpenAI's API began, and chatkeep's own page shows all of it in one order", async () => {
  const id = randomUUID();
  const question = { id: randomUUID(), role: "user", parts: [{ type: "text", text: "Which flour?" }] };
  await (await call(server.url, "/api/chat", { id, messages: [question], trigger: "submit-message" }, token)).text();
  const item = { type: "message", role: "user", content: "And which water?" };
  expect((await call(server.url, `/v1/conversations/${id}/items`, { items: [item] }, token)).status).toBe(200);
  const context = await browser.newContext();
  const page = await open(context);
  await titled(page, "Which flour?").getByText("Which flour?").click();
  await expect.poll(() => page.locator(".user").count()).toBe(2);
  await say(page, "And how much salt?");
  await expect.poll(async () => (await stored()).find((each) => each.id === id)?.messageCount).toBe(5);
  const own = await context.newPage();
  await own.goto(server.url);
  await own.getByLabel("E-mail").fill("ann@example.com");
  await own.getByLabel("Password").fill("correct horse");
  await own.getByRole("button", { name: "Sign in" }).click();
  await own
    .getByRole("navigation")
    .getByRole("link", { name: /Which flour/ })
    .click();
  await own.getByText("You said: And how much salt?").waitFor();
  const shown = await own.getByRole("log").getByRole("article").allInnerTexts();
  const expected = ["Which flour?", "", "And which water?", "And how much salt?", "You said: And how much salt?"];
  expect(shown).toHaveLength(expected.length);
  for (const [index, text] of expected.entries()) expect(shown[index]).toContain(text);
});

it("people without an account have theirs, by the base URL alone", async () => {
  const context = await browser.newContext();
  const page = await open(context, "?anonymous");
  // The application stores an answer itself, once it is whole: before that a reload would lose it.
  const isStored = page.waitForResponse(
    (response) => response.ok() && Boolean(response.request().postData()?.includes("You said: Who am I?")),
  );
  await say(page, "Who am I?");
  await isStored;
  await titled(page, "Who am I?").waitFor();
  await page.reload();
  await titled(page, "Who am I?").getByText("Who am I?").click();
  await answered(page, "Who am I?");
  expect(await threads(page).count()).toBe(1);
  const stranger = await open(await browser.newContext(), "?anonymous");
  await say(stranger, "And I?");
  await expect.poll(() => threads(stranger).count()).toBe(1);
  expect(problems).toEqual([]);
});
