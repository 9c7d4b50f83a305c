/** Choosing what answers: in the header of a chat, by keyboard, and for another answer. */
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

const box = () => page.getByRole("textbox", { name: "Message" });
const answers = () => page.getByLabel("Assistant", { exact: true });
const picker = (name: string) => page.getByRole("button", { name: `${name}: choose the model` });

async function fitsInWidth(): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
}

it("the model is chosen by keyboard before a chat begins, kept by it, offered to the next, and named under its answers", async () => {
  await picker("scripted").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitemradio", { name: /^scripted/ }).waitFor();
  await picture(page, "picker");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await picker("clever").waitFor();
  await isAccessible(page);
  await box().fill("How do I bake bread?");
  await page.keyboard.press("Enter");
  await answers().getByText("Answered by clever").waitFor();

  await answers().getByRole("button", { name: "Another answer with …" }).click();
  await page.getByRole("menuitemradio", { name: /^Offline assistant/ }).click();
  await answers().getByText("Answered by Offline assistant").waitFor();
  await picker("clever").waitFor();
  await answers().getByRole("button", { name: "The one before" }).click();
  await answers().getByText("Answered by clever").waitFor();
  await page.getByRole("link", { name: "New chat" }).click();
  await picker("clever").waitFor();
  await page.goBack();
});

it("a chat whose model has left the list is readable, says so, and goes on with the usual one", async () => {
  await answers().getByText("Answered by clever").waitFor();
  await page.evaluate(async () => {
    const body = JSON.stringify({ model: "gone" });
    const headers = { "content-type": "application/json" };
    await fetch(`/api/conversations/${location.pathname.slice(3)}`, { method: "PATCH", headers, body });
  });
  await page.reload();
  await page.setViewportSize({ width: 320, height: 640 });
  await page.getByText("The model gone is no longer offered here.").waitFor();
  await answers().getByText("Answered by clever").waitFor();
  await isAccessible(page);
  await fitsInWidth();
  await picture(page, "gone");
  await box().fill("And now?");
  await page.keyboard.press("Enter");
  await page.getByText("not offered here").waitFor();
  await page.getByRole("button", { name: "Go on with scripted" }).click();
  await picker("scripted").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await answers().getByText("Answered by scripted").waitFor();
  await page.setViewportSize({ width: 1280, height: 800 });
  await picture(page, "chat");
});

it("another answer with a model that failed is asked of that one again", async () => {
  let failures = 1;
  await page.route("**/api/chat", async (route) => (failures-- > 0 ? await route.abort() : await route.continue()));
  await answers().last().getByRole("button", { name: "Another answer with …" }).click();
  await page.getByRole("menuitemradio", { name: /^clever/ }).click();
  await page.getByText("The server cannot be reached").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await answers().last().getByText("Answered by clever").waitFor();
  await picker("scripted").waitFor();
  await page.unroute("**/api/chat");
});

it("an answer is rated, with reasons that stay, and a passage of it is quoted", async () => {
  const answer = answers().last();
  const good = answer.getByRole("button", { name: "Good answer" });
  const bad = answer.getByRole("button", { name: "Bad answer" });
  // The one before it is still being written.
  await expect.poll(() => page.getByRole("button", { name: "Good answer" }).count()).toBe(2);
  await good.click();
  await page.getByText("Thank you. Press the thumb again").waitFor();
  await expect.poll(() => good.getAttribute("aria-pressed")).toBe("true");
  await bad.focus();
  await page.keyboard.press("Enter");
  const sheet = page.getByRole("dialog", { name: "What was wrong with it?" });
  await sheet.waitFor();
  await sheet.getByText("Not complete").click();
  await sheet.getByLabel("In your words").fill("No word of **rye**.");
  await isAccessible(page);
  await picture(page, "feedback");
  await page.route("**/feedback", async (route) => await route.abort(), { times: 1 });
  await sheet.getByRole("button", { name: "Save" }).click();
  await sheet.getByRole("alert").getByText("The server cannot be reached").waitFor();
  await sheet.getByRole("button", { name: "Save" }).click();
  await sheet.waitFor({ state: "detached" });
  await page.reload();
  await answers().last().locator('[aria-pressed="true"]').waitFor();
  await expect.poll(() => good.getAttribute("aria-pressed")).toBe("false");
  await bad.click();
  expect(await sheet.getByLabel("In your words").inputValue()).toBe("No word of **rye**.");
  expect(await sheet.getByRole("checkbox", { name: "Not complete" }).isChecked()).toBe(true);
  await page.setViewportSize({ width: 320, height: 640 });
  await fitsInWidth();
  await page.setViewportSize({ width: 1280, height: 800 });
  await sheet.getByRole("button", { name: "Take the rating back" }).click();
  await sheet.waitFor({ state: "detached" });
  await answers().last().locator('[aria-pressed="true"]').waitFor({ state: "detached" });

  await box().fill("I mean this:");
  await answers().first().getByText("love").dblclick();
  await answers().first().getByRole("button", { name: "Quote" }).click();
  const written = "I mean this:\n\n> love\n\n";
  await expect.poll(() => box().inputValue()).toBe(written);
  await page.keyboard.type("Why?");
  await page.keyboard.press("Enter");
  await page.getByLabel("You", { exact: true }).getByText("Why?").waitFor();
});

it("what a person tells every model, and a chat its own, goes along with the next question", async () => {
  await page.getByRole("link", { name: "ann@example.com" }).click();
  await page.getByLabel("What every model is told").fill("Answer in verse.");
  await page.getByRole("button", { name: "Save instructions" }).click();
  await page.getByText("Saved.").waitFor();
  await isAccessible(page);
  await page.goBack();
  await page.getByRole("button", { name: "Instructions for this chat" }).click();
  await page.getByLabel("What the model is told").fill("Only about bread.");
  await isAccessible(page);
  await picture(page, "instructions");
  await page.route("**/api/conversations/*", async (route) => await route.abort(), { times: 1 });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("alert").getByText("The server cannot be reached").waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const before = endpoint.asked.length;
  await box().fill("And rye?");
  await page.keyboard.press("Enter");
  await page.getByText('You said: "And rye?"').waitFor();
  const told = JSON.stringify(endpoint.asked[before]?.messages.filter(({ role }) => role === "system"));
  expect(told).toMatch(/Answer in verse\..*Only about bread\./);
  await page.reload();
  await page.getByRole("button", { name: "Instructions for this chat" }).click();
  expect(await page.getByLabel("What the model is told").inputValue()).toBe("Only about bread.");
  await page.keyboard.press("Escape");
});

it("can be installed, and says that an answer is ready to whoever looks elsewhere", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(server.url);
  const found = await page.evaluate(async () => {
    const link = document.querySelector<HTMLLinkElement>('link[rel="manifest"]');
    const manifest = (await (await fetch(link?.href ?? "")).json()) as {
      icons: { src: string; sizes: string }[];
      start_url: string;
    };
    const sizes = await Promise.all(
      manifest.icons.map(async ({ src, sizes }) => {
        const image = new Image();
        image.src = src;
        await image.decode();
        return sizes === "any" || sizes === `${image.naturalWidth}x${image.naturalHeight}`;
      }),
    );
    return { sizes, start: manifest.start_url };
  });
  expect(found).toEqual({ sizes: [true, true, true, true], start: "/" });
  const session = await page.context().newCDPSession(page);
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  expect(installabilityErrors).toEqual([]);

  await signUp(page, "noa");
  await page.evaluate(() => {
    const shown: string[] = [];
    Object.assign(window, { shown });
    const Real = Notification;
    // A browser without a window refuses notices, whatever it is told.
    class Seen extends Real {
      static override readonly permission = "granted";
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        shown.push(`${title}: ${options?.body}`);
      }
    }
    Object.assign(window, { Notification: Seen });
  });
  const shown = () => page.evaluate(() => (window as unknown as { shown: string[] }).shown);
  const hide = (isHidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
    }, isHidden);
  const ask = async (words: string) => {
    await page.getByRole("textbox", { name: "Message" }).fill(words);
    await page.keyboard.press("Enter");
    await page.getByText(`You said: "${words}"`).waitFor();
    await page.getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });
  };
  await hide(true);
  await ask("First");
  expect(await shown()).toEqual([]);
  await page.getByRole("link", { name: "noa@example.com" }).click();
  await page.getByLabel("Tell me when an answer is ready").check();
  await isAccessible(page);
  await page.goBack();
  await ask("Second");
  await expect.poll(shown).toEqual(["The answer is ready: First"]);
  await hide(false);
  await ask("Third");
  expect(await shown()).toHaveLength(1);
});

it("how a model answers is set in a chat, folded away, sent with each question, and kept", async () => {
  await page.getByRole("link", { name: "New chat" }).first().click();
  await box().fill("Is bread good?");
  await page.keyboard.press("Enter");
  await answers().last().getByText("With love.").waitFor();
  const open = async () => {
    await page.getByRole("button", { name: "Instructions for this chat" }).click();
    return page.getByRole("dialog", { name: "Instructions for this chat" });
  };
  const sheet = await open();
  expect(await sheet.getByLabel("Temperature").isVisible()).toBe(false);
  await sheet.getByText("How it answers").click();
  await sheet.getByLabel("Temperature").fill("0.2");
  await sheet.getByLabel("Longest answer").fill("900");
  await sheet.getByLabel("How long it thinks").selectOption("Briefly");
  await isAccessible(page);
  await picture(page, "settings");
  await sheet.getByRole("button", { name: "Save" }).click();
  await sheet.waitFor({ state: "detached" });
  await page.reload();
  await box().fill("And is more bread better?");
  await page.keyboard.press("Enter");
  await expect
    .poll(() => endpoint.asked.at(-1))
    .toMatchObject({ temperature: 0.2, max_tokens: 900, reasoning_effort: "low" });
  // Asked before what was said had been read, it follows that all the same.
  expect(endpoint.asked.at(-1)?.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user"]);
  await page.getByRole("button", { name: "Send" }).waitFor();
  const again = await open();
  expect(await again.getByLabel("Temperature").inputValue()).toBe("0.2");
  await again.getByLabel("Temperature").fill("");
  await again.getByLabel("Longest answer").fill("");
  await again.getByLabel("How long it thinks").selectOption("As the model has it");
  await again.getByRole("button", { name: "Save" }).click();
  await again.waitFor({ state: "detached" });
  const asked = endpoint.asked.length;
  await box().fill("And bread alone?");
  await page.keyboard.press("Enter");
  await expect.poll(() => endpoint.asked.length).toBeGreaterThan(asked);
  expect(endpoint.asked.at(-1)).not.toHaveProperty("temperature");
});

it("what a chat tells its model is set before its first question, too", async () => {
  await page.getByRole("link", { name: "New chat" }).first().click();
  const open = async () => {
    await page.getByRole("button", { name: "Instructions for this chat" }).click();
    return page.getByRole("dialog", { name: "Instructions for this chat" });
  };
  const sheet = await open();
  await sheet.getByLabel("What the model is told").fill("Speak as a pirate.");
  await sheet.getByText("How it answers").click();
  await sheet.getByLabel("Temperature").fill("0.9");
  await sheet.getByRole("button", { name: "Save" }).click();
  await sheet.waitFor({ state: "detached" });
  expect(await (await open()).getByLabel("Temperature").inputValue()).toBe("0.9");
  await page.keyboard.press("Escape");
  const asked = endpoint.asked.length;
  await box().fill("Where is the bread?");
  await page.keyboard.press("Enter");
  await expect.poll(() => endpoint.asked.length).toBeGreaterThan(asked);
  const { messages, ...request } = endpoint.asked.at(-1) ?? { messages: [] };
  expect(request).toMatchObject({ temperature: 0.9 });
  expect(JSON.stringify(messages[0])).toContain("Speak as a pirate.");
  await page.getByRole("button", { name: "Send" }).waitFor();
  await page.reload();
  const kept = await open();
  await expect.poll(() => kept.getByRole("textbox").first().inputValue()).toBe("Speak as a pirate.");
  await page.keyboard.press("Escape");
});
