import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import {
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
  [browser, server] = await Promise.all([openBrowser(inject("chromium")), startServer({ CHATKEEP_DATA: folder.path })]);
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  folder.remove();
});

const box = (page: Page) => page.getByRole("textbox", { name: "Message" });

it("shows nothing of one person to the next, and keeps what could not be sent", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.url);
  await signUp(page, "ann");
  await box(page).fill("Ann's secret: add buy milk");
  await page.keyboard.press("Enter");
  await page.getByLabel("Assistant").first().waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
  await page.getByRole("link", { name: "New chat" }).click();
  await box(page).fill("Ann's secret draft");
  await page.goBack();
  await page.getByLabel("You", { exact: true }).first().waitFor();

  await context.clearCookies();
  await box(page).fill("Ann's secret question");
  await page.keyboard.press("Enter");
  await signUp(page, "bob");
  await page.getByText("This conversation does not exist").waitFor();
  expect(await page.getByText(/Ann/).count()).toBe(0);
  await page.goto(server.url);
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  expect(await box(page).inputValue()).toBe("");

  const port = Number(new URL(server.url).port);
  await endServer(server);
  await box(page).fill("Bob's precious question");
  await page.keyboard.press("Enter");
  await page.getByText("The server cannot be reached. Check").waitFor();
  server = await startServer({ CHATKEEP_DATA: folder.path }, port);
  await page.reload();
  await expect.poll(() => box(page).inputValue()).toBe("Bob's precious question");
  await page.keyboard.press("Enter");
  await page.getByLabel("Assistant").filter({ hasText: "I have kept what you said" }).waitFor();
  expect(await page.getByLabel("You", { exact: true }).count()).toBe(1);
  await context.close();
});

it("where sign-up is closed says whom to ask, offers no way to sign up, and lets in who has an account", async () => {
  await endServer(server);
  server = await startServer({ CHATKEEP_DATA: folder.path, CHATKEEP_SIGN_UP: "closed" });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByText("Accounts are made by whoever runs this server").waitFor();
  expect(await page.getByRole("button", { name: "Sign up" }).count()).toBe(0);
  await isAccessible(page);
  await page.getByLabel("E-mail").fill("ann@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await context.close();
});
