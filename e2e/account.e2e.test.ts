import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import {
  call,
  endServer,
  type RunningServer,
  startServer,
  temporaryFolder,
} from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible, signUp } from "./helpers/page.ts";

const folder = temporaryFolder();
let browser: Browser;
let server: RunningServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([
    openBrowser(inject("chromium")),
    startServer({ CHATKEEP_DATA: folder.path, CHATKEEP_ANONYMOUS: "on" }),
  ]);
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  folder.remove();
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
  await page.route("**/api/keys", (route) => route.abort());
  await page.goto(`${server.url}/account`);
  const ofKeys = page.locator("section").filter({ has: page.getByRole("heading", { name: "API keys" }) });
  await ofKeys.getByText("The server cannot be reached").waitFor();
  await page.unroute("**/api/keys");
  await ofKeys.getByRole("button", { name: "Try again" }).click();
  await ofKeys.getByText("There are no keys.").waitFor();

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
  await ofKeys.getByRole("button", { name: "Copy" }).click();
  await ofKeys.getByRole("button", { name: "Copied" }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);
  await ofKeys.getByRole("button", { name: "I have copied it" }).click();
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
