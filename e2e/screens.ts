/** `npm run screens`: pictures of the running app for the documentation. */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { endServer, startServer, temporaryFolder } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { unpackChromium } from "./helpers/chromium.ts";

const target = fileURLToPath(new URL("../docs/screens/", import.meta.url));
const folder = temporaryFolder();
const [browser, server] = await Promise.all([
  unpackChromium().then(openBrowser),
  startServer({ CHATKEEP_DATA: folder.path }),
]);

async function say(page: Page, text: string, answer: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
  await page.getByLabel("Assistant").filter({ hasText: answer }).last().waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
}

try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByRole("heading", { name: "Sign in to chatkeep" }).waitFor();
  await page.screenshot({ path: `${target}sign-in-light.png` });
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByLabel("Name").fill("Ann");
  await page.getByLabel("E-mail").fill("ann@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await page.screenshot({ path: `${target}empty-light.png` });
  for (const text of ["How do I bake bread?", "What should I read next?", "My name is Ann."]) {
    await page.getByRole("link", { name: "New chat" }).click();
    await say(page, text, text.startsWith("My") ? "Nice to meet you" : "I have kept");
  }
  await page.getByRole("link", { name: "New chat" }).click();
  await say(page, "add buy milk", "Added buy milk");
  await say(page, "add call grandmother", "Added call grandmother");
  await say(page, "done with the milk", "Done: buy milk");
  await say(page, "what is on my list?", "You have 2 tasks");
  await say(page, "what did I ask first?", "You began with");
  await page.waitForTimeout(500);
  await page.screenshot({ path: `${target}chat-light.png` });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: `${target}chat-dark.png` });
  await page.setViewportSize({ width: 390, height: 780 });
  await page.screenshot({ path: `${target}chat-phone-dark.png` });
  await page.getByRole("button", { name: "Show the conversations" }).click();
  await page.waitForTimeout(300);
  await page.screenshot({ path: `${target}list-phone-dark.png` });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(`${server.url}/docs`);
  await page.getByText("List conversations, newest activity first").waitFor();
  await page.screenshot({ path: `${target}api-light.png` });
} finally {
  await browser.close();
  await endServer(server);
  folder.remove();
}
