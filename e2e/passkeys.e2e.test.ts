/** Passkeys in the browser, with the authenticator that Chromium lends to tests. */
import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { endServer, type RunningServer, startServer } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible, picture, signUp } from "./helpers/page.ts";
import { serverDatabase } from "./helpers/server-database.ts";

let database: Record<string, string>;
let browser: Browser;
let server: RunningServer;
let page: Page;
let devices: CDPSession;
let home: string;

beforeAll(async () => {
  database = await serverDatabase();
  [browser, server] = await Promise.all([
    openBrowser(inject("chromium")),
    startServer({ ...database, CHATKEEP_ANONYMOUS: "on" }),
  ]);
  // Browsers make no passkeys for an address of numbers.
  home = server.url.replace("127.0.0.1", "localhost");
  page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  devices = await page.context().newCDPSession(page);
  await devices.send("WebAuthn.enable");
  await page.goto(home);
  await signUp(page, "ann");
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
});

const plugIn = async () => {
  const { authenticatorId } = await devices.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return authenticatorId;
};
const unplug = (authenticatorId: string) => devices.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });
const passkeys = () =>
  page.getByRole("region", { name: "Passkeys" }).or(page.locator("section", { hasText: "Passkeys" }));

it("a passkey is added with the password, and signs in without one", async () => {
  const laptop = await plugIn();
  await page.goto(`${home}/account`);
  const section = passkeys();
  await section.getByText("You have no passkeys yet.").waitFor();
  await section.getByLabel("Name of the passkey").fill("My laptop");
  await section.getByLabel("Current password").fill("wrong horse");
  await section.getByRole("button", { name: "Add a passkey" }).click();
  await section.getByRole("alert").waitFor();
  await section.getByLabel("Current password").fill("correct horse");
  await page.keyboard.press("Enter");
  await section.getByText("The passkey is added").waitFor();
  await section.getByText("My laptop").waitFor();
  expect(await section.getByRole("listitem").count()).toBe(1);
  await isAccessible(page);
  await picture(page, "passkeys");

  // The same device has one already.
  await section.getByLabel("Name of the passkey").fill("Again");
  await section.getByLabel("Current password").fill("correct horse");
  await page.keyboard.press("Enter");
  await section.getByText("This device has a passkey of this account already.").waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  const enter = page.getByRole("button", { name: "Sign in with a passkey" });
  await enter.waitFor();
  await isAccessible(page);
  await picture(page, "sign-in-with-passkey");
  await enter.focus();
  await page.keyboard.press("Enter");
  await page.getByText("ann@example.com").waitFor();
  await page.reload();
  await page.getByText("ann@example.com").waitFor();
  await unplug(laptop);
});

it("where the device has none, or the person does not want to, it is said", async () => {
  const phone = await plugIn();
  await page.getByRole("button", { name: "Sign out" }).click();
  await devices.send("WebAuthn.setUserVerified", { authenticatorId: phone, isUserVerified: false });
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByText("That was cancelled, or took too long: try again.").waitFor();
  await page.getByLabel("E-mail").fill("ann@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("ann@example.com").waitFor();
  await unplug(phone);
});

it("whoever began without an account takes chats along by a passkey; one that was removed signs in no more", async () => {
  await plugIn();
  await page.goto(`${home}/account`);
  const section = passkeys();
  await section.getByLabel("Name of the passkey").fill("Phone");
  await section.getByLabel("Current password").fill("correct horse");
  await page.keyboard.press("Enter");
  await section.getByText("Phone").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Go on without an account" }).click();
  await page.getByRole("textbox", { name: "Message" }).fill("A draft of a guest");
  await page.goto(`${home}/account`);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByText("ann@example.com").first().waitFor();
  await page.goto(home);
  expect(await page.getByRole("textbox", { name: "Message" }).inputValue()).toBe("A draft of a guest");

  await page.goto(`${home}/account`);
  await section.getByRole("button", { name: "Rename the passkey Phone" }).click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("Old phone");
  await page.keyboard.press("Enter");
  await section.getByRole("button", { name: "Remove the passkey Old phone" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await section.getByText("The passkey “Old phone” is removed.").waitFor();
  await page
    .getByLabel("Message")
    .or(page.getByRole("button", { name: "Sign out" }))
    .first()
    .waitFor();
  await page.goto(home);
  await page.getByRole("textbox", { name: "Message" }).fill("");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByText("This passkey is not known here").waitFor();
});

it("at an address of numbers none are offered, and the account says where", async () => {
  const other = await (await browser.newContext()).newPage();
  await other.goto(server.url);
  await other.getByLabel("E-mail").waitFor();
  expect(await other.getByRole("button", { name: "Sign in with a passkey" }).count()).toBe(0);
  await other.getByLabel("E-mail").fill("ann@example.com");
  await other.getByLabel("Password").fill("correct horse");
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.getByText("ann@example.com").waitFor();
  await other.goto(`${server.url}/account`);
  await other.getByText("Passkeys are made at localhost").waitFor();
});
