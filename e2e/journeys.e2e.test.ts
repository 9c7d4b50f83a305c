import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import {
  endServer,
  type RunningServer,
  startServer,
  temporaryFolder,
} from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible } from "./helpers/page.ts";
import { seedTenThousands } from "./helpers/seed.ts";

const folder = temporaryFolder();
let browser: Browser;
let server: RunningServer;
let page: Page;
let longId: string;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(inject("chromium")), startServer({ CHATKEEP_DATA: folder.path })]);
  page = await (await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"] })).newPage();
  await page.goto(server.url);
  await isAccessible(page);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByLabel("Name").fill("Ann");
  await page.getByLabel("E-mail").fill("ann@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await endServer(server);
  longId = await seedTenThousands(folder.path, "ann@example.com");
  server = await startServer({ CHATKEEP_DATA: folder.path }, Number(new URL(server.url).port));
  await page.goto(server.url);
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  folder.remove();
});

const nav = (of: Page) => of.getByRole("navigation");
const box = (of: Page) => of.getByRole("textbox", { name: "Message", exact: true });
const question = (text: string) => page.getByLabel("You", { exact: true }).filter({ hasText: text });
const reply = (text: string | RegExp) => page.getByLabel("Assistant").filter({ hasText: text });

async function say(text: string): Promise<void> {
  await box(page).fill(text);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Send" }).waitFor();
}

it("keeps every version of a question and an answer, and shows the one that was chosen, also after a reload", async () => {
  await page.getByRole("link", { name: "New chat" }).click();
  await say("My name is Ann.");
  await reply("Nice to meet you").waitFor();
  await question("My name is Ann.").hover();
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("textbox", { name: "Your question" }).fill("My name is Anna.");
  await page.keyboard.press("Control+Enter");
  await reply("Anna").waitFor();
  await page.getByText("2 of 2").waitFor();
  expect(await question("My name is Ann.").count()).toBe(0);
  await page.getByRole("button", { name: "The one before" }).click();
  await question("My name is Ann.").waitFor();
  await page.reload();
  await page.getByText("1 of 2").waitFor();
  await question("My name is Ann.").waitFor();
  await reply("Nice to meet you").hover();
  await page.getByRole("button", { name: "Another answer" }).click();
  await page.getByText("2 of 2").waitFor();
  expect(await page.getByText("1 of 2").count()).toBe(1);
  await reply("Nice to meet you").hover();
  await page.getByLabel("Assistant").getByRole("button", { name: "Copy" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("Nice to meet you");
  await question("My name is Ann.").hover();
  await question("My name is Ann.").getByRole("button", { name: "Delete this message" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("This message was deleted.").waitFor();
  await page.reload();
  await page.getByText("This message was deleted.").waitFor();
  expect(await question("My name is Ann.").count()).toBe(0);
  await isAccessible(page);
});

it("shows code in colours, mathematics and tables, and runs nothing that a model writes", async () => {
  const markdown =
    "```js\nconst a = 1;\n```\n\n$$x^2$$\n\n| a |\n|---|\n| b |\n\n<img src=x onerror='document.title=1'><script>document.title=2</script>";
  const id = await page.evaluate(async (content) => {
    const messages = [
      { role: "user", content: "Markdown?" },
      { role: "assistant", content },
    ];
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ messages }),
    };
    return ((await (await fetch("/api/conversations", init)).json()) as { id: string }).id;
  }, markdown);
  await nav(page)
    .getByRole("link", { name: /Markdown\?/ })
    .click();
  expect(page.url()).toContain(id);
  await page
    .locator("[data-streamdown=code-block] span[style*='--sdm-c'], [data-streamdown=code-block] span[style*='--shiki']")
    .first()
    .waitFor();
  await page.locator(".katex").first().waitFor();
  await page.getByRole("table").waitFor();
  expect(await page.title()).toBe("Markdown? · chatkeep");
});

it("pins, archives, finds, and brings back", async () => {
  const act = async (title: string, action: string) => {
    await nav(page)
      .getByRole("link", { name: new RegExp(`^${title}`) })
      .first()
      .hover();
    await page
      .getByRole("button", { name: `More for ${title}`, exact: true })
      .first()
      .click();
    await page.getByRole("menuitem", { name: action, exact: true }).click();
  };
  await act("Seeded number 2", "Pin");
  await nav(page).getByRole("heading", { name: "Pinned" }).waitFor();
  await act("Seeded number 3", "Archive");
  await page.getByText("Archived “Seeded number 3”").waitFor();
  await page.getByRole("button", { name: "Archive", exact: true }).click();
  await act("Seeded number 3", "Take out of the archive");
  await page.getByText("Nothing is in the archive.").waitFor();
  await page.getByRole("button", { name: "Back to all conversations" }).click();
  await nav(page).getByRole("heading", { name: "Pinned" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.waitForFunction(() =>
    document.activeElement?.matches("nav input, [role=search] input, input[type=search]"),
  );
  await page.keyboard.type("NUMBER 9876");
  await nav(page)
    .getByRole("link", { name: /^Seeded number 9876/ })
    .waitFor();
  // The chat of that title, and a message of the long one.
  await nav(page).getByRole("link", { name: "Message number 9876" }).waitFor();
  expect(await nav(page).getByRole("listitem").count()).toBe(2);
  await isAccessible(page);
  await page.keyboard.press("Escape");
  await nav(page).getByRole("heading", { name: "Pinned" }).waitFor();
});

it("holds ten thousand conversations and ten thousand messages", async () => {
  const list = nav(page);
  const last = async () =>
    Number(/number (\d+)/.exec((await list.getByRole("link").last().getAttribute("title")) ?? "")?.[1]);
  for (let times = 0; times < 100 && !((await last()) > 300); times += 1) {
    await list.evaluate((each) => each.scrollTo(0, each.scrollHeight));
    await page.waitForTimeout(120);
  }
  expect(await list.getByRole("listitem").count()).toBeLessThan(80);
  expect(await last()).toBeGreaterThan(300);
  await page.goto(`${server.url}/c/${longId}`);
  await page.getByText("Message number 10000", { exact: true }).waitFor();
  const messages = page.getByRole("log");
  expect(await messages.getByRole("article").count()).toBe(50);
  const scroller = messages.locator("xpath=ancestor::div[contains(@class,'overflow-y-auto')]");
  const placeOf = (text: string) =>
    page.getByText(text, { exact: true }).evaluate((each) => each.getBoundingClientRect().top);
  /** Once it stays there. */
  const restingPlaceOf = async (text: string) => {
    let place = Number.NaN;
    await expect
      .poll(async () => {
        const last = place;
        place = await placeOf(text);
        return place === last;
      })
      .toBe(true);
    return place;
  };
  await scroller.evaluate((each) => each.scrollTo(0, 1_500));
  const before = await restingPlaceOf("Message number 9960");
  await scroller.evaluate((each) => each.scrollBy(0, -1_000));
  await page.getByText("Message number 9901", { exact: true }).waitFor({ state: "attached" });
  expect(Math.abs((await restingPlaceOf("Message number 9960")) - before - 1_000)).toBeLessThan(4);
  expect(await messages.getByRole("article").count()).toBeLessThan(300);
});

it("keeps tasks beside the chat, which change as the assistant works", async () => {
  await page.goto(server.url);
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await page.keyboard.press("Control+Shift+y");
  const panel = page.getByRole("complementary", { name: "Tasks" });
  await panel.getByRole("textbox", { name: "New task" }).fill("water the plants");
  await page.keyboard.press("Enter");
  await panel.getByText("water the plants").waitFor();
  await say("add buy milk");
  await panel.getByText("buy milk").waitFor();
  await say("done with the milk");
  await panel.getByRole("checkbox", { name: "buy milk", checked: true }).waitFor();
  const saved = page.waitForResponse((response) => response.request().method() === "PATCH");
  await panel.getByRole("checkbox", { name: "water the plants" }).click();
  await saved;
  await page.reload();
  await panel.getByRole("checkbox", { name: "water the plants", checked: true }).waitFor();
  await isAccessible(page);
});

it("lets people change their account, see their devices, import and export", async () => {
  const other = await (await browser.newContext()).newPage();
  await other.goto(`${server.url}/account`);
  await other.getByLabel("E-mail").fill("ann@example.com");
  await other.getByLabel("Password").fill("correct horse");
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.getByRole("heading", { name: "Account", exact: true }).waitFor();

  await page.getByRole("link", { name: "Account of Ann" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Ann Example");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("link", { name: "Account of Ann Example" }).waitFor();
  await page
    .getByRole("button", { name: /^Sign out Chrome/ })
    .last()
    .click();
  await page.getByRole("button", { name: /^Sign out Chrome/ }).waitFor({ state: "detached" });
  await other.reload();
  await other.getByRole("heading", { name: "Sign in to chatkeep" }).waitFor();
  await other.close();

  const tree = {
    message_tree_id: "t",
    prompt: { message_id: "1", text: "From elsewhere", role: "prompter", replies: [] },
  };
  const file = { name: "trees.jsonl", mimeType: "text/plain", buffer: Buffer.from(`${JSON.stringify(tree)}\nrubbish`) };
  const claude = [
    {
      uuid: "c",
      name: "From Claude",
      chat_messages: [{ uuid: "1", sender: "human", text: "Look", files: [{ file_name: "a.png" }] }],
    },
  ];
  const second = { name: "claude.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(claude)) };
  const photo = { name: "photo.json", mimeType: "application/json", buffer: Buffer.from('{"a":1}') };
  await page.getByLabel("Choose files").first().setInputFiles([file, second, photo]);
  await page.getByText("1 conversations imported with 1 messages, 0 there already, 0 failed.").first().waitFor();
  await page.getByText("trees.jsonl: This file is damaged").waitFor();
  await page.getByText("photo.json: It has no conversations of ChatGPT").waitFor();
  await page.getByText("One thing was left out").click();
  await page.getByText("The export has no bytes of the file a.png.").waitFor();
  await nav(page)
    .getByRole("link", { name: /^From Claude/ })
    .waitFor();
  await nav(page)
    .getByRole("link", { name: /^From elsewhere/ })
    .waitFor();
  const dropped = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "trees.jsonl"));
    return transfer;
  }, JSON.stringify(tree));
  await page.getByRole("region", { name: "Import" }).dispatchEvent("drop", { dataTransfer: dropped });
  await page.getByText("0 conversations imported with 0 messages, 1 there already, 0 failed.").waitFor();
  await page.context().setOffline(true);
  await page.getByText("You are offline.").waitFor();
  await isAccessible(page);
  await page.context().setOffline(false);
  await page.getByText("You are offline.").waitFor({ state: "detached" });
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export everything" }).click();
  expect((await download).suggestedFilename()).toMatch(/^chatkeep-.*\.jsonl$/);
  await isAccessible(page);
});

it("speaks German on a small phone in the dark, by keyboard alone", async () => {
  const context = await browser.newContext({
    viewport: { width: 320, height: 640 },
    locale: "de-DE",
    colorScheme: "dark",
    storageState: await page.context().storageState(),
  });
  const phone = await context.newPage();
  await phone.goto(server.url);
  await phone.getByRole("heading", { name: "Was beschäftigt dich?" }).waitFor();
  expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  await isAccessible(phone);
  await phone.keyboard.type("hello");
  await phone.keyboard.press("Enter");
  await phone.getByLabel("Assistent").filter({ hasText: "Hello!" }).waitFor();
  await phone.keyboard.press("Control+/");
  await phone.getByRole("dialog", { name: "Tastenkürzel" }).waitFor();
  await isAccessible(phone);
  await phone.keyboard.press("Escape");
  await phone.getByRole("button", { name: "Unterhaltungen zeigen" }).focus();
  await phone.keyboard.press("Enter");
  expect(await phone.getByRole("searchbox").evaluate((each) => each === document.activeElement)).toBe(true);
  await phone
    .getByRole("navigation")
    .getByRole("link", { name: /^hello/ })
    .waitFor();
  await isAccessible(phone);
  await phone.close();
});
