import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { endServer, type RunningServer, startServer } from "../packages/server/test/helpers/servers.ts";
import { de } from "../packages/web/src/strings/de.ts";
import { en } from "../packages/web/src/strings/en.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible, signUp } from "./helpers/page.ts";
import { type ScriptedEndpoint, startScriptedEndpoint } from "./helpers/scripted-endpoint.ts";
import { serverDatabase } from "./helpers/server-database.ts";

const lines = (count: number) => Array.from({ length: count }, (_, index) => `Line ${index + 1} of many words.\n\n`);

/** Every sentence that the app says in English and otherwise in German. */
function sentencesOf(english: object, german: object): string[] {
  return Object.entries(english).flatMap(([key, said]: [string, unknown]) => {
    const other = (german as Record<string, unknown>)[key];
    if (typeof said === "object" && said !== null) return sentencesOf(said, Object(other));
    return typeof said === "string" && said !== other ? [said] : [];
  });
}
const english = new Set(sentencesOf(en, de));
// What an English word and a language are called is the same everywhere.
for (const word of ["English", "Name"]) english.delete(word);

let database: Record<string, string>;
let browser: Browser;
let server: RunningServer;
let endpoint: ScriptedEndpoint;
let page: Page;

beforeAll(async () => {
  database = await serverDatabase();
  endpoint = await startScriptedEndpoint({
    "brackets please": {
      words: [
        "<thi",
        "nk>Hidden <b>thought",
        "</think>Use Vec<",
        "String> and <your-",
        "name>",
        "",
        " now <script>x</script>",
      ],
    },
    "unclosed please": { words: ["<think>It never ends"], finish: "length" },
    "long please": { words: [...lines(150), "", ...lines(150), "The end."] },
    "cut please": { words: ["It was a dark and"], finish: "length" },
    "filtered please": { words: ["I must"], finish: "content_filter" },
    "nothing please": { words: [] },
    "steps please": { words: ["Let me see."], tool: "listTasks", finish: "tool_calls" },
    "vague please": { words: ["Perhaps"], finish: "eos" },
    "Please continue.": { words: ["stormy night."] },
  });
  [browser, server] = await Promise.all([
    openBrowser(inject("chromium")),
    startServer({ ...database, ...endpoint.environment }),
  ]);
  page = await (await browser.newContext({ viewport: { width: 900, height: 700 } })).newPage();
  await page.goto(server.url);
  await signUp(page, "ann");
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  await endpoint?.stop();
});

const reply = (of = page) => of.getByLabel("Assistant").last();
const box = (of = page) => of.getByRole("textbox", { name: "Message", exact: true });
const isDone = () => page.getByRole("button", { name: "Send" }).waitFor();
const scroller = () => page.locator("[data-scroller]");

async function ask(text: string): Promise<void> {
  await page.getByRole("link", { name: "New chat" }).click();
  await box().fill(text);
  await page.keyboard.press("Enter");
}

/** A conversation as it stands in the database; opens it. */
async function open(messages: object[]): Promise<void> {
  const id = await page.evaluate(async (messages) => {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify({ messages }) };
    return ((await (await fetch("/api/conversations", init)).json()) as { id: string }).id;
  }, messages);
  await page.goto(`${server.url}/c/${id}`);
  await page.getByRole("article").last().waitFor();
}

const styleOf = (of: Locator, name: string) =>
  of.evaluate((each, name) => getComputedStyle(each).getPropertyValue(name), name);

it("shows what stands in angle brackets, and what was thought as thoughts, while it comes and after a reload", async () => {
  await ask("brackets please, <u>me</u> too");
  await reply().getByText("Use Vec<String> and <your-name>").waitFor();
  await page.getByRole("status").getByText("The assistant is writing").waitFor();
  await expect.poll(() => reply().locator("details").getAttribute("open")).toBe(null);
  endpoint.goOn();
  for (let times = 0; times < 2; times += 1) {
    await isDone();
    await reply().getByText("Use Vec<String> and <your-name> now <script>x</script>").waitFor();
    expect(await reply().getByText("Hidden <b>thought").isVisible()).toBe(false);
    await reply().getByText("Thoughts").click();
    await reply().getByText("Hidden <b>thought").waitFor();
    await page.getByLabel("You", { exact: true }).getByText("<u>me</u>").waitFor();
    await page
      .getByRole("navigation")
      .getByRole("link", { name: /<u>me<\/u> too/ })
      .waitFor();
    await page.reload();
  }
  await ask("unclosed please");
  await reply().getByText("has reached its greatest length").waitFor();
  await reply().getByText("Thoughts").click();
  await reply().getByText("It never ends").waitFor();
});

it("says how an answer ended that is not whole, and goes on with it or asks again", async () => {
  const isCut = async (text: string, words: string, canGoOn: boolean) => {
    await ask(text);
    // As it was heard, and as it is stored.
    for (let times = 0; times < 2; times += 1) {
      await reply().getByText(words).waitFor();
      await isDone();
      expect(await page.getByRole("button", { name: "Continue" }).count()).toBe(canGoOn ? 1 : 0);
      expect(await page.getByRole("button", { name: "Try again" }).count()).toBe(1);
      await page.reload();
    }
    await reply().getByText(words).waitFor();
  };
  await isCut("filtered please", "a content filter of the model's provider stopped it", false);
  await isCut("steps please", "has used all the steps", true);
  await isCut("vague please", "ended without saying why", true);
  await isCut("nothing please", "could not finish this answer", false);
  await isCut("cut please", "it has reached its greatest length", true);
  await page.getByRole("button", { name: "Continue" }).click();
  await reply().getByText("stormy night.").waitFor();
  await isDone();
  expect(await page.getByRole("button", { name: "Continue" }).count()).toBe(0);
});

it("puts a question at the top when it is sent, with its answer below it", async () => {
  await ask("cut please");
  await isDone();
  await box().fill("And the next question");
  await page.keyboard.press("Enter");
  const asked = page.getByLabel("You", { exact: true }).last();
  await asked.getByText("And the next question").waitFor();
  const place = async () => {
    const [top, header] = await Promise.all([asked.boundingBox(), scroller().boundingBox()]);
    return (top?.y ?? 0) - (header?.y ?? 0);
  };
  await expect.poll(place).toBeLessThan(60);
  await isDone();
  expect(await place()).toBeGreaterThanOrEqual(0);
  expect(await place()).toBeLessThan(60);
  await page.reload();
  // Whoever comes back finds the end of what was said, without an empty room below it.
  await reply().waitFor();
  expect(await scroller().evaluate((each) => each.scrollHeight - each.clientHeight)).toBe(0);
});

it("shows what one can do with code in its header, when one points at it", async () => {
  await open([
    { role: "user", content: "As a program?" },
    { role: "assistant", content: "So:\n\n```ts\nconst one = 1;\n```" },
  ]);
  const code = page.locator('[data-streamdown="code-block"]');
  const copy = code.getByRole("button", { name: "Copy the code" });
  await copy.hover();
  await expect.poll(() => styleOf(copy.locator(".."), "opacity")).toBe("1");
  const [outer, inner] = [await code.boundingBox(), await copy.boundingBox()];
  if (!outer || !inner) throw new Error("There is nothing to see.");
  expect(inner.y).toBeGreaterThanOrEqual(outer.y);
  expect(inner.y + inner.height).toBeLessThanOrEqual(outer.y + 36);
  expect(inner.x + inner.width).toBeLessThan(outer.x + outer.width);
});

it("has the title and what one can do with the chat above it, and in its row by the right button and by two clicks", async () => {
  await open([
    { role: "user", content: "How do I bake?" },
    { role: "assistant", content: "With love." },
  ]);
  const above = page.getByRole("main").getByRole("button", { name: /^How do I bake\?: / });
  await above.click();
  await isAccessible(page);
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("Baking");
  await page.keyboard.press("Enter");
  const row = page.getByRole("navigation").getByRole("link", { name: "Baking" });
  await row.waitFor();
  await page
    .getByRole("main")
    .getByRole("button", { name: /^Baking: / })
    .waitFor();
  expect(await row.getByText(/\d:\d\d/).count()).toBe(0);
  await row.click({ button: "right" });
  await page.getByRole("menuitem", { name: "Pin" }).click();
  await page.getByRole("heading", { name: "Pinned" }).waitFor();
  await row.dblclick();
  await page.getByRole("textbox", { name: "Title" }).fill("Bread");
  await page.keyboard.press("Enter");
  await page
    .getByRole("main")
    .getByRole("button", { name: /^Bread: / })
    .waitFor();
});

it("puts the list away and keeps it so, by keyboard too", async () => {
  const list = page.getByRole("navigation");
  await page.getByRole("button", { name: "Hide the conversations" }).click();
  await list.waitFor({ state: "hidden" });
  await expect
    .poll(() => page.getByRole("button", { name: "Show the conversations" }).evaluate((each) => each.matches(":focus")))
    .toBe(true);
  await page.reload();
  await reply().waitFor();
  expect(await list.isVisible()).toBe(false);
  await isAccessible(page);
  await page.keyboard.press("Control+b");
  await expect.poll(() => page.getByRole("searchbox").evaluate((each) => each.matches(":focus"))).toBe(true);
  await page.keyboard.press("Control+b");
  await list.waitFor({ state: "hidden" });
  await page.keyboard.press("Control+k");
  await expect.poll(() => page.getByRole("searchbox").evaluate((each) => each.matches(":focus"))).toBe(true);
});

it("makes a line by Enter on a touch screen, where what one presses is large enough for a finger", async () => {
  const context = await browser.newContext({
    viewport: { width: 360, height: 700 },
    hasTouch: true,
    isMobile: true,
    storageState: await page.context().storageState(),
  });
  const phone = await context.newPage();
  await phone.goto(page.url());
  await reply(phone).waitFor();
  await box(phone).tap();
  await phone.keyboard.type("One");
  await phone.keyboard.press("Enter");
  await phone.keyboard.type("Two");
  expect(await box(phone).inputValue()).toBe("One\nTwo");
  const small = await phone
    .getByRole("main")
    .getByRole("button")
    .evaluateAll((all) =>
      all
        .map((each) => ({ name: each.ariaLabel ?? each.textContent, box: each.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && (box.width < 44 || box.height < 44))
        .map(({ name }) => name),
    );
  expect(small).toEqual([]);
  expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  await isAccessible(phone);
  await phone.getByRole("button", { name: "Send" }).tap();
  await phone.getByLabel("You", { exact: true }).filter({ hasText: "One" }).waitFor();
  await phone.getByRole("button", { name: "Send" }).waitFor();
  // With a keyboard of its own.
  await box(phone).fill("By keyboard");
  await phone.keyboard.press("Control+Enter");
  await phone.getByLabel("You", { exact: true }).filter({ hasText: "By keyboard" }).waitFor();
  await context.close();
});

it("lets the reader scroll up while a long answer comes, shows the way to its end, and does not fold it there", async () => {
  await ask("long please");
  await reply().getByText("Line 150 of").waitFor();
  const atEnd = () => scroller().evaluate((each) => each.scrollHeight - each.scrollTop - each.clientHeight < 3);
  await expect.poll(atEnd).toBe(true);
  expect(await page.getByRole("button", { name: "To the end of the conversation" }).count()).toBe(0);
  await page.getByRole("status").getByText("The assistant is writing").waitFor();
  const top = await scroller().evaluate((each) => {
    each.scrollTop -= 50;
    return each.scrollTop;
  });
  await page.getByRole("button", { name: "To the end of the conversation" }).waitFor();
  endpoint.goOn();
  await reply().getByText("The end.").waitFor({ state: "attached" });
  await isDone();
  expect(await scroller().evaluate((each) => each.scrollTop)).toBe(top);
  await page.getByRole("button", { name: "To the end of the conversation" }).click();
  await expect.poll(atEnd).toBe(true);
  expect(await page.getByRole("button", { name: "Show all of it" }).count()).toBe(0);
  expect(await scroller().evaluate((each) => each.scrollHeight)).toBeGreaterThan(5_000);
  // Paper has no scroll bars: all of it is there.
  await page.emulateMedia({ media: "print" });
  expect(await page.getByText("The end.").evaluate((each) => each.getBoundingClientRect().bottom)).toBeGreaterThan(
    5_000,
  );
  expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeGreaterThan(5_000);
  expect(await box().isVisible()).toBe(false);
  expect(await page.getByRole("navigation").isVisible()).toBe(false);
  await page.emulateMedia({ media: "screen" });
});

it("shows sources, pictures and files, tables that scroll, tasks, and code in a face of one width", async () => {
  const picture =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const cells = "| Measured on a Tuesday | 1,234,567.89 | internationalisation | 2026-11-25T16:00:00Z | 0.000000001 |";
  const markdown = `${cells}\n|---|---|---|---|---|\n${cells}\n${cells}\n\n- [x] done\n- [ ] open\n\n\`iiii\` \`MMMM\`\n\n\`\`\`ts\nconst ${"long".repeat(60)} = 1;\n\`\`\`\n\n$x^2$ for $5 and $10, ~5 to ~10\n\n$$y$$`;
  await open([
    {
      role: "user",
      parts: [
        { type: "text", text: "Q" },
        { type: "file", mediaType: "image/png", filename: "dot.png", url: picture },
      ],
    },
    { role: "assistant", parts: [{ type: "text", text: markdown }] },
    { role: "user", content: "Sources?" },
    {
      role: "assistant",
      parts: [
        { type: "source-url", sourceId: "1", url: "https://example.com/a", title: "An example" },
        { type: "source-url", sourceId: "2", url: "javascript:alert(1)", title: "No address" },
        { type: "source-document", sourceId: "3", mediaType: "application/pdf", title: "A document" },
        { type: "file", mediaType: "image/png", url: picture },
        { type: "file", mediaType: "text/csv", filename: "numbers.csv", url: "data:text/csv,1" },
      ],
    },
  ]);
  await reply().getByRole("link", { name: "An example" }).waitFor();
  await reply().getByText("A document").waitFor();
  expect(await reply().getByRole("link", { name: "No address" }).count()).toBe(0);
  expect(
    await reply()
      .getByRole("img")
      .evaluate((each) => (each as HTMLImageElement).naturalWidth),
  ).toBe(1);
  await reply().getByRole("link", { name: "numbers.csv" }).waitFor();
  expect(await page.getByText("The assistant answered nothing.").count()).toBe(0);

  const table = page.getByRole("table");
  expect(await table.evaluate((each) => each.scrollWidth > (each.parentElement?.clientWidth ?? 0))).toBe(true);
  expect(
    await page
      .getByRole("cell", { name: "1,234,567.89" })
      .first()
      .evaluate((each) => each.clientHeight),
  ).toBeLessThan(50);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(900);
  const widths = await Promise.all(["iiii", "MMMM"].map((text) => page.getByText(text, { exact: true }).boundingBox()));
  expect(widths[0]?.width).toBe(widths[1]?.width);
  await page.locator(".katex-display").waitFor();
  expect(await page.locator(".katex").count()).toBe(2);
  await page.getByText("for $5 and $10, ~5 to ~10").waitFor();
  await page.locator("[data-streamdown=code-block] span[style*='--']").first().waitFor();
  await isAccessible(page);

  // The picture of a question stays with the question when its words are changed.
  await page.getByLabel("You", { exact: true }).first().hover();
  await page.getByRole("button", { name: "Edit" }).first().click();
  await page.getByRole("textbox", { name: "Your question" }).fill("Another Q");
  await page.keyboard.press("Control+Enter");
  await page.getByText("2 of 2").waitFor();
  await isDone();
  await page.getByLabel("You", { exact: true }).getByRole("img", { name: "dot.png" }).waitFor();
});

it("sets Arabic and Hebrew from right to left, and code from left to right", async () => {
  await open([
    { role: "user", content: "مرحبا، كيف حالك؟" },
    {
      role: "assistant",
      content:
        "أهلاً\n\n- واحد\n- اثنان\n\n> اقتباس\n\n| اسم | عدد |\n|---|---|\n| تفاح | 3 |\n\n`const a`\n\nPlain words",
    },
  ]);
  await page.getByRole("table").waitFor();
  const inReply = (selector: string) => reply().locator(selector).first();
  for (const selector of ["p", "ul", "blockquote", "table"])
    expect(await styleOf(inReply(selector), "direction"), selector).toBe("rtl");
  expect(await styleOf(inReply("ul"), "padding-right")).toBe("24px");
  expect(await styleOf(inReply("ul"), "padding-left")).toBe("0px");
  expect(await styleOf(inReply("code"), "direction")).toBe("ltr");
  expect(await styleOf(reply().getByText("Plain words"), "direction")).toBe("ltr");
  expect(await styleOf(page.getByLabel("You", { exact: true }).locator("p"), "direction")).toBe("rtl");
  expect(await styleOf(page.getByRole("navigation").getByText("مرحبا، كيف حالك؟"), "direction")).toBe("rtl");
  await box().fill("שלום");
  expect(await styleOf(box(), "direction")).toBe("rtl");
  await box().fill("");
  await isAccessible(page);
});

it("copies where the browser lends no clipboard, says so when it cannot, and stays when a file is dropped", async () => {
  const plain = await page.context().newPage();
  // What a page that came by plain http from another machine finds.
  await plain.addInitScript(() =>
    Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined, configurable: true }),
  );
  await plain.goto(page.url());
  await plain.getByLabel("Assistant").hover();
  await plain.evaluate(() =>
    document.addEventListener("copy", () => {
      document.title = String(getSelection());
    }),
  );
  await plain.getByLabel("Assistant").getByRole("button", { name: "Copy", exact: true }).click();
  await plain.getByRole("button", { name: "Copied" }).waitFor();
  expect(await plain.title()).toContain("Plain words");
  await plain.evaluate(() => {
    document.execCommand = () => false;
  });
  await plain.getByLabel("You", { exact: true }).hover();
  await plain.getByLabel("You", { exact: true }).getByRole("button", { name: "Copy", exact: true }).click();
  await plain.getByText("This could not be copied").waitFor();
  const dropped = await plain.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["x"], "x.txt"));
    return transfer;
  });
  const isStopped = (type: string, target: string) =>
    plain.evaluate(
      ([type, target, dataTransfer]) =>
        !document.querySelector(target as string)?.dispatchEvent(
          new DragEvent(type as string, {
            dataTransfer: dataTransfer as DataTransfer,
            bubbles: true,
            cancelable: true,
          }),
        ),
      [type, target, dropped] as const,
    );
  for (const target of ["body", "#message", "nav"]) {
    expect(await isStopped("dragover", target)).toBe(true);
    expect(await isStopped("drop", target)).toBe(true);
  }
  await plain.getByRole("button", { name: "Remove x.txt" }).nth(2).waitFor();
  await plain.close();
});

it("does not send what an input method is composing", async () => {
  await page.getByRole("link", { name: "New chat" }).click();
  await box().fill("にほん");
  // As Safari has it: composing is over, and then comes the Enter that ended it.
  await box().evaluate((each) =>
    each.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true })),
  );
  expect(await box().inputValue()).toBe("にほん");
  expect(await page.getByRole("article").count()).toBe(0);
  await box().fill("");
});

it("keeps the focus after Stop, after renaming, and after editing", async () => {
  await ask("long please");
  await reply().getByText("Line 150 of").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  expect(await box().evaluate((each) => each === document.activeElement)).toBe(true);
  await reply().getByText("Stopped.").waitFor({ state: "attached" });
  endpoint.goOn();
  const row = page
    .getByRole("navigation")
    .getByRole("link", { name: /^long please/ })
    .first();
  await row.hover();
  await page.getByRole("button", { name: "More for long please" }).first().click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("Renamed");
  await page.keyboard.press("Enter");
  const renamed = page.getByRole("navigation").getByRole("link", { name: /^Renamed/ });
  await renamed.waitFor();
  await expect.poll(() => renamed.evaluate((each) => each === document.activeElement)).toBe(true);
  await page.getByLabel("You", { exact: true }).hover();
  await page.getByRole("button", { name: "Edit" }).click();
  await page.keyboard.press("Escape");
  await expect
    .poll(() => page.getByLabel("You", { exact: true }).evaluate((each) => each === document.activeElement))
    .toBe(true);
});

it("prints the whole conversation, also what has not been read yet", async () => {
  const pair = (_: unknown, index: number) => ({ role: index % 2 ? "assistant" : "user", content: `Number ${index}` });
  await open(Array.from({ length: 90 }, pair));
  await page.getByText("Number 89").waitFor();
  await page.evaluate(() => {
    window.print = () => {
      document.title = `printed ${document.querySelectorAll("article").length}`;
    };
  });
  await page.keyboard.press("Control+p");
  await expect.poll(() => page.title()).toBe("printed 90");
});

it("says everything in German that it says at all", async () => {
  const context = await browser.newContext({ locale: "de-DE", viewport: { width: 1200, height: 800 } });
  const german = await context.newPage();
  const isGerman = async () => {
    const said = await german.evaluate(() => {
      const names = ["aria-label", "title", "placeholder", "alt"];
      const labels = [...document.querySelectorAll("*")].flatMap((each) =>
        names.map((name) => each.getAttribute(name)),
      );
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) labels.push(texts.currentNode.textContent);
      return labels.map((label) => label?.trim() ?? "");
    });
    expect(said.filter((label) => english.has(label))).toEqual([]);
  };
  await german.goto(`${server.url}/account`);
  await german.getByLabel("E-Mail").fill("ann@example.com");
  await german.getByLabel("Passwort").fill("wrong horse");
  await german.getByRole("button", { name: "Anmelden" }).click();
  await german.getByText("E-Mail oder Passwort stimmt nicht.").waitFor();
  await isGerman();
  await german.getByLabel("Passwort").fill("correct horse");
  await german.getByRole("button", { name: "Anmelden" }).click();
  await german.getByRole("heading", { name: "Geräte" }).waitFor();
  await german.keyboard.press("Control+Shift+y");
  await german.getByText("Nichts zu tun.").waitFor();
  await isGerman();
  await german.goto(page.url());
  await german.getByText("Number 89").waitFor();
  await german.keyboard.press("Control+/");
  await german.getByRole("dialog", { name: "Tastenkürzel" }).waitFor();
  await isGerman();
  await german.goto(`${server.url}/c/nothing`);
  await german.getByText("Diese Unterhaltung gibt es nicht").waitFor();
  await german.getByRole("main").getByRole("link", { name: "Neuer Chat" }).click();
  await german.getByRole("textbox", { name: "Nachricht" }).fill("cut please");
  await german.keyboard.press("Enter");
  await german.getByRole("button", { name: "Fortsetzen" }).waitFor();
  await isGerman();
  await isAccessible(german);
  await context.close();
});

it("takes a conversation that goes on out of the archive", async () => {
  await open([
    { role: "user", content: "Of old" },
    { role: "assistant", content: "Yes." },
  ]);
  const row = page.getByRole("navigation").getByRole("link", { name: /^Of old/ });
  await row.hover();
  await page.getByRole("button", { name: "More for Of old" }).click();
  await page.getByRole("menuitem", { name: "Archive" }).click();
  await row.waitFor({ state: "detached" });
  await box().fill("And now?");
  await page.keyboard.press("Enter");
  await row.waitFor();
  await isDone();
});
