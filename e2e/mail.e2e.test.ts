/** What people do by links that are sent to them, and what administrators do, in the browser, with a real mail server. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type MailServer, startMailServer } from "../packages/server/test/helpers/mail-server.ts";
import {
  endServer,
  type RunningServer,
  startServer,
  temporaryFolder,
} from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible, picture, signUp } from "./helpers/page.ts";
import { startScriptedEndpoint } from "./helpers/scripted-endpoint.ts";

const folder = temporaryFolder();
let browser: Browser;
let mail: MailServer;
let server: RunningServer;
let page: Page;
const environment = () => ({
  CHATKEEP_DATA: folder.path,
  CHATKEEP_SMTP_URL: mail.url,
  CHATKEEP_MAIL_FROM: "Our chat <chat@example.com>",
});

beforeAll(async () => {
  [browser, mail] = await Promise.all([openBrowser(inject("chromium")), startMailServer()]);
  server = await startServer(environment());
  page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await page.goto(server.url);
  await signUp(page, "ann");
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  await mail?.stop();
  folder.remove();
});

const open = async (address: string) => {
  const other = await (await browser.newContext({ viewport: { width: 390, height: 780 } })).newPage();
  await other.goto(address);
  return other;
};

it("a forgotten password is set anew by a link, and is the one that holds", async () => {
  await mail.next("ann@example.com");
  const other = await open(server.url);
  await other.getByRole("button", { name: "Forgot your password?" }).click();
  await other.getByRole("heading", { name: "Set a new password" }).waitFor();
  await isAccessible(other);
  await picture(other, "forgotten");
  await other.getByLabel("E-mail").fill("ann@example.com");
  await other.keyboard.press("Enter");
  await other.getByText("a link is on its way there").waitFor();
  await other.goto((await mail.next("ann@example.com", /password/)).link);
  await isAccessible(other);
  await other.getByLabel("New password").fill("another horse");
  await other.keyboard.press("Enter");
  await other.getByText("Your password is changed").waitFor();
  await other.reload();
  await other.getByLabel("New password").fill("a third horse");
  await other.keyboard.press("Enter");
  await other.getByRole("alert").waitFor();
  await other.goto(server.url);
  await other.getByLabel("E-mail").fill("ann@example.com");
  await other.getByLabel("Password").fill("another horse");
  await other.keyboard.press("Enter");
  await other.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await other.context().close();
  // Whoever was signed in is not any more.
  await page.reload();
  await page.getByLabel("E-mail").fill("ann@example.com");
  await page.getByLabel("Password").fill("another horse");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
});

it("an address is confirmed, and is another one, by links", async () => {
  await page.goto(`${server.url}/account`);
  await page.getByRole("button", { name: "Confirm this address" }).click();
  await page.getByText("A link is on its way to ann@example.com").waitFor();
  const first = (await mail.next("ann@example.com", /your address/)).link;
  // The mail may be opened where nobody is signed in.
  const other = await open(first);
  await other.getByRole("heading", { name: "Sign in to chatkeep" }).waitFor();
  await other.context().close();
  await page.goto(first);
  await page.getByText("This link was sent to ann@example.com").waitFor();
  await page.getByRole("button", { name: "Yes, confirm it" }).click();
  await page.getByText("confirmed", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Yes, confirm it" }).waitFor({ state: "detached" });
  const ofAddress = page.locator("section").filter({ has: page.getByRole("heading", { name: "E-mail" }) });
  await ofAddress.getByLabel("Another address").fill("ann.new@example.com");
  await ofAddress.getByLabel("Current password").fill("not this horse");
  await page.getByRole("button", { name: "Change the address" }).click();
  await ofAddress.getByRole("alert").waitFor();
  await ofAddress.getByLabel("Current password").fill("another horse");
  await page.getByRole("button", { name: "Change the address" }).click();
  await page.getByText("A link is on its way to ann.new@example.com").waitFor();
  await isAccessible(page);
  const { link } = await mail.next("ann.new@example.com");
  expect((await mail.next("ann@example.com", /another address/)).text).toContain("ann.new@example.com");
  await page.goto(link);
  await page.getByRole("button", { name: "Yes, confirm it" }).click();
  await ofAddress.getByText("ann.new@example.com", { exact: true }).waitFor();
  await page.getByText("confirmed", { exact: true }).waitFor();
  await page.goto(link);
  await page.getByRole("button", { name: "Yes, confirm it" }).click();
  await page.getByText("This link does not work any more").waitFor();
});

it("an administrator sees who there is, invites, passes a link on, and removes an account", async () => {
  await page.getByRole("link", { name: "Administration" }).click();
  await page.getByRole("heading", { name: "Administration" }).waitFor();
  await page.getByText("0 chats, 0 messages").waitFor();
  const ofInvitations = page.locator("section").filter({ has: page.getByRole("heading", { name: "Invitations" }) });
  await ofInvitations.getByLabel("E-mail").fill("bob@example.com");
  await page.keyboard.press("Enter");
  await page.getByText("This link was sent to bob@example.com").waitFor();
  await ofInvitations.getByRole("button", { name: "Take back the invitation of bob@example.com" }).waitFor();
  await page.getByRole("button", { name: "Look now" }).click();
  await page.getByText("Everything is as it should be.").waitFor();
  await isAccessible(page);
  await picture(page, "administration");
  const { link } = await mail.next("bob@example.com", /invited/);

  await endServer(server);
  server = await startServer({ ...environment(), CHATKEEP_SIGN_UP: "invited" });
  const bob = await open(link.replace(/^https?:\/\/[^/]+/, server.url));
  await bob.getByRole("heading", { name: "Create your account" }).waitFor();
  expect(await bob.getByLabel("E-mail").inputValue()).toBe("bob@example.com");
  await bob.getByLabel("Name").fill("Bob");
  await bob.getByLabel("Password").fill("correct horse");
  await bob.keyboard.press("Enter");
  await bob.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await bob.goto(`${server.url}/admin`);
  await bob.getByText("There is nothing at this address.").waitFor();
  const stranger = await open(server.url);
  await stranger.getByText("Accounts are made by invitation here").waitFor();
  await stranger.context().close();

  await page.goto(`${server.url}/admin`);
  await page.getByLabel("Search by name or address").fill("bob");
  const row = page.getByRole("listitem").filter({ hasText: "bob@example.com" });
  await row.waitFor();
  await expect.poll(() => page.getByText("ann.new@example.com").count()).toBe(1);
  await row.getByRole("button", { name: "More for bob@example.com" }).click();
  await page.getByRole("menuitem", { name: "Link for a new password" }).click();
  await page.getByText("This link was sent to bob@example.com").waitFor();
  await row.getByRole("button", { name: "More for bob@example.com" }).click();
  await page.getByRole("menuitem", { name: "Make administrator" }).click();
  await row.getByText("Administrator", { exact: true }).waitFor();
  await row.getByRole("button", { name: "More for bob@example.com" }).click();
  await page.getByRole("menuitem", { name: "Delete the account" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete the account" }).click();
  await page.getByText("The account of bob@example.com is deleted.").waitFor();
  await bob.reload();
  await bob.getByRole("heading", { name: "Sign in to chatkeep" }).waitFor();
  await bob.context().close();
});

it("an administrator connects a model from the start page, tries it first, and takes it away again", async () => {
  const endpoint = await startScriptedEndpoint({ hello: { words: ["Good ", "day."] } });
  await page.goto(server.url);
  await page.getByRole("link", { name: "Connect a model" }).click();
  const section = page.locator("section").filter({ has: page.getByRole("heading", { name: "Connect a model" }) });
  await section.getByLabel("Endpoint").fill("http://127.0.0.1:1/v1");
  await section.getByLabel("Models").fill("wise, quick");
  await section.getByRole("button", { name: "Test" }).click();
  await section.getByText("The model wise did not answer").waitFor();
  await section.getByLabel("Endpoint").fill(endpoint.environment["OPENAI_BASE_URL"] ?? "");
  await section.getByLabel("API key").fill("sk-secret");
  await section.getByRole("button", { name: "Test" }).click();
  await section.getByText("It answered: “Good day.”").waitFor();
  await isAccessible(page);
  await picture(page, "connect");
  await section.getByLabel("API key").press("Enter");
  await section.getByText("It is connected.").waitFor();
  await section.getByText("A key is kept.").waitFor();
  expect(await section.getByLabel("API key").inputValue()).toBe("");
  await page.getByRole("link", { name: "New chat" }).first().click();
  await page.getByRole("button", { name: "wise: choose the model" }).waitFor();
  expect(await page.getByRole("link", { name: "Connect a model" }).count()).toBe(0);
  await page.getByRole("textbox", { name: "Message" }).fill("Say hello");
  await page.keyboard.press("Enter");
  await page.getByLabel("Assistant", { exact: true }).getByText("Good day.").waitFor();
  await page.goto(`${server.url}/admin`);
  await section.getByRole("button", { name: "Disconnect" }).click();
  await section.getByRole("button", { name: "Disconnect" }).waitFor({ state: "detached" });
  await endpoint.stop();
});

it("fits on a phone", async () => {
  await page.setViewportSize({ width: 320, height: 640 });
  await page.reload();
  await page.getByRole("heading", { name: "Administration" }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
});
