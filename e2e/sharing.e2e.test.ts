/** Sharing a chat by a link, reading it without an account and without a script, and ending the link. */
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
let url: string;

beforeAll(async () => {
  database = await serverDatabase();
  [browser, endpoint] = await Promise.all([
    openBrowser(inject("chromium")),
    startScriptedEndpoint({
      bread: { words: ["With **love**:\n\n```js\nbake();\n```\n\n| Flour | Water |\n|---|---|\n| 500 g | 350 g |\n"] },
    }),
  ]);
  server = await startServer({ ...endpoint.environment, CHATKEEP_TITLES: "off", ...database });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  await page.goto(server.url);
  await signUp(page, "ann");
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  await endpoint?.stop();
});

const ask = async (words: string) => {
  await page.getByRole("textbox", { name: "Message", exact: true }).fill(words);
  await page.keyboard.press("Enter");
  await page.getByLabel("Assistant", { exact: true }).getByText("love").last().waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
};
const sheet = () => page.getByRole("dialog", { name: "Share this chat" });
const rows = () => sheet().getByRole("list", { name: "Shared links" }).getByRole("listitem");

it("a link is made by keyboard, listed and copied", async () => {
  await page.getByRole("button", { name: "Share this chat" }).waitFor({ state: "hidden" });
  await ask("How do I bake bread?");
  await page.getByRole("button", { name: "Share this chat" }).focus();
  await page.keyboard.press("Enter");
  await sheet().getByText("There are no links.").waitFor();
  await isAccessible(page);
  await sheet().getByLabel("It ends").focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await sheet().getByText("The link is made.").waitFor();
  await rows().first().waitFor();
  expect(await rows().count()).toBe(1);
  await rows()
    .first()
    .getByText(/shared .* · ends /)
    .waitFor();
  url = (await rows().first().getByRole("link").getAttribute("href")) ?? "";
  expect(url).toMatch(/\/s\/[\w-]{22}$/);
  await rows().first().getByRole("button", { name: /^Copy/ }).click();
  await rows()
    .first()
    .getByRole("button", { name: /^Copied/ })
    .waitFor();
  await isAccessible(page);
  await picture(page, "share");
  await page.keyboard.press("Escape");
});

it("whoever has the link reads it on a phone, without an account or a script, and not what came later", async () => {
  await ask("And bread of yesterday?");
  const stranger = await browser.newContext({ viewport: { width: 360, height: 740 }, javaScriptEnabled: false });
  const reader = await stranger.newPage();
  const asked: string[] = [];
  reader.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const answer = await reader.goto(url);
  expect(answer?.status()).toBe(200);
  await reader.getByRole("heading", { level: 1, name: "How do I bake bread?" }).waitFor();
  await reader.getByRole("cell", { name: "500 g" }).waitFor();
  expect(await reader.getByText("yesterday").count()).toBe(0);
  expect(asked.filter((path) => path !== "/favicon.ico")).toEqual([new URL(url).pathname]);
  await picture(reader, "shared");
  await stranger.close();
  // The checker of accessibility is a script.
  const checked = await browser.newContext({ viewport: { width: 360, height: 740 }, bypassCSP: true });
  const again = await checked.newPage();
  await again.goto(url);
  expect(await again.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  await isAccessible(again);
  await checked.close();
});

it("a link that is ended on the account page leads nowhere, and says so", async () => {
  await page.goto(`${server.url}/account`);
  const all = page.getByRole("list", { name: "Shared links" });
  await all.getByText("How do I bake bread?").waitFor();
  await isAccessible(page);
  await all.getByRole("button", { name: /^End/ }).click();
  await page.getByText("The link leads nowhere any more.").waitFor();
  await page.getByText("There are no links.").waitFor();
  const stranger = await browser.newContext({ locale: "de-DE" });
  const reader = await stranger.newPage();
  const answer = await reader.goto(url);
  expect(answer?.status()).toBe(404);
  await reader.getByRole("heading", { name: "Dieser Link führt nirgendwohin" }).waitFor();
  await stranger.close();
});
