import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diagnose } from "../src/commands/doctor.ts";
import { importInto } from "../src/commands/import.ts";
import { addTask, changeTask, listTasks } from "../src/tasks.ts";
import { type ExportedRecord, exported } from "../src/transfer/export.ts";
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

const load = (file: string, person: Person) =>
  importInto(test.database, { format: "oasst", file, user: person.email }, 1);

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
  expect((await diagnose(test.database, "test")).checks.filter(({ ok }) => !ok)).toEqual([]);
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

it("an import again brings in what is missing, and who has gone on sees their own words still", async () => {
  const eve = await test.signUp("eve");
  const answer = say("assistant", "With flour.");
  const prompt = say("prompter", "How do I make dough?", [answer]);
  const tree = { message_tree_id: "dough", prompt };
  expect(await load(fileOf(tree), eve)).toMatchObject({ imported: 1, messages: 2 });
  const mine = test.store.forUser(eve.id);
  const [{ id } = { id: "" }] = (await mine.conversations.list()).items;
  const contents = async () => (await mine.messages.branch(id)).items.map(({ content }) => content);

  prompt.replies.push(say("assistant", "With water.", [], 1));
  expect(await load(fileOf(tree), eve)).toMatchObject({ imported: 1, alreadyThere: 0, messages: 1 });
  expect(await contents()).toEqual(["How do I make dough?", "With flour."]);
  expect((await mine.messages.list(id)).items).toHaveLength(3);

  await mine.messages.append(id, [{ role: "user", content: "Thank you" }]);
  expect(await load(fileOf(tree), eve)).toMatchObject({ imported: 0, alreadyThere: 1, messages: 0 });
  // As many messages are stored as the file has, and one of them is missing.
  prompt.replies.push(say("assistant", "With salt."));
  expect(await load(fileOf(tree), eve)).toMatchObject({ imported: 1, messages: 1 });
  expect(await contents()).toEqual(["How do I make dough?", "With flour.", "Thank you"]);
  answer.text = "Changed.";
  expect(await load(fileOf(tree), eve)).toMatchObject({ failed: 1, messages: 0 });
  expect((await mine.messages.list(id)).items).toHaveLength(5);
});

const tree = (name: string, text: string) =>
  JSON.stringify({ message_tree_id: name, prompt: { ...say("prompter", text), message_id: `${name}-1` } });

it("reads the lines of a file as those of a request", async () => {
  const lines: (string | Buffer)[] = [
    `\uFEFF${tree("bom", "with a mark")}\n`,
    `${tree("crlf", "with CRLF")}\r\n`,
    `${tree("separator", "raw \u2028 and \u2029 and \u0085")}\n`,
    "\n \t\r\n",
    Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n')]),
    `${tree("nul", "escaped \u0000")}\n`,
    `{"raw nul":"\u0000"}\n`,
    `\uFEFF${tree("second mark", "not at the beginning")}\n`,
    `"${"x".repeat(17 * 1024 * 1024)}"\n`,
    tree("last", "without an end"),
  ];
  const bytes = Buffer.concat(lines.map((line) => Buffer.from(line)));
  const file = join(folder, "lines.jsonl");
  writeFileSync(file, bytes);
  const frank = await test.signUp("frank");
  const grace = await test.signUp("grace");
  const fromFile = await load(file, frank);
  const response = await test.app.request("/api/import?format=oasst", {
    method: "POST",
    headers: { authorization: `Bearer ${grace.token}`, "content-type": "text/plain" },
    body: bytes,
  });
  const told = ({ conversations }: Pick<typeof fromFile, "conversations">) =>
    conversations.map(({ line, outcome, error }) => [line, error ?? outcome]);
  expect(told((await response.json()) as typeof fromFile)).toEqual(told(fromFile));
  expect(told(fromFile)).toEqual([
    [1, "imported"],
    [2, "imported"],
    [3, "imported"],
    [6, "This line is not UTF-8: save the file as UTF-8."],
    [7, "imported"],
    [8, "This line is not JSON."],
    [9, "This line is not JSON."],
    [10, "This line is longer than 16 MiB: split it."],
    [11, "imported"],
  ]);
  const mine = test.store.forUser(grace.id);
  const contents = [];
  for (const { id } of (await mine.conversations.list()).items)
    contents.push((await mine.messages.list(id)).items[0]?.content);
  expect(contents).toContain("raw \u2028 and \u2029 and \u0085");
  expect(contents).toContain("escaped \u0000");
});

/** As text: no function of ours could make it of objects. */
const deep = (name: string, levels: number) => {
  const open = Array.from(
    { length: levels },
    (_, level) => `{"message_id":"${name}-${level}","text":"${level}","role":"prompter","replies":[`,
  );
  return `{"message_tree_id":"${name}","prompt":${open.join("")}${"]}".repeat(levels)}}`;
};

it("a line that is too deep or too manifold is reported, and what comes after it is imported", async () => {
  const heidi = await test.signUp("heidi");
  const many = `{"message_tree_id":"many","prompt":{"message_id":"1","text":"x","role":"prompter","replies":[${Array(700_000).fill("{}").join()}]}}`;
  const wide = `{"message_tree_id":"wide","prompt":{"message_id":"1","text":"x","role":"prompter","replies":[${Array(200_000).fill("{}").join()}]}}`;
  const lines = [
    deep("deepest", 100_000),
    deep("deep", 8_000),
    many,
    wide,
    "[".repeat(5_000_000),
    '{"a":'.repeat(15_000),
    `{"message_tree_id":"x","prompt":${"[".repeat(15_000)}${"]".repeat(15_000)}}`,
    JSON.stringify({ message_tree_id: "n".repeat(10_000), prompt: { role: "x".repeat(10_000) } }),
    tree("after", "all of them"),
  ];
  const report = await load(fileOf(...lines), heidi);
  expect(report.conversations.map(({ line, outcome, messages }) => [line, outcome, messages])).toEqual([
    [1, "failed", 0],
    [2, "imported", 8_000],
    [3, "failed", 0],
    [4, "failed", 0],
    [5, "failed", 0],
    [6, "failed", 0],
    [7, "failed", 0],
    [8, "failed", 0],
    [9, "imported", 1],
  ]);
  expect(report.conversations[0]?.error).toBe("This line is nested more than 20000 levels deep: split it.");
  expect(report.conversations[2]?.error).toMatch(/^This line has more than 1000000 entries/);
  for (const { error = "" } of report.conversations) expect(error.length).toBeLessThan(310);
});

it("ten megabytes of rubbish are answered with a report that one can read", async () => {
  const ivan = await test.signUp("ivan");
  const text = `${tree("good", "one")}\n${"x\n".repeat(5_000_000)}`;
  const response = await ivan.request("POST", "/api/import?format=oasst", text, { "content-type": "text/plain" });
  const answer = await response.text();
  expect(answer.length).toBeLessThan(30_000);
  expect(JSON.parse(answer)).toMatchObject({
    imported: 1,
    failed: 1_000,
    omitted: 900,
    stopped: expect.stringMatching(/^Stopped after line 1001,/),
  });
  const mixed = Array.from({ length: 300 }, (_, index) => `${tree(`mixed-${index}`, "one")}\nx\n`).join("");
  const kept = await (
    await ivan.request("POST", "/api/import?format=oasst", mixed, { "content-type": "text/plain" })
  ).json();
  expect(kept).toMatchObject({ imported: 300, failed: 300, omitted: 400 });
  expect(kept).not.toHaveProperty("stopped");
  expect((kept as { conversations: object[] }).conversations).toHaveLength(200);
});

describe("an export has everything that was there, once,", () => {
  async function chatter(name: string, conversations: number) {
    const person = await test.signUp(name);
    const mine = test.store.forUser(person.id);
    const ids: string[] = [];
    for (let index = 0; index < conversations; index += 1) {
      const messages = [{ role: "user" as const, content: `Question ${index}` }];
      ids.push((await mine.conversations.create({ messages })).id);
    }
    const records = exported(test.db, test.store, { ...person, name, createdAt: new Date(0) });
    return { person, mine, ids, records };
  }

  it("though it is written to meanwhile", async () => {
    const { person, mine, ids, records } = await chatter("judy", 230);
    for (let index = 0; index < 120; index += 1) await addTask(test.db, person.id, { title: `Task ${index}` });
    const tasks = (await listTasks(test.db, person.id, { limit: 100 })).items;
    const read: ExportedRecord[] = [];
    for await (const record of records) {
      read.push(record);
      if (read.length === 3) {
        for (const { id } of tasks) await changeTask(test.db, person.id, id, { completed: true });
        await addTask(test.db, person.id, { title: "Late" });
      }
      if (read.length !== 160) continue;
      for (const id of ids.slice(0, 40)) await mine.messages.append(id, [{ role: "user", content: "Meanwhile" }]);
      for (const id of ids.slice(30, 60)) await mine.conversations.archive(id, true);
      for (const id of ids.slice(60, 90)) await mine.conversations.rename(id, "Renamed");
      for (const id of ids.slice(90, 120)) await mine.conversations.pin(id, true);
      await mine.conversations.create({ messages: [{ role: "user", content: "New" }] });
    }
    const of = (type: string) => read.filter((record) => record.type === type);
    const seen = of("conversation").map(({ id }) => String(id));
    expect(new Set(seen).size).toBe(seen.length);
    expect(ids.filter((id) => !seen.includes(id))).toEqual([]);
    const titles = of("task").map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles.filter((title) => title !== "Late")).toHaveLength(120);
    const first = of("message").filter(({ content }) => String(content).startsWith("Question"));
    expect(first).toHaveLength(230);
  });

  it("though conversations are deleted meanwhile, which is said of one whose messages were being read", async () => {
    const { mine, ids, records } = await chatter("kim", 30);
    const long = (await mine.conversations.create()).id;
    for (let index = 0; index < 6; index += 1) {
      const hundred = Array.from({ length: 100 }, () => ({ role: "user" as const, content: "One of many" }));
      await mine.messages.append(long, hundred);
    }
    const read: ExportedRecord[] = [];
    const gone = new Set<string>();
    for await (const record of records) {
      read.push(record);
      if (record.type === "conversation" && gone.size < 10) {
        const next = ids.find((id) => !gone.has(id) && !read.some((each) => each["id"] === id));
        if (next) await mine.conversations.delete(next);
        if (next) gone.add(next);
      }
      if (record["conversationId"] === long && record["seq"] === 50) await mine.conversations.delete(long);
    }
    const seen = read.filter(({ type }) => type === "conversation").map(({ id }) => String(id));
    for (const id of ids) expect([id, seen.includes(id)]).toEqual([id, !gone.has(id)]);
    expect(read.filter(({ type }) => type === "deleted")).toEqual([{ type: "deleted", conversationId: long }]);
    expect(read.filter(({ conversationId }) => conversationId === long)).toHaveLength(501);
  });

  it("also after a reader who left early", async () => {
    const { person, mine } = await chatter("leo", 40);
    const response = await person.request("GET", "/api/export");
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect((await mine.conversations.list()).items).toHaveLength(20);
    expect(await (await person.request("GET", "/api/export")).text()).toContain("Question 39");
  });
});

it("refuses an unknown format, and a user who is not there", async () => {
  await expect(importInto(test.database, { format: "csv", file: "x", user: ann.email }, 1)).rejects.toThrow(
    /no format csv: the format is one of oasst/,
  );
  await expect(importInto(test.database, { format: "oasst", file: "x", user: "no@example.com" }, 1)).rejects.toThrow(
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
