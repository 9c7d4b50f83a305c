import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { diagnose } from "../src/commands/doctor.ts";
import { importInto } from "../src/commands/import.ts";
import { exported } from "../src/transfer/export.ts";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let ann: Person;
let bob: Person;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "chatkeep-import-"));
  test = await openTestApp();
  [ann, bob] = [await test.signUp("ann"), await test.signUp("bob")];
});
afterAll(async () => {
  await test.close();
  rmSync(folder, { recursive: true });
});

interface Tree {
  message_id: string;
  text: string;
  role: string;
  rank?: number;
  replies: Tree[];
}

let made = 0;
const say = (role: string, text: string, replies: Tree[] = [], rank?: number): Tree => ({
  message_id: `m${++made}`,
  text,
  role,
  replies,
  ...(rank !== undefined && { rank }),
});

/** Two answers, of which the second was liked best, and a chain of 130 messages below that one. */
function bread() {
  let chain: Tree[] = [];
  for (let depth = 130; depth >= 1; depth -= 1)
    chain = [say(depth % 2 ? "prompter" : "assistant", `depth ${depth}`, chain)];
  const prompt = say("prompter", "How do I bake bread?", [
    say("assistant", "Badly.", [say("prompter", "Really?")], 1),
    say("assistant", "With love.", chain, 0),
  ]);
  return { message_tree_id: "bread", prompt };
}

function fileOf(...lines: (object | string)[]): string {
  const file = join(folder, `${lines.length}.jsonl`);
  writeFileSync(file, lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return file;
}

const load = (file: string, person: Person) => importInto(test.db, { format: "oasst", file, user: person.email }, 1);

it("imports trees with their branches; again changes nothing; another user gets copies", async () => {
  const cake = { message_tree_id: "cake", prompt: say("prompter", "And cake?", [say("assistant", "Likewise.")]) };
  const file = fileOf(bread(), "", cake);
  expect(await load(file, ann)).toMatchObject({ imported: 2, failed: 0, messages: 136 });
  const { items } = await ann.call<{ items: { id: string; title: string; messageCount: number }[] }>(
    "GET",
    "/api/conversations",
  );
  expect(items.map(({ title, messageCount }) => [title, messageCount]).sort()).toEqual([
    ["And cake?", 2],
    ["How do I bake bread?", 134],
  ]);
  const id = items.find(({ messageCount }) => messageCount === 134)?.id ?? "";
  const mine = test.store.forUser(ann.id);
  const best = await mine.messages.branch(id, { limit: 100 });
  expect(best.items.at(-1)?.content).toBe("depth 130");
  const top = await mine.messages.branch(id, { before: best.nextCursor ?? "", limit: 100 });
  expect(top.items.slice(0, 3).map(({ content }) => content)).toEqual([
    "How do I bake bread?",
    "With love.",
    "depth 1",
  ]);
  const all = await mine.messages.list(id, { after: 0, limit: 100 });
  const leaf = all.items.find(({ content }) => content === "Really?");
  const path = (await mine.messages.branch(id, { leafId: leaf?.id })).items;
  expect(path.map(({ content }) => content)).toEqual(["How do I bake bread?", "Badly.", "Really?"]);

  const before = await collect(ann);
  expect(await load(file, ann)).toMatchObject({ imported: 0, alreadyThere: 2, messages: 0 });
  expect(await collect(ann)).toEqual(before);
  expect(await load(file, bob)).toMatchObject({ imported: 2, messages: 136 });
  expect((await diagnose(test.db, "test")).checks.filter(({ ok }) => !ok)).toEqual([]);
});

it("reports lines that are wrong, and imports the others", async () => {
  const good = { message_tree_id: "good", prompt: say("prompter", "Fine") };
  const file = fileOf(
    "{",
    good,
    { message_tree_id: "bad", prompt: { ...say("prompter", "x"), role: "narrator" } },
    "[]",
  );
  const report = await load(file, ann);
  expect(report.conversations.map(({ line, outcome, error }) => [line, outcome, error])).toEqual([
    [1, "failed", "This line is not JSON."],
    [2, "imported", undefined],
    [3, "failed", expect.stringMatching(/^prompt\.role: /)],
    [4, "failed", expect.any(String)],
  ]);
});

it("refuses an unknown format, and a user who is not there", async () => {
  await expect(importInto(test.db, { format: "csv", file: "x", user: ann.email }, 1)).rejects.toThrow(
    /no format csv: the format is one of oasst/,
  );
  await expect(importInto(test.db, { format: "oasst", file: "x", user: "no@example.com" }, 1)).rejects.toThrow(
    /Nobody has signed up as no@example.com/,
  );
});

it("does both over HTTP, also with what is in the archive", async () => {
  const carl = await test.signUp("carl");
  const text = JSON.stringify(bread());
  const imported = await carl.request("POST", "/api/import?format=oasst", text, { "content-type": "text/plain" });
  expect(await imported.json()).toMatchObject({ failed: 0, imported: expect.any(Number) });
  const [first] = (await carl.call<{ items: { id: string }[] }>("GET", "/api/conversations")).items;
  await carl.call("PATCH", `/api/conversations/${first?.id}`, { archived: true });
  const response = await carl.request("GET", "/api/export");
  expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="chatkeep-.+\.jsonl"$/);
  const records = (await response.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.filter(({ archived }) => archived)).toMatchObject([{ id: first?.id }]);
  expect(records.filter(({ type }) => type === "message").length).toBeGreaterThan(10);
  const unknown = await carl.request("POST", "/api/import?format=csv", "x", { "content-type": "text/plain" });
  expect(unknown.status).toBe(422);
});

it("exports everything of a user, and nothing of another", async () => {
  await ann.call("POST", "/api/tasks", { title: "buy milk" });
  const records = await collect(ann);
  const count = (type: string) => records.filter((record) => record.type === type).length;
  expect([count("user"), count("task"), count("conversation")]).toEqual([1, 1, 3]);
  expect(count("message")).toBe(137);
  expect(JSON.stringify(records)).not.toContain(bob.id);
});

async function collect(person: Person) {
  const records = [];
  for await (const record of exported(test.db, test.store, { ...person, name: "x", createdAt: new Date(0) }))
    records.push(record);
  return records;
}
