/** Signing in by a provider of OpenID Connect, with a real one. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { freePort } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { call, endServer, type RunningServer, startServer } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { type IdentityProvider, startIdentityProvider } from "./helpers/identity-provider.ts";
import { isAccessible, picture } from "./helpers/page.ts";
import { serverDatabase } from "./helpers/server-database.ts";

let database: Record<string, string>;
let browser: Browser;
let provider: IdentityProvider;
let server: RunningServer;

beforeAll(async () => {
  database = await serverDatabase();
  browser = await openBrowser(inject("chromium"));
  const [port, providerPort] = [await freePort(), await freePort()];
  provider = await startIdentityProvider(`http://127.0.0.1:${port}`, providerPort);
  server = await startServer({ ...provider.environment, ...database, CHATKEEP_ANONYMOUS: "on" }, port);
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  await provider?.stop();
});

const open = async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(server.url);
  return page;
};
const greeting = (page: Page) => page.getByRole("heading", { name: "What is on your mind?" });

async function signInByProvider(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Go on with Example" }).click();
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("anything");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

it("whoever comes for the first time has an account, comes back to it, has no password, and ends it without one", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Go on with Example" }).waitFor();
  await isAccessible(page);
  await picture(page, "by-provider");
  await signInByProvider(page, "ann");
  await greeting(page).waitFor();
  await page.getByText("ann@example.com").waitFor();
  await page.getByRole("textbox", { name: "Message" }).fill("What can you do?");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "What can you do?" }).waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();

  await page.getByRole("button", { name: "Go on with Example" }).click();
  await page.getByRole("link", { name: "What can you do?" }).waitFor();
  await page.goto(`${server.url}/account`);
  await page.getByText("confirmed", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Delete the account" }).waitFor();
  expect(await page.getByLabel("Current password").count()).toBe(0);
  await page.getByRole("button", { name: "Delete the account" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete everything" }).click();
  await page.getByRole("heading", { name: "Sign in to chatkeep" }).waitFor();
  await page.context().close();
});

it("what was begun without an account comes along", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Go on without an account" }).click();
  await page.getByRole("textbox", { name: "Message" }).fill("My name is Bea.");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "My name is Bea." }).waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
  await page.getByRole("textbox", { name: "Message" }).fill("Not sent yet");
  await page.goto(`${server.url}/account`);
  await signInByProvider(page, "bea");
  await page.getByText("bea@example.com").waitFor();
  await page.getByRole("link", { name: "My name is Bea." }).click();
  await expect.poll(() => page.getByRole("textbox", { name: "Message" }).inputValue()).toBe("Not sent yet");
  await page.context().close();
});

it("an account of the same address that was never confirmed stays whose it is, and who comes is told what to do", async () => {
  const body = { name: "cid", email: "cid@example.com", password: "correct horse" };
  expect((await call(server.url, "/api/auth/sign-up/email", body)).status).toBe(200);
  const page = await open();
  await signInByProvider(page, "cid");
  await page.getByText("There is an account with this address already").waitFor();
  await page.context().close();
});

it("whoever turns back at the provider, or finds it away, is told so", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Go on with Example" }).click();
  await page.getByRole("link", { name: "[ Cancel ]" }).click();
  await page.getByText("Signing in was cancelled.").waitFor();
  const rubbish = await call(server.url, "/api/auth/callback/oidc?code=x&state=y");
  expect(rubbish.status).toBeLessThan(500);
  await provider.stop();
  await page.goto(server.url);
  await page.getByRole("button", { name: "Go on with Example" }).waitFor();
  await page.context().close();
});
