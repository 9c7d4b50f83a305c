/** `npm run screens`: pictures of every screen of the running app, light, dark, and as on a phone, for the documentation. */
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { endServer, startServer, temporaryFolder } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { unpackChromium } from "./helpers/chromium.ts";

const target = process.argv[2] ?? fileURLToPath(new URL("../docs/screens/", import.meta.url));
const folder = temporaryFolder();
const [browser, server] = await Promise.all([
  unpackChromium().then(openBrowser),
  startServer({ CHATKEEP_DATA: folder.path }),
]);

const looks: Record<string, BrowserContextOptions> = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 780 }, colorScheme: "light", hasTouch: true, deviceScaleFactor: 2 },
};

const recipe = `A loaf with a dark crust wants a **wet dough** and a *hot pot*.

| Flour | Water | Salt |
|---|---|---|
| 500 g | 380 g | 10 g |

The share of water is $$380 / 500 = 76\\,\\%$$. As a program:

\`\`\`ts
const hydration = (water: number, flour: number) => water / flour;
console.log(\`\${hydration(380, 500) * 100} %\`);
\`\`\`

1. Mix, and let it rest for an hour.
2. Fold it four times, every half hour.
3. Bake it for 45 minutes at 240 °C.`;

async function say(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message", exact: true }).fill(text);
  await page.keyboard.press("Enter");
  await page.getByLabel("Assistant").last().waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
}

async function signUp(page: Page): Promise<void> {
  await page.goto(server.url);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByLabel("Name").fill("Ann");
  await page.getByLabel("E-mail").fill("ann@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
}

/** Some conversations to show, of which one has another version of its question. */
async function furnish(page: Page): Promise<string> {
  for (const text of ["What should I read next?", "Plan a week in Lisbon", "My name is Ann."]) {
    await page.getByRole("link", { name: "New chat" }).click();
    await say(page, text);
  }
  await page.getByRole("link", { name: "New chat" }).click();
  for (const text of ["add buy flour", "add call grandmother", "done with the flour"]) await say(page, text);
  const id = await page.evaluate(async (content) => {
    const post = async (path: string, method: string, body: object) =>
      await fetch(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const messages = [
      { role: "user", content: "How do I bake bread?" },
      { role: "assistant", content: "With love." },
    ];
    const made = (await (await post("/api/conversations", "POST", { messages })).json()) as { id: string };
    const edited = [
      { role: "user", content: "How do I bake bread with a dark crust?", parentId: null },
      { role: "assistant", content },
    ];
    await post(`/api/conversations/${made.id}/messages`, "POST", { messages: edited });
    await post(`/api/conversations/${made.id}`, "PATCH", { pinned: true });
    const project = { name: "Bakery", instructions: "We bake with sourdough, in grams." };
    const { id: projectId } = (await (await post("/api/projects", "POST", project)).json()) as { id: string };
    for (const title of ["Opening hours", "A menu for autumn"])
      await post("/api/conversations", "POST", { title, metadata: { projectId }, messages });
    await post(`/api/conversations/${made.id}/tags`, "PUT", { tags: ["baking", "weekend"] });
    const gone = (await (await post("/api/conversations", "POST", { title: "An old idea", messages })).json()) as {
      id: string;
    };
    await fetch(`/api/conversations/${gone.id}`, { method: "DELETE" });
    return made.id;
  }, recipe);
  return id;
}

async function picture(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(700);
  await page.screenshot({ path: `${target}${name}.png` });
}

async function pictures(of: Browser, look: string, options: BrowserContextOptions, id: string): Promise<void> {
  const isPhone = look === "phone";
  const context = await of.newContext(options);
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByRole("heading", { name: "Sign in to chatkeep" }).waitFor();
  await picture(page, `sign-in-${look}`);
  await page.getByLabel("E-mail").fill("ann@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await picture(page, `empty-${look}`);
  await page.goto(`${server.url}/c/${id}`);
  await page.locator(".katex").first().waitFor();
  await picture(page, `chat-${look}`);
  await page.goto(`${server.url}/account`);
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  await picture(page, `account-${look}`);
  await page.goto(server.url);
  if (isPhone) {
    await page.getByRole("button", { name: "Show the conversations" }).click();
    await picture(page, `list-${look}`);
    await page.getByRole("button", { name: "Close the list" }).click({ position: { x: 350, y: 400 } });
  }
  await page.getByRole("button", { name: "Show the tasks" }).click();
  await picture(page, `tasks-${look}`);
  await page.getByRole("button", { name: "Hide the tasks" }).last().click();
  await page.keyboard.press("Control+/");
  await picture(page, `help-${look}`);
  await page.keyboard.press("Escape");
  await others(page, look, id);
  await context.close();
}

/** What is behind the chat's header, the list, and the account. */
async function others(page: Page, look: string, id: string): Promise<void> {
  const list = async () => {
    const opener = page.getByRole("button", { name: "Show the conversations" });
    if (look === "phone") await opener.click();
  };
  await page.goto(`${server.url}/c/${id}`);
  await page.locator(".katex").first().waitFor();
  await page.getByRole("button", { name: "Instructions for this chat" }).click();
  await page.getByText("How it answers").click();
  await picture(page, `instructions-${look}`);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("dialog").waitFor();
  await picture(page, `share-${look}`);
  await page.keyboard.press("Escape");
  await list();
  await page.getByRole("searchbox", { name: "Search chats" }).fill("bread");
  await page.getByText("With love.").or(page.locator("mark")).first().waitFor();
  await picture(page, `search-${look}`);
  await page.getByRole("searchbox", { name: "Search chats" }).fill("");
  await page.getByRole("link", { name: "Bakery" }).click();
  await page.getByRole("heading", { name: "Bakery" }).waitFor();
  await picture(page, `project-${look}`);
  await list();
  await page.getByRole("button", { name: "Trash" }).click();
  await page.getByText("An old idea").waitFor();
  await picture(page, `trash-${look}`);
  await page.goto(`${server.url}/admin`);
  await page.getByRole("main").getByText("ann@example.com").first().waitFor();
  await picture(page, `admin-${look}`);
  const { url } = await page.evaluate(async (conversationId) => {
    const body = JSON.stringify({ conversationId });
    const headers = { "content-type": "application/json" };
    return (await (await fetch("/api/shares", { method: "POST", headers, body })).json()) as { url: string };
  }, id);
  await page.goto(new URL(url, server.url).href);
  await picture(page, `shared-${look}`);
}

try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await signUp(page);
  const id = await furnish(page);
  await context.close();
  for (const [look, options] of Object.entries(looks)) await pictures(browser, look, options, id);
} finally {
  await browser.close();
  await endServer(server);
  folder.remove();
}
