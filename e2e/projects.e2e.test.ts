/** Projects, and several chats chosen at once, as people use them: by pointer, by keyboard, on a phone, in each language. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { endServer, type RunningServer, startServer } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible, picture, signUp } from "./helpers/page.ts";
import { type ScriptedEndpoint, startScriptedEndpoint } from "./helpers/scripted-endpoint.ts";
import { serverDatabase } from "./helpers/server-database.ts";

let database: Record<string, string>;
let browser: Browser;
let endpoint: ScriptedEndpoint;
let server: RunningServer;
let page: Page;

beforeAll(async () => {
  database = await serverDatabase();
  [browser, endpoint] = await Promise.all([
    openBrowser(inject("chromium")),
    startScriptedEndpoint({ bread: { words: ["With **love**."] } }),
  ]);
  const models = { CHATKEEP_MODELS: "clever, offline", CHATKEEP_TITLES: "off" };
  server = await startServer({ ...endpoint.environment, ...models, ...database });
  page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await page.goto(server.url);
  await signUp(page, "ann");
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  await endpoint?.stop();
});

const box = () => page.getByRole("textbox", { name: "Message" });
const list = () => page.getByRole("navigation", { name: "Conversations" });
const ofProjects = () => page.getByRole("group", { name: "Projects" });
/** Not one of the notes at the edge. */
const sheet = () => page.getByRole("dialog", { name: /^(?:New project|Edit project|Move )/ });
const chats = () => page.getByRole("region", { name: "Chats in this project" });

const undo = (done: string) => page.getByRole("dialog", { name: done }).getByRole("button", { name: "Undo" }).click();

async function make(title: string): Promise<void> {
  await page.evaluate(async (title) => {
    const body = JSON.stringify({ title, messages: [{ role: "user", content: title }] });
    await fetch("/api/conversations", { method: "POST", headers: { "content-type": "application/json" }, body });
  }, title);
  await list().getByRole("link", { name: title, exact: true }).waitFor();
}

it("a project is made by keyboard, a chat begins in it with its model and is told its words, and stands on its page", async () => {
  await ofProjects().getByRole("button", { name: "New project" }).focus();
  await page.keyboard.press("Enter");
  await sheet().getByLabel("Name").fill("Bakery");
  await sheet().getByLabel("What the model is told").fill("Weigh everything in grams.");
  await sheet().getByLabel("Model of new chats").selectOption("clever");
  await isAccessible(page);
  await sheet().getByLabel("Name").press("Enter");
  await page.getByRole("heading", { name: "Bakery" }).waitFor();
  await page.getByText("Weigh everything in grams.").waitFor();
  await page.getByText("No chat is in this project yet.").waitFor();
  await isAccessible(page);
  await picture(page, "project-empty");

  await page.getByRole("button", { name: "clever: choose the model" }).waitFor();
  await box().fill("How do I bake bread?");
  await page.keyboard.press("Enter");
  await page.getByText("Answered by clever").waitFor();
  expect(JSON.stringify(endpoint.asked.at(-1))).toContain("Weigh everything in grams.");
  await page.getByRole("link", { name: "Bakery" }).first().waitFor();
  await page.reload();
  await page.getByRole("main").getByRole("link", { name: "Bakery" }).click();
  await chats().getByRole("link", { name: "How do I bake bread?" }).waitFor();
  await isAccessible(page);
  await picture(page, "project");
  await chats().getByRole("link", { name: "How do I bake bread?" }).click();
  await page.getByText("With love.").waitFor();
});

it("a draft of its own stands on its page, also after a reload", async () => {
  await page.getByRole("main").getByRole("link", { name: "Bakery" }).click();
  await page.getByRole("heading", { name: "Bakery" }).waitFor();
  await box().fill("half a question");
  await page.reload();
  await expect.poll(() => box().inputValue()).toBe("half a question");
  await page.getByRole("link", { name: "New chat" }).first().click();
  await expect.poll(() => box().inputValue()).toBe("");
  await page.goBack();
  await expect.poll(() => box().inputValue()).toBe("half a question");
  await box().fill("");
});

it("one chat goes into a new project and out of it, in the header and in the list", async () => {
  await make("Lisbon");
  await list().getByRole("link", { name: "Lisbon" }).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Move to a project" }).click();
  await isAccessible(page);
  await sheet().getByLabel("Name of a new project").fill("Journeys");
  await page.keyboard.press("Enter");
  await page.getByText("Moved 1 chat").waitFor();
  await ofProjects().getByRole("link", { name: "Journeys" }).click();
  await chats().getByRole("link", { name: "Lisbon" }).click();
  await page.getByRole("button", { name: /^Lisbon: what you can do/ }).click();
  await page.getByRole("menuitem", { name: "Move to a project" }).click();
  await sheet().getByRole("button", { name: "Journeys", pressed: true }).waitFor();
  await sheet().getByRole("button", { name: "No project" }).click();
  await sheet().waitFor({ state: "detached" });
  await expect.poll(() => page.getByRole("main").getByRole("link", { name: "Journeys" }).count()).toBe(0);
});

it("several chats are chosen by pointer and keyboard, moved, archived and deleted, each with a way back", async () => {
  const titles = ["One", "Two", "Three", "Four"];
  for (const title of titles) await make(title);
  const boxes = (name: string) => list().getByRole("checkbox", { name });
  const begin = async (title: string) => {
    await list().getByRole("link", { name: title, exact: true }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Select several" }).click();
  };
  const bar = page.getByRole("toolbar", { name: "What to do with the selected chats" });
  await begin("Four");
  await boxes("One").click({ modifiers: ["Shift"] });
  await bar.getByText("4 selected").waitFor();
  await boxes("Two").focus();
  await page.keyboard.press("Space");
  await bar.getByText("3 selected").waitFor();
  await isAccessible(page);
  await picture(page, "several");
  await bar.getByRole("button", { name: "Move to a project" }).click();
  await sheet().getByRole("button", { name: "Bakery" }).click();
  await page.getByText("Moved 3 chats").waitFor();
  await bar.waitFor({ state: "detached" });
  await ofProjects().getByRole("link", { name: "Bakery" }).click();
  for (const title of ["One", "Three", "Four"]) await chats().getByRole("link", { name: title, exact: true }).waitFor();
  expect(await chats().getByRole("link", { name: "Two" }).count()).toBe(0);

  await begin("Four");
  await boxes("Three").click();
  await bar.getByRole("button", { name: "Archive" }).click();
  await page.getByText("Archived 2 chats").waitFor();
  await expect.poll(() => chats().getByRole("link", { name: "Four" }).count()).toBe(0);
  await undo("Archived 2 chats");
  await chats().getByRole("link", { name: "Four", exact: true }).waitFor();
  await list().getByRole("link", { name: "Three", exact: true }).waitFor();

  await list().getByRole("link", { name: "Two", exact: true }).click();
  await page.getByRole("button", { name: /^Two: / }).waitFor();
  await begin("Two");
  await boxes("One").click();
  await bar.getByRole("button", { name: "Delete" }).click();
  await page.getByText("Deleted 2 chats").waitFor();
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  expect(await list().getByRole("link", { name: "One", exact: true }).count()).toBe(0);
  await undo("Deleted 2 chats");
  for (const title of ["One", "Two"]) await list().getByRole("link", { name: title, exact: true }).waitFor();

  await begin("One");
  await boxes("One").focus();
  await page.keyboard.press("Escape");
  await bar.waitFor({ state: "detached" });
});

it("what cannot be done with one of several is said, and done with the others", async () => {
  await page.route("**/api/conversations/*", async (route) => {
    const isRefused = route.request().method() === "DELETE" && (await isOf("Three", route.request().url()));
    if (!isRefused) return await route.continue();
    await route.fulfill({ status: 409, json: { error: { code: "conflict", message: "Not this one." } } });
  });
  await list().getByRole("link", { name: "Three", exact: true }).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Select several" }).click();
  await list().getByRole("checkbox", { name: "Four" }).click();
  await page.getByRole("toolbar").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Not this one.").waitFor();
  await list().getByRole("link", { name: "Three", exact: true }).waitFor();
  expect(await list().getByRole("link", { name: "Four", exact: true }).count()).toBe(0);
  await page.unroute("**/api/conversations/*");
});

async function isOf(title: string, url: string): Promise<boolean> {
  const found = await page.evaluate(async (path) => (await (await fetch(path)).json()) as { title: string }, url);
  return found.title === title;
}

it("a chat is tagged, found by its tags, and loses them", async () => {
  await list().getByRole("link", { name: "Two", exact: true }).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Tags" }).click();
  const tags = page.getByRole("dialog", { name: "Tags of this chat" });
  for (const tag of ["work", "later"]) {
    await tags.getByLabel("A tag").fill(tag);
    await page.keyboard.press("Enter");
  }
  for (const tag of ["work", "later"]) await tags.getByRole("button", { name: `Take ${tag} away` }).waitFor();
  await expect.poll(() => tags.getByLabel("A tag").inputValue()).toBe("");
  await isAccessible(page);
  await tags.getByRole("button", { name: "Close" }).click();
  const chips = page.getByRole("group", { name: "Tags" });
  await chips.getByRole("button", { name: "work 1" }).click();
  await page.getByRole("heading", { name: "work" }).waitFor();
  await list().getByRole("link", { name: "Two", exact: true }).waitFor();
  expect(await list().getByRole("link").count()).toBe(1);
  await isAccessible(page);
  await picture(page, "tagged");
  await list().getByRole("link", { name: "Two", exact: true }).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Tags" }).click();
  await tags.getByRole("button", { name: "Take work away" }).click();
  await tags.getByRole("button", { name: "Take work away" }).waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await page.getByText("No chat has this tag.").waitFor();
  await page.getByRole("button", { name: "Back to all conversations" }).click();
  await chips.getByRole("button", { name: "later 1" }).waitFor();
});

it("what one can do is found by its words too, by keyboard: places, projects, tags, the dark", async () => {
  const actions = page.getByRole("list", { name: "Actions" });
  const field = page.getByRole("searchbox", { name: "Search chats" });
  const choose = async (words: string, action: string) => {
    await page.keyboard.press("ControlOrMeta+k");
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("search");
    await page.keyboard.type(words);
    await expect.poll(() => actions.getByRole("button").allInnerTexts()).toEqual([action]);
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe(action);
    await isAccessible(page);
    await page.keyboard.press("Enter");
    await expect.poll(() => field.inputValue()).toBe("");
  };
  const back = page.getByRole("button", { name: "Back to all conversations" });
  await choose("tras", "Trash");
  await back.click();
  await choose("late", "later");
  await page.getByRole("heading", { name: "later" }).waitFor();
  await back.click();
  const scheme = () => page.evaluate(() => document.documentElement.style.colorScheme);
  await choose("dar", "Colours: Dark");
  await expect.poll(scheme).toBe("dark");
  await choose("col li", "Colours: Light");
  await expect.poll(scheme).toBe("light");
  await choose("accoun", "Account");
  await page.waitForURL("**/account");
  await choose("new ch", "New chat");
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
});

it("a project is renamed, and deleted after a question: its chats stay", async () => {
  await ofProjects().getByRole("link", { name: "Bakery" }).click();
  await page.getByRole("button", { name: "Edit project" }).click();
  await sheet().getByLabel("Name").fill("Bread and cake");
  await sheet().getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Bread and cake" }).waitFor();
  await ofProjects().getByRole("link", { name: "Bread and cake" }).waitFor();
  const address = page.url();
  await page.getByRole("button", { name: "Edit project" }).click();
  await sheet().getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete project" }).click();
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await expect.poll(() => ofProjects().getByRole("link", { name: "Bread and cake" }).count()).toBe(0);
  await list().getByRole("link", { name: "How do I bake bread?" }).waitFor();
  await page.goto(address);
  await page.getByText("This project does not exist, or not any more.").waitFor();
  await isAccessible(page);
});

it("fits on a phone, and speaks the languages that one can choose", async () => {
  const context = await browser.newContext({ viewport: { width: 320, height: 640 }, hasTouch: true, locale: "fr-FR" });
  const phone = await context.newPage();
  await phone.goto(server.url);
  await phone.getByRole("heading", { name: "Se connecter" }).waitFor();
  await phone.getByLabel("E-mail").fill("ann@example.com");
  await phone.getByLabel("Mot de passe").fill("correct horse");
  await phone.keyboard.press("Enter");
  await phone.getByRole("button", { name: "Afficher les conversations" }).click();
  await phone.getByRole("button", { name: "Nouveau projet" }).waitFor();
  await phone.getByRole("link", { name: "Journeys" }).click();
  await phone.getByRole("heading", { name: "Journeys" }).waitFor();
  expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  await isAccessible(phone);
  await phone.goto(`${server.url}/account`);
  const told = { Español: "es", 日本語: "ja", Deutsch: "de", English: "en" };
  for (const [name, tag] of Object.entries(told)) {
    await phone.locator("select").filter({ hasText: "Deutsch" }).selectOption(name);
    await expect.poll(() => phone.evaluate(() => document.documentElement.lang)).toBe(tag);
    expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  }
  await context.close();
});
