/** Titles by the model: after the first answer, and never over a title that a person gave. */
import type { Quota } from "chatkeep";
import { afterAll, expect, it } from "vitest";
import { titleIn } from "../src/assistant/titles.ts";
import { openTestApp } from "./helpers/app.ts";
import { scriptedModel, words } from "./helpers/models.ts";

const isTitle = (prompt: unknown) => JSON.stringify(prompt).includes("You name conversations");
let held = Promise.withResolvers<void>();
const model = scriptedModel(async function* (prompt) {
  if (JSON.stringify(prompt).includes("fail now")) throw new Error("failed");
  if (!isTitle(prompt)) return yield* words(["With love."]);
  await held.promise;
  if (JSON.stringify(prompt).includes("break off")) throw new Error("secret words");
  yield* words(["“Bread with love.”"]);
});
const quotas = new Map<unknown, Quota[]>();
const app = await openTestApp({ model, titles: true, quotas: (id) => quotas.get(id) ?? [] });
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
  await expect
    .poll(async () => (await app.database.query("select sum(output_tokens)::text from run"))[0]?.[0])
    .toBe("56");
});

it("no title is asked for where one was given, for a failed answer, by who has used up a quota, or for words that are gone", async () => {
  held = Promise.withResolvers();
  held.resolve();
  const bob = await app.signUp("bob");
  const store = app.store.forUser(bob.id);
  const asked = () => model.prompts.filter(isTitle).length;
  const ask = async (id: string, text: string) => {
    const message = { role: "user", parts: [{ type: "text", text }] };
    return await (await bob.request("POST", "/api/chat", { id, message })).text();
  };
  const before = asked();
  await bob.call("POST", "/api/conversations", { id: "given", title: "By me" });
  await ask("given", "How?");
  await store.import({ id: "brought", title: "By me too", messages: [{ id: "q", role: "user", content: "How?" }] });
  await ask("brought", "And?");
  await ask("fails", "fail now");
  await bob.call("POST", "/api/conversations", { id: "for a day", temporary: true });
  await ask("for a day", "How?");
  // One reply is more than this.
  const carl = await app.signUp("carl");
  quotas.set(carl.id, [{ of: "tokens", limit: 1 }]);
  const message = { role: "user", parts: [{ type: "text", text: "How?" }] };
  await (await carl.request("POST", "/api/chat", { id: "too much", message })).text();

  held = Promise.withResolvers();
  await ask("gone", "How do I bake?");
  await expect.poll(asked).toBe(before + 1);
  const [question] = (await store.messages.list("gone")).items;
  await store.messages.redact("gone", question?.id ?? "");
  held.resolve();
  const sums = async () => (await store.usage({ by: "day" })).items;
  // Seven tokens for each of the answers and for the title, which is no reply of its own; the one that failed said nothing.
  await expect.poll(async () => (await sums())[0]?.outputTokens).toBe(35);
  expect(await sums()).toMatchObject([{ replies: 5, inputTokens: 15 }]);
  expect(asked()).toBe(before + 1);
  expect((await app.store.forUser(carl.id).usage({ by: "day" })).items).toMatchObject([{ outputTokens: 7 }]);
  expect(await store.conversations.get("gone")).toMatchObject({ title: null, titleBy: null });
});

it("a title is one line of at most eighty characters, without what models put around it", () => {
  expect(titleIn('<think>hm\n\nok</think>\n\n## **"Bread, and more."**\nMore')).toBe("Bread, and more");
  expect(titleIn("Title: A\u202e b\u0000\tc")).toBe("A b c");
  expect(titleIn("\n <think>never ends")).toBe(undefined);
  expect([...(titleIn("🍞".repeat(90)) ?? "")].length).toBe(80);
});
