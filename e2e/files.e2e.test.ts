import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { endServer, type RunningServer, startServer } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible, signUp } from "./helpers/page.ts";
import { serverDatabase } from "./helpers/server-database.ts";

let database: Record<string, string>;
const picture = readFileSync(new URL("../docs/screens/empty-phone.png", import.meta.url));
const note = { name: "note.md", mimeType: "text/markdown", buffer: Buffer.from("# Flour, water, salt") };
const photo = { name: "photo.png", mimeType: "image/png", buffer: picture };
let browser: Browser;
let server: RunningServer;
let page: Page;
const violations: string[] = [];

beforeAll(async () => {
  database = await serverDatabase();
  [browser, server] = await Promise.all([openBrowser(inject("chromium")), startServer(database)]);
  page = await (await browser.newContext()).newPage();
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) violations.push(message.text());
  });
  await page.goto(server.url);
  await signUp(page, "Ann");
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
});

const choose = () => page.getByLabel("Add files").and(page.locator("input"));
const chosen = (name: string) => page.getByRole("list", { name: "Files of your message" }).getByText(name);
const mine = () => page.getByLabel("You", { exact: true });

it("a picture and a text file are chosen, sent with a question, and there after a reload", async () => {
  await choose().setInputFiles([photo, note]);
  await page.getByText("2 files are ready to be sent.").waitFor({ state: "attached" });
  await isAccessible(page);
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("What is in these?");
  await page.keyboard.press("Enter");
  await mine().getByText("What is in these?").waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
  expect(await chosen("note.md").count()).toBe(0);
  await page.reload();
  const image = mine().getByRole("img", { name: "photo.png" });
  await image.waitFor();
  const width = () => image.evaluate((element) => (element as HTMLImageElement).naturalWidth);
  await expect.poll(width).toBeGreaterThan(100);
  await mine()
    .getByRole("link", { name: /note\.md 20 bytes/ })
    .waitFor();
  const downloading = page.waitForEvent("download");
  await mine().getByRole("link", { name: "Save note.md" }).click();
  expect(readFileSync(await (await downloading).path(), "utf8")).toBe("# Flour, water, salt");
  await isAccessible(page);

  await mine().getByRole("button", { name: "Show photo.png large" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "photo.png" }).waitFor();
  await isAccessible(page);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });

  const url = new URL((await image.getAttribute("src")) ?? "", server.url).href;
  expect((await page.request.get(url)).headers()).toMatchObject({ "content-type": "image/png" });
  const other = await (await browser.newContext()).newPage();
  await other.goto(server.url);
  await signUp(other, "Bob");
  expect((await other.request.get(url)).status()).toBe(404);
  await other.context().close();
});

it("files come in by dropping and pasting, wait as a draft, and are taken back by the keyboard", async () => {
  await page.goto(server.url);
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  const give = (type: "drop" | "paste", name: string) =>
    page.evaluate(
      ([type, name]) => {
        const data = new DataTransfer();
        data.items.add(new File([`The words of ${name}`], name, { type: "text/plain" }));
        const init = { bubbles: true, cancelable: true };
        const event =
          type === "drop"
            ? new DragEvent("drop", { ...init, dataTransfer: data })
            : new ClipboardEvent("paste", { ...init, clipboardData: data });
        document.getElementById("message")?.dispatchEvent(event);
      },
      [type, name] as const,
    );
  await give("drop", "dropped.txt");
  await give("paste", "pasted.txt");
  await page.getByText("2 files are ready to be sent.").waitFor({ state: "attached" });
  await page.reload();
  await chosen("dropped.txt").waitFor();
  await page.getByRole("button", { name: "Remove pasted.txt" }).focus();
  await page.keyboard.press("Enter");
  await chosen("pasted.txt").waitFor({ state: "hidden" });
  const kept = async () =>
    ((await (await page.request.get(`${server.url}/api/files`)).json()) as { items: unknown[] }).items.length;
  await expect.poll(kept).toBe(3);
  await page.getByRole("textbox", { name: "Message", exact: true }).focus();
  await page.keyboard.press("Enter");
  await mine()
    .getByRole("link", { name: /dropped\.txt/ })
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
});

it("what cannot be sent says why, and the message waits for what is on its way", async () => {
  await page.goto(server.url);
  await choose().setInputFiles([
    { name: "empty.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) },
    { name: "large.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(33 * 1024 * 1024, 1) },
    { name: `${"a".repeat(300)}.txt`, mimeType: "text/plain", buffer: Buffer.from("a") },
    { name: "data.zip", mimeType: "application/zip", buffer: Buffer.from("PK\x03\x04\x14\0") },
  ]);
  for (const sentence of ["This file is empty", "This file is too large: 32 MB", "is too long: 255 letters"]) {
    await page.getByRole("alert").filter({ hasText: sentence }).waitFor();
  }
  await page.getByText("the assistant reads only its name").waitFor();
  await isAccessible(page);
  expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
  for (const name of ["empty.txt", "large.bin", /^Remove a{300}/]) {
    await page.getByRole("button", { name: typeof name === "string" ? `Remove ${name}` : name }).click();
  }
  let goOn = () => {};
  const mayGoOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let tries = 0;
  await page.route("**/api/files?*", async (route) => {
    tries += 1;
    if (tries === 1) return await route.abort("connectionreset");
    await mayGoOn;
    await route.continue();
  });
  await choose().setInputFiles([note]);
  await page.getByRole("alert").filter({ hasText: "The server cannot be reached" }).waitFor();
  await page.getByRole("button", { name: "Send note.md again" }).click();
  await page.getByRole("progressbar", { name: "Sending note.md" }).waitFor();
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("And these?");
  await page.keyboard.press("Enter");
  await page.getByText("Your message is sent as soon as its files have arrived.").waitFor();
  goOn();
  await mine()
    .getByRole("link", { name: /note\.md/ })
    .first()
    .waitFor();
  await mine()
    .getByRole("link", { name: /data\.zip/ })
    .first()
    .waitFor();
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  expect(violations).toEqual([]);
});

it("a file that a reload has cut off is named, and one that another tab has sent is not sent twice", async () => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(server.url);
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await page.unroute("**/api/files?*");
  await page.route("**/api/files?*", () => {}, { times: 1 });
  await choose().setInputFiles([{ ...note, name: "cut-off.md" }]);
  await page.getByRole("progressbar", { name: "Sending cut-off.md" }).waitFor();
  await page.reload();
  await page.getByRole("alert").getByText("This file did not arrive").waitFor();
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("Read this.");
  expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
  await page.getByRole("button", { name: "Remove cut-off.md" }).click();
  await choose().setInputFiles([{ ...note, name: "twice.md" }]);
  await page.getByText("One file is ready to be sent.").waitFor({ state: "attached" });

  const second = await page.context().newPage();
  await second.goto(server.url);
  await second.getByRole("button", { name: "Remove twice.md" }).waitFor();
  await page.getByRole("button", { name: "Send" }).click();
  await mine()
    .getByRole("link", { name: /twice\.md/ })
    .first()
    .waitFor();
  await second.getByRole("button", { name: "Remove twice.md" }).waitFor({ state: "detached" });
  await second.close();
  await page.getByRole("button", { name: "Send" }).waitFor();
});

it("a question keeps its file when its words are changed, also when none are left", async () => {
  await mine().getByText("Read this.").hover();
  await mine().getByRole("button", { name: "Edit" }).click();
  const editing = page.getByRole("textbox", { name: "Your question" });
  await editing.fill("");
  await page
    .getByRole("link", { name: /twice\.md/ })
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Ask again" }).click();
  await mine()
    .getByRole("link", { name: /twice\.md/ })
    .first()
    .waitFor();
  expect(await mine().getByText("Read this.").count()).toBe(0);
});

it("a question that did not arrive comes back with its files, beside those that were added since", async () => {
  await page.goto(server.url);
  await choose().setInputFiles([{ ...note, name: "sent.md" }]);
  await page.getByText("One file is ready to be sent.").waitFor({ state: "attached" });
  await page.route("**/api/chat", (route) => route.abort());
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("Does it arrive?");
  await page.keyboard.press("Enter");
  await page.getByText("The server cannot be reached").waitFor();
  await choose().setInputFiles([{ ...note, name: "added.md" }]);
  await page.getByText("One file is ready to be sent.").waitFor({ state: "attached" });
  await page.reload();
  await chosen("sent.md").waitFor();
  await chosen("added.md").waitFor();
  await page.getByText("2 files are ready to be sent.").waitFor({ state: "attached" });
  await page.unroute("**/api/chat");
  await page.getByRole("button", { name: "Send" }).click();
  for (const name of [/sent\.md/, /added\.md/]) await mine().getByRole("link", { name }).first().waitFor();
  expect(await chosen("sent.md").count()).toBe(0);
});

it("a question whose file is gone meanwhile is asked without it", async () => {
  await page.goto(server.url);
  await choose().setInputFiles([{ name: "gone.md", mimeType: "text/markdown", buffer: Buffer.from("# Not for long") }]);
  await page.getByText("One file is ready to be sent.").waitFor({ state: "attached" });
  await page.evaluate(async () => {
    const { items } = (await (await fetch("/api/files")).json()) as { items: { id: string; name: string }[] };
    const file = items.find(({ name }) => name === "gone.md");
    await fetch(`/api/files/${file?.id}`, { method: "DELETE" });
  });
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("What did it say?");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Ask without the files" }).click();
  await page.getByRole("button", { name: "Send" }).waitFor();
  await page.reload();
  await mine().getByText("What did it say?").waitFor();
  expect(await page.getByText("gone.md").count()).toBe(0);
});
