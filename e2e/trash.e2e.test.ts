import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { endServer, type RunningServer, startServer } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible, signUp } from "./helpers/page.ts";
import { serverDatabase } from "./helpers/server-database.ts";

let database: Record<string, string>;
let browser: Browser;
let server: RunningServer;
let page: Page;

beforeAll(async () => {
  database = await serverDatabase();
  [browser, server] = await Promise.all([openBrowser(inject("chromium")), startServer(database)]);
  page = await (await browser.newContext()).newPage();
  await page.goto(server.url);
  await signUp(page, "ann");
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
});

const press = async (on: Page, name: string | RegExp) => {
  await on.getByRole("button", { name, exact: true }).focus();
  await on.keyboard.press("Enter");
};
const link = (on: Page) => on.getByRole("navigation").getByRole("link", { name: /Shopping/ });

async function remove(): Promise<void> {
  await link(page).waitFor();
  await link(page).hover();
  await page.getByRole("button", { name: "More for Shopping" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await link(page).waitFor({ state: "detached" });
}

it("takes a deletion back from its notice, from the trash by keyboard in another tab, and empties the trash", async () => {
  await page.evaluate(() =>
    fetch("/api/conversations", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ title: "Shopping", messages: [{ role: "user", content: "Buy milk" }] }),
    }),
  );
  const elsewhere = await page.context().newPage();
  await elsewhere.goto(server.url);
  await remove();
  await link(elsewhere).waitFor({ state: "detached" });
  await press(page, "Undo");
  await link(page).waitFor();
  await link(elsewhere).waitFor();

  await remove();
  await press(elsewhere, "Trash");
  await press(elsewhere, "Restore Shopping");
  await elsewhere.getByText("Nothing is in the trash.").waitFor();
  await link(page).waitFor();

  await remove();
  await press(elsewhere, "Delete Shopping for good");
  await elsewhere.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await isAccessible(elsewhere);
  await press(elsewhere, "Empty the trash");
  await elsewhere.getByRole("alertdialog").getByRole("button", { name: "Empty the trash" }).click();
  await elsewhere.getByText("Nothing is in the trash.").waitFor();
  expect(await page.evaluate(async () => (await fetch("/api/trash")).json())).toEqual({ items: [], nextCursor: null });
});

it("deletes one for good, by keyboard, on a phone too, and again where another tab has done it", async () => {
  const titles = ["First", "Second"];
  await page.evaluate(async (titles) => {
    const headers = { "content-type": "application/json" };
    for (const title of titles) {
      const body = JSON.stringify({ title, messages: [{ role: "user", content: title }] });
      const made = await fetch("/api/conversations", { method: "POST", headers, body });
      const { id } = (await made.json()) as { id: string };
      await fetch(`/api/conversations/${id}`, { method: "DELETE" });
    }
  }, titles);
  const phone = await page.context().newPage();
  await phone.setViewportSize({ width: 320, height: 640 });
  await phone.goto(server.url);
  await press(phone, "Show the conversations");
  await press(phone, "Trash");
  await phone.getByRole("heading", { name: "Trash" }).waitFor();
  await press(phone, "Delete First for good");
  await press(phone, "Delete for good");
  await phone.getByRole("button", { name: "Restore First" }).waitFor({ state: "detached" });
  await expect.poll(() => phone.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Trash");
  await isAccessible(phone);
  expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);

  // No news reaches this tab of what another one does meanwhile.
  await phone.route("**/api/trash?*", (route) => route.abort());
  await page.evaluate(() => fetch("/api/trash", { method: "DELETE" }));
  await press(phone, "Delete Second for good");
  await phone.unroute("**/api/trash?*");
  await press(phone, "Delete for good");
  await phone.getByText("Nothing is in the trash.").waitFor();
  expect(await phone.getByRole("dialog").filter({ hasText: "not" }).count()).toBe(0);
});
