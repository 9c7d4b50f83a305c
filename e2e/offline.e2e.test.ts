/** Reading without a network, in the browser: the app opens, and shows what it has kept of the last days; of one person alone. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { call, endServer, question, type RunningServer, startServer } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { isAccessible, picture, signUp } from "./helpers/page.ts";
import { startScriptedEndpoint } from "./helpers/scripted-endpoint.ts";
import { serverDatabase } from "./helpers/server-database.ts";

let database: Record<string, string>;
let browser: Browser;
let server: RunningServer;
let endpoint: Awaited<ReturnType<typeof startScriptedEndpoint>>;
let context: BrowserContext;
let page: Page;
const settings = () => ({ ...database, ...endpoint.environment });

beforeAll(async () => {
  database = await serverDatabase();
  endpoint = await startScriptedEndpoint({
    "ships please": { words: ["# Ships\n\nA **barque** has three masts: $a^2$.\n\n```ts\nconst masts = 3;\n```\n"] },
    "secret please": { words: ["Nobody keeps this."] },
  });
  [browser, server] = await Promise.all([openBrowser(inject("chromium")), startServer(settings())]);
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ["notifications"] });
  page = await context.newPage();
});
afterAll(async () => {
  await browser?.close();
  if (server) await endServer(server);
  await endpoint?.stop();
});

const box = () => page.getByRole("textbox", { name: "Message" });
const banner = (text: string) => page.getByRole("status").filter({ hasText: text });
/** The addresses of what is kept, without those of the server. */
const kept = () =>
  page.evaluate(async () => {
    if (!(await caches.has("chatkeep.kept"))) return [];
    const requests = await (await caches.open("chatkeep.kept")).keys();
    return requests.map(({ url }) => url.slice(location.origin.length));
  });
const signIn = async (name: string) => {
  await page.getByLabel("E-mail").fill(`${name}@example.com`);
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText(`${name}@example.com`).waitFor();
};
const ask = async (text: string, answer: string) => {
  await box().fill(text);
  await page.keyboard.press("Enter");
  await page.getByText(answer).first().waitFor();
  await page.getByRole("button", { name: "Another answer" }).waitFor({ state: "attached" });
};
const restart = async () => {
  const port = Number(new URL(server.url).port);
  server = await startServer(settings(), port);
};

it("opens without a server, with the list and the chats of the last days, and says so; and goes on when it is back", async () => {
  await page.goto(server.url);
  await signUp(page, "ann");
  await ask("ships please", "barque");
  const seen = page.url();
  // One that this browser has never opened.
  const token = await page.evaluate(async () => (await (await fetch("/api/auth/token")).json()).token as string);
  expect(
    (await call(server.url, "/api/chat", { id: "elsewhere", message: question("from elsewhere") }, token)).status,
  ).toBe(200);
  await page
    .getByRole("link", { name: /from elsewhere|New chat/ })
    .first()
    .waitFor();
  await page.goto(server.url);
  await page.getByRole("button", { name: "Temporary chat" }).click();
  await ask("secret please", "Nobody keeps this.");
  const temporary = page.url().split("/").at(-1) ?? "";
  await page.evaluate(() => navigator.serviceWorker.ready);
  await expect.poll(kept, { timeout: 30_000 }).toContain("/api/conversations/elsewhere/branch?limit=50");
  const own = `/api/conversations/${seen.split("/").at(-1)}`;
  await expect.poll(kept, { timeout: 30_000 }).toEqual(expect.arrayContaining([own, `${own}/branch?limit=50`]));
  expect((await kept()).filter((path) => path.includes(temporary))).toEqual([]);

  await endServer(server, "SIGKILL");
  await page.goto(seen);
  await page.getByText("barque").waitFor();
  await page.locator(".katex").waitFor();
  await page.getByText("const masts = 3;").waitFor();
  await banner("You see what this browser has kept").waitFor();
  await isAccessible(page);
  await picture(page, "without-a-server");
  await page.goto(`${server.url}/c/elsewhere`);
  await page.getByText("from elsewhere").first().waitFor();
  await box().fill("Written without a server");
  await page.reload();
  await expect.poll(() => box().inputValue()).toBe("Written without a server");
  await page.goto(`${server.url}/c/${temporary}`);
  await page.getByText("The server cannot be reached.").first().waitFor();
  expect(await page.getByText("Nobody keeps this.").count()).toBe(0);

  await page.goto(seen);
  await page.getByText("barque").waitFor();
  await restart();
  await ask("ships please", "barque");
  await expect.poll(() => banner("You see what").count()).toBe(0);
});

it("a chat that is deleted is kept no more; nothing is, when one signs out or switches it off", async () => {
  const id = page.url().split("/").at(-1) ?? "";
  await expect.poll(async () => (await kept()).some((path) => path.includes(id))).toBe(true);
  const token = await page.evaluate(async () => (await (await fetch("/api/auth/token")).json()).token as string);
  const deleted = await fetch(`${server.url}/api/conversations/${id}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${token}` },
  });
  expect(deleted.status).toBe(204);
  await expect.poll(async () => (await kept()).filter((path) => path.includes(id))).toEqual([]);

  await page.goto(`${server.url}/account`);
  const keep = page.getByLabel("Keep chats of the last days in this browser");
  await keep.uncheck();
  await expect.poll(kept).toEqual([]);
  await page.goto(`${server.url}/c/elsewhere`);
  await page.getByText("from elsewhere").first().waitFor();
  expect(await kept()).toEqual([]);
  await page.goto(`${server.url}/account`);
  await keep.check();
  await page.goto(`${server.url}/c/elsewhere`);
  await expect.poll(kept).toContain("/api/conversations/elsewhere/branch?limit=50");

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign out and delete it" }).click();
  await page.getByLabel("E-mail").waitFor();
  expect((await kept()).filter((path) => path.includes("conversations"))).toEqual([]);
  await endServer(server, "SIGKILL");
  await page.goto(`${server.url}/c/elsewhere`);
  await page.getByText("The server cannot be reached.").first().waitFor();
  expect(await page.getByText("from elsewhere").count()).toBe(0);
  await restart();
});

it("nothing that was kept for one is shown to the next, whose session came about elsewhere", async () => {
  await page.goto(server.url);
  await signIn("ann");
  await page.goto(`${server.url}/c/elsewhere`);
  await expect.poll(kept).toContain("/api/conversations/elsewhere/branch?limit=50");
  // Somebody else's session takes the place of ann's, without this page.
  const answer = await fetch(`${server.url}/api/auth/sign-up/email`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "bob", email: "bob@example.com", password: "correct horse" }),
  });
  const [cookie = ""] = answer.headers.getSetCookie();
  const [name = "", value = ""] = cookie.split(";")[0]?.split("=") ?? [];
  await context.addCookies([{ name, value, url: server.url }]);
  await page.goto(server.url);
  await page.getByText("bob@example.com").waitFor();
  await expect.poll(kept, { timeout: 30_000 }).toContain("/api/auth/get-session");
  expect((await kept()).filter((path) => path.includes("elsewhere"))).toEqual([]);
  await endServer(server, "SIGKILL");
  await page.goto(`${server.url}/c/elsewhere`);
  await page.getByText("bob@example.com").waitFor();
  await page.getByText("The server cannot be reached.").first().waitFor();
  expect(await page.getByText("from elsewhere").count()).toBe(0);
  await restart();
});

it("what was read right before one signs out is not kept after that", async () => {
  await context.clearCookies();
  await page.goto(server.url);
  await signIn("ann");
  await page.goto(`${server.url}/c/elsewhere`);
  await page.getByText("from elsewhere").first().waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("E-mail").waitFor();
  await signIn("bob");
  // What came before that would be there by then.
  await expect.poll(kept, { timeout: 30_000 }).toContain("/api/auth/get-session");
  expect((await kept()).filter((path) => path.includes("elsewhere"))).toEqual([]);
});

it("where a page may show no notices, as on phones, the worker does, and leads to the chat", async () => {
  await page.addInitScript(() => {
    class Refused {
      static permission = "granted";
      constructor() {
        throw new TypeError("Illegal constructor");
      }
    }
    Object.assign(window, { Notification: Refused });
    const shown: unknown[] = [];
    Object.assign(window, { shown });
    ServiceWorkerRegistration.prototype.showNotification = async (title, options) => void shown.push([title, options]);
    localStorage.setItem("chatkeep.notices", "on");
    Object.defineProperty(document, "hidden", { get: () => Boolean((window as { isAway?: boolean }).isAway) });
  });
  await page.goto(server.url);
  await page.evaluate(() => Object.assign(window, { isAway: true }));
  await ask("ships please", "barque");
  const shown = () => page.evaluate(() => (window as unknown as { shown: [string, { data: string }][] }).shown);
  await expect.poll(shown).toMatchObject([["The answer is ready", { data: expect.stringMatching(/^\/c\//) }]]);
  const [[, { data }] = ["", { data: "" }]] = await shown();
  await page.goto(server.url);
  const [worker] = context.serviceWorkers();
  await worker?.evaluate((path) => {
    // A page is brought to the front only for a notice that a person has pressed.
    const { prototype } = (self as unknown as { WindowClient: { prototype: { focus(): Promise<unknown> } } })
      .WindowClient;
    prototype.focus = async () => undefined;
    const event = new Event("notificationclick");
    self.dispatchEvent(Object.assign(event, { notification: { close() {}, data: path }, waitUntil() {} }));
  }, data);
  await page.waitForURL(`**${data}`);
});

it("the first load has less than 250 kB of script, as it comes over the network", async () => {
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(server.url.replace("127.0.0.1", "localhost"));
  await signUp(stranger, "cid");
  await stranger.getByRole("textbox", { name: "Message" }).waitFor();
  const bytes = await stranger.evaluate(() =>
    (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
      .filter(({ name }) => name.endsWith(".js"))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
  );
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThan(250_000);
});
