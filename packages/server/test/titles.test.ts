/** Titles by the model: after the first answer, and never over a title that a person gave. */
import { afterAll, expect, it } from "vitest";
import { titleIn } from "../src/assistant/titles.ts";
import { openTestApp } from "./helpers/app.ts";
import { scriptedModel, words } from "./helpers/models.ts";

const isTitle = (prompt: unknown) => JSON.stringify(prompt).includes("You name conversations");
let held = Promise.withResolvers<void>();
const model = scriptedModel(async function* (prompt) {
  if (!isTitle(prompt)) return yield* words(["With love."]);
  await held.promise;
  if (JSON.stringify(prompt).includes("break off")) throw new Error("secret words");
  yield* words(["“Bread with love.”"]);
});
const app = await openTestApp({ model, titles: true });
afterAll(() => app.close());

it("a title comes after the first answer in the background, with its tokens, moves nothing, and is no person's", async () => {
  const ann = await app.signUp("ann");
  const store = app.store.forUser(ann.id);
  const ask = async (id: string, text: string) => {
    const message = { role: "user", parts: [{ type: "text", text }] };
    return await (await ann.request("POST", "/api/chat", { id, message })).text();
  };
  const title = async (id: string) => (await store.conversations.get(id)).title;
  const settled = (count: number) => expect.poll(() => model.prompts.filter(isTitle).length).toBe(count);

  await ask("chat", "How do I bake?");
  await ask("renamed", "How do I bake?");
  await ask("same", "How do I bake?");
  await ask("broken", "break off");
  // Whoever asks has the answer, and goes on, while the titles are being made.
  await ask("chat", "And then?");
  expect(await title("chat")).toBe("How do I bake?");
  await ann.call("PATCH", "/api/conversations/renamed", { title: "Mine" });
  await ann.call("PATCH", "/api/conversations/same", { title: "How do I bake?" });
  await settled(4);
  const before = await store.conversations.list();
  held.resolve();
  await expect.poll(() => title("chat")).toBe("Bread with love");
  await expect.poll(() => app.lines.filter((line) => line.includes("there is no title")).length).toBe(1);
  expect(app.lines.join()).not.toContain("secret words");
  const after = await store.conversations.list();
  expect(after.items.map(({ id, updatedAt }) => [id, updatedAt])).toEqual(
    before.items.map(({ id, updatedAt }) => [id, updatedAt]),
  );
  expect([await title("renamed"), await title("same"), await title("broken")]).toEqual([
    "Mine",
    "How do I bake?",
    "break off",
  ]);
  // Of two answers and a title, seven tokens each.
  const spent = await app.database.query(
    "select r.output_tokens::text from run r join conversation c on c.id = r.conversation_id where c.external_id = $1 order by r.output_tokens",
    ["chat"],
  );
  expect(spent.flat()).toEqual(["7", "14"]);

  const [question] = (await store.messages.list("chat")).items;
  await store.messages.redact("chat", question?.id ?? "");
  expect(await title("chat")).toBe(null);
  held = Promise.withResolvers();
  await ann.call("POST", "/api/conversations", { id: "named", title: "By me" });
  await ask("named", "How do I bake?");
  await settled(5);
  held.resolve();
  await expect
    .poll(async () => (await app.database.query("select sum(output_tokens)::text from run"))[0]?.[0])
    .toBe("70");
  expect(await title("named")).toBe("By me");
});

it("a title is one line of at most eighty characters, without what models put around it", () => {
  expect(titleIn('<think>hm\n\nok</think>\n\n## **"Bread, and more."**\nMore')).toBe("Bread, and more");
  expect(titleIn("Title: A\u202e b\u0000\tc")).toBe("A b c");
  expect(titleIn("\n <think>never ends")).toBe(undefined);
  expect([...(titleIn("🍞".repeat(90)) ?? "")].length).toBe(80);
});
