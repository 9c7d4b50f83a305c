/** One small export of each product, as its files have it, and what becomes of it. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { fileIdOf, type Message } from "chatkeep";
import { createClient } from "chatkeep/client";
import { eq } from "drizzle-orm";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { user } from "../src/models/index.ts";
import { openArchive, writeArchive } from "../src/transfer/archive.ts";
import { importConversations } from "../src/transfer/conversations.ts";
import { exported, withBytes } from "../src/transfer/export.ts";
import { valuesOf } from "../src/transfer/values.ts";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let folder: string;
let made = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "chatkeep-formats-"));
  test = await openTestApp();
});
afterAll(async () => {
  await test.close();
  rmSync(folder, { recursive: true });
});

const somebody = (): Promise<Person> => test.signUp(`format${++made}`);

function write(bytes: string | Uint8Array): string {
  const file = join(folder, `file${++made}`);
  writeFileSync(file, bytes);
  return file;
}

function load(person: Person, path: string) {
  return importConversations(test.store.forUser(person.id), person.id, valuesOf(path));
}

/** What of a message matters here. */
function seen({ id, parentId, role, content, parts, metadata }: Message) {
  const kinds = parts?.map(({ type }) => type).join(" ");
  return [id, parentId, role, content, kinds, metadata ?? undefined].filter((value) => value !== undefined);
}

async function loaded(bytes: string | Uint8Array) {
  const person = await somebody();
  const file = write(bytes);
  const report = await load(person, file);
  const mine = test.store.forUser(person.id);
  const conversations = report.conversations.flatMap(({ conversationId }) => conversationId ?? []);
  const found = await Promise.all(
    conversations.map(async (id) => ({
      ...(await mine.conversations.get(id)),
      all: (await mine.messages.list(id, { after: 0 })).items,
    })),
  );
  // Importing again changes nothing.
  expect(await load(person, file)).toMatchObject({ imported: 0, alreadyThere: found.length, messages: 0 });
  return { report, found };
}

const json = (value: unknown) => JSON.stringify(value);
const at = "2024-05-28T18:08:55.014Z";

it("Open WebUI: branches, thoughts and tools out of its markup or its items, what is shown, archive", async () => {
  const details = (type: string, more: string, inner: string) => `<details type="${type}" ${more}>${inner}</details>`;
  const thought = details("reasoning", 'done="true"', "<summary>Thought</summary>\n&gt; Two\n&gt; and two");
  const tool = details(
    "tool_calls",
    'done="true" id="c1" name="weather" arguments="{&quot;city&quot;:&quot;Paris&quot;}" result="&quot;rain&quot;"',
    "<summary>Tool</summary>",
  );
  const message = (id: string, parentId: string | null, role: string, content: string, more = {}) => ({
    [id]: { id, parentId, childrenIds: [], role, content, timestamp: 1_700_000_000, ...more },
  });
  const chat = {
    id: "w1",
    title: "Weather",
    archived: true,
    pinned: false,
    created_at: 1_700_000_000,
    updated_at: 1_700_000_009,
    folder_id: "f",
    chat: {
      models: ["m-1"],
      system: "Be brief.",
      history: {
        currentId: "a1",
        messages: {
          ...message("q", null, "user", "How is it?"),
          ...message("a1", "q", "assistant", `${thought}\n${tool}\nIt rains.`, { model: "m-1" }),
          ...message("a2", "q", "assistant", "It rains, I think.", {
            output: [
              { type: "reasoning", content: [{ type: "output_text", text: "Hm." }] },
              { type: "function_call", call_id: "c2", name: "weather", arguments: "{}" },
              { type: "function_call_output", call_id: "c2", output: [{ type: "input_text", text: "rain" }] },
              { type: "message", content: [{ type: "output_text", text: "It rains, I think." }] },
            ],
          }),
        },
      },
    },
  };
  const { report, found } = await loaded(json([chat]));
  expect(report).toMatchObject({ imported: 1, failed: 0, messages: 3, faults: [], skipped: [] });
  const [conversation] = found;
  expect(conversation).toMatchObject({
    title: "Weather",
    archived: true,
    headId: "a1",
    model: "m-1",
    instructions: "Be brief.",
  });
  expect(conversation?.metadata).toEqual({ openwebui: { folder_id: "f" } });
  expect(conversation?.all.map(seen)).toEqual([
    ["q", null, "user", "How is it?", "text"],
    ["a1", "q", "assistant", "It rains.", "reasoning dynamic-tool text", { model: "m-1" }],
    ["a2", "q", "assistant", "It rains, I think.", "reasoning dynamic-tool text"],
  ]);
  expect(conversation?.all[1]?.parts).toMatchObject([
    { text: "Two\nand two" },
    { toolCallId: "c1", toolName: "weather", input: { city: "Paris" }, output: "rain", state: "output-available" },
    { text: "It rains." },
  ]);
  expect(conversation?.all[2]?.parts?.[1]).toMatchObject({ toolCallId: "c2", output: "rain" });
});

it("LibreChat: a list, a tree and blocks of content", async () => {
  const root = "00000000-0000-0000-0000-000000000000";
  const one = { isCreatedByUser: true, sender: "User", createdAt: at };
  const two = { isCreatedByUser: false, sender: "GPT", createdAt: at, model: "m-2" };
  const list = {
    conversationId: "l1",
    title: "List",
    recursive: false,
    exportAt: "08:12:16 GMT-0400",
    options: { model: "m-2" },
    messages: [
      { ...one, messageId: "q", parentMessageId: root, text: "A story" },
      { ...two, messageId: "a", parentMessageId: "q", text: "Once" },
      {
        ...two,
        messageId: "b",
        parentMessageId: "q",
        text: "",
        content: [
          { type: "think", think: "Hm" },
          { type: "tool_call", tool_call: { id: "t", name: "find", args: '{"q":1}', output: "found" } },
          { type: "text", text: { value: "Twice" } },
        ],
      },
    ],
  };
  const tree = {
    conversationId: "l2",
    title: "Tree",
    recursive: true,
    messagesTree: [
      { ...one, messageId: "q", text: "A story", children: [{ ...two, messageId: "a", text: "Once", children: [] }] },
    ],
  };
  const { report, found } = await loaded(json([list, tree]));
  expect(report).toMatchObject({ imported: 2, failed: 0, messages: 5, faults: [] });
  expect(found[0]?.all.map((message) => seen(message).slice(0, 5))).toEqual([
    ["q", null, "user", "A story", "text"],
    ["a", "q", "assistant", "Once", "text"],
    ["b", "q", "assistant", "Twice", "reasoning dynamic-tool text"],
  ]);
  expect(found[0]?.all[0]?.createdAt).toEqual(new Date(at));
  expect(found[1]?.all.map(({ id, parentId }) => [id, parentId])).toEqual([
    ["q", null],
    ["a", "q"],
  ]);
});

it("LobeHub: a topic with tools and branches; a dump of everything is refused with a sentence", async () => {
  const topic = {
    version: "2.0",
    title: "Hangzhou",
    exportedAt: at,
    messages: [
      { id: "m1", role: "user", content: "天气?", createdAt: at },
      {
        id: "m2",
        role: "assistant",
        content: "让我查",
        parentId: "m1",
        model: "m-3",
        createdAt: at,
        tools: [{ id: "t1", identifier: "web", apiName: "search", arguments: '{"query":"天气"}', type: "builtin" }],
      },
      {
        id: "m3",
        role: "tool",
        content: "多云",
        parentId: "m2",
        tool_call_id: "t1",
        createdAt: at,
        plugin: { apiName: "search" },
      },
      { id: "m4", role: "assistant", content: "多云。", parentId: "m3", createdAt: at },
      { id: "m5", role: "assistant", content: "晴。", parentId: "m1", createdAt: at },
    ],
  };
  const { report, found } = await loaded(json(topic));
  expect(report).toMatchObject({ imported: 1, failed: 0, messages: 5 });
  expect(found[0]?.all.map(({ id, parentId, role }) => [id, parentId, role])).toEqual([
    ["m1", null, "user"],
    ["m2", "m1", "assistant"],
    ["m3", "m2", "tool"],
    ["m4", "m3", "assistant"],
    ["m5", "m1", "assistant"],
  ]);
  expect(found[0]?.all[1]?.parts?.[1]).toMatchObject({
    toolName: "web/search",
    input: { query: "天气" },
    output: "多云",
  });
  const dump = await load(await somebody(), write(json({ version: 7, state: { messages: [], topics: [] } })));
  expect(dump).toMatchObject({ failed: 1, conversations: [{ error: expect.stringContaining("one by one") }] });
});

it("Grok: an export as MongoDB writes it, in its ZIP", async () => {
  const time = { $date: { $numberLong: "1747000000000" } };
  const response = (_id: string, sender: string, message: string, more = {}) => ({
    response: { _id, sender, message, create_time: time, ...more },
  });
  const file = {
    conversations: [
      {
        conversation: { id: "g1", title: "Grok", create_time: "2025-05-11T21:46:40Z", starred: true },
        responses: [
          response("q", "human", "Hi"),
          response("a", "ASSISTANT", "Hello", { parent_response_id: "q", model: "grok-3" }),
          response("b", "grok-3", "", { parent_response_id: "q" }),
        ],
      },
      {
        conversation: { id: "g2", title: "Two" },
        responses: [response("q", "human", "One"), response("a", "assistant", "Two")],
      },
    ],
    projects: [],
  };
  const zip = zipSync({ "ttl/30d/prod-grok-backend.json": strToU8(json(file)), "ttl/assets/a.png": strToU8("x") });
  const { report, found } = await loaded(zip);
  expect(report).toMatchObject({
    imported: 2,
    messages: 4,
    faults: [],
    skipped: [{ reason: expect.stringContaining("1 files") }],
  });
  expect(report.conversations[0]?.leftOut).toEqual([{ messageId: "b", reason: "It has no content." }]);
  expect(found[0]).toMatchObject({ title: "Grok", pinned: true });
  expect(found[0]?.all.map(({ role, createdAt }) => [role, createdAt])).toEqual([
    ["user", new Date(1_747_000_000_000)],
    ["assistant", new Date(1_747_000_000_000)],
  ]);
  expect(found[1]?.all.map(({ parentId }) => parentId)).toEqual([null, "q"]);
});

it("DeepSeek: roles by fragments, thoughts, an answer stamped before its question", async () => {
  const node = (id: string, parent: string | null, message: object | null) => ({
    [id]: { id, parent, children: [], message },
  });
  const fragments = (...pairs: [string, string][]) => pairs.map(([type, content]) => ({ type, content }));
  const chat = {
    id: "d1",
    title: "Deep",
    inserted_at: at,
    updated_at: at,
    mapping: {
      ...node("root", null, null),
      ...node("1", "root", {
        inserted_at: "2024-05-28T18:08:57+00:00",
        files: [],
        fragments: fragments(["REQUEST", "Why?"]),
      }),
      ...node("2", "1", {
        inserted_at: at,
        model: "r1",
        files: [],
        fragments: [...fragments(["THINK", "Hm."], ["RESPONSE", "So."]), { type: "SEARCH", results: [1] }],
      }),
    },
  };
  const { report, found } = await loaded(json([chat]));
  expect(report).toMatchObject({ imported: 1, messages: 2, failed: 0 });
  expect(found[0]?.all.map(seen)).toEqual([
    ["1", null, "user", "Why?", "text"],
    ["2", "1", "assistant", "So.", "reasoning text data-deepseek-fragment", { model: "r1" }],
  ]);
});

it("Gemini: turns become conversations by silence or address, in any language, with Markdown for HTML", async () => {
  const turn = (time: string, title: string, html?: string, more = {}) => ({
    header: "Gemini Apps",
    title,
    time,
    products: ["Gemini Apps"],
    ...(html && { safeHtmlItem: [{ html }] }),
    ...more,
  });
  const english = [
    turn("2025-05-02T10:00:00.000Z", "Prompted Later", "<p>Yes</p>"),
    turn("2025-05-01T10:05:00.000Z", "Prompted And two?"),
    turn("2025-05-01T10:00:00.000Z", "Prompted One?", "<p>A <strong>list</strong></p><ul><li>x</li></ul>"),
    turn("2025-05-01T10:01:00.000Z", "Prompted Elsewhere", "<p>There</p>", {
      titleUrl: "https://gemini.google.com/app/abc",
    }),
  ];
  const { report, found } = await loaded(json(english));
  expect(report).toMatchObject({ imported: 3, messages: 7, failed: 0 });
  expect(found.map(({ title }) => title).sort()).toEqual(["Elsewhere", "Later", "One?"]);
  const one = found.find(({ title }) => title === "One?");
  expect(one?.all.map(({ role, content }) => [role, content])).toEqual([
    ["user", "One?"],
    ["assistant", "A **list**\n\n-   x"],
    ["user", "And two?"],
  ]);
  expect(report.conversations.flatMap(({ leftOut }) => leftOut.map(({ reason }) => reason))).toEqual([
    "The export has no answer to it.",
  ]);
  const german = Array.from({ length: 6 }, (_, n) =>
    turn(`2025-06-0${n + 1}T10:00:00Z`, `Prompt: Frage ${n}`, "<p>Ja</p>"),
  );
  expect((await loaded(json(german))).found.map(({ title }) => title)).toContain("Frage 3");
});

it("Copilot: both tables that it writes, in any order of time", async () => {
  const first =
    'Conversation,Time,Author,Message\nCake,2025-01-01T10:00:00,user,"How, exactly?"\nCake,2025-01-01T10:00:05,AI,"Like\nthis ""so"""\nTea,2025-01-02T10:00:00,user,Hot?\n';
  const { report, found } = await loaded(first);
  expect(report).toMatchObject({ imported: 2, messages: 3, failed: 0 });
  expect(found[0]).toMatchObject({ title: "Cake" });
  expect(found[0]?.all.map(({ role, content }) => [role, content])).toEqual([
    ["user", "How, exactly?"],
    ["assistant", 'Like\nthis "so"'],
  ]);
  const second =
    "CreatedAt,MessageContent,Author,ChatName\n2025-01-01T10:00:05Z,Like this,Copilot,Cake\n2025-01-01T10:00:00Z,How?,Human,Cake\n";
  expect((await loaded(second)).found[0]?.all.map(({ role, content }) => [role, content])).toEqual([
    ["user", "How?"],
    ["assistant", "Like this"],
  ]);
});

it("Vibe: a ZIP with a file for each chat", async () => {
  const row = (chatId: string, id: string, role: string, content: string, more = {}) => ({
    id,
    chatId,
    role,
    content,
    createdAt: at,
    files: [],
    ...more,
  });
  const zip = zipSync({
    "chat-1.json": strToU8(
      json([
        row("v1", "a", "user", "Bonjour"),
        row("v1", "b", "assistant", "", {
          contentChunks: [
            { type: "text", text: "Salut" },
            { type: "reference", ids: [1] },
          ],
        }),
      ]),
    ),
    "chat-2.json": strToU8(json([row("v2", "a", "user", "Encore")])),
  });
  const { report, found } = await loaded(zip);
  expect(report).toMatchObject({ imported: 2, messages: 3, failed: 0, faults: [] });
  expect(found[0]?.all.map(seen)).toEqual([
    ["a", null, "user", "Bonjour", "text"],
    ["b", "a", "assistant", "Salut", "data-vibe-chunk text"],
  ]);
});

it("the AI SDK: messages alone or in a chat, of version 4 too; ids, parts and metadata as they were", async () => {
  const parts = [
    { type: "text", text: "Hi" },
    { type: "tool-find", toolCallId: "t", state: "output-available", input: 1, output: 2 },
  ];
  const five = [
    { id: "q", role: "user", parts: [parts[0]] },
    { id: "a", role: "assistant", metadata: { n: 1 }, parts },
  ];
  const alone = await loaded(json(five));
  expect(
    alone.found[0]?.all.map(({ id, role, parts: kept, metadata }) => ({
      id,
      role,
      parts: kept,
      ...(metadata !== null && { metadata }),
    })),
  ).toEqual(five);
  const four = {
    id: "c4",
    title: "Four",
    messages: [
      { id: "1", role: "user", content: "Find it", createdAt: at },
      {
        id: "2",
        role: "assistant",
        content: "Found",
        toolInvocations: [{ toolCallId: "t", toolName: "find", args: { q: 1 }, state: "result", result: "it" }],
      },
    ],
  };
  const { found } = await loaded(json(four));
  expect(found[0]).toMatchObject({ id: "c4", title: "Four" });
  expect(found[0]?.all[1]?.parts).toMatchObject([
    { type: "dynamic-tool", toolName: "find", output: "it" },
    { type: "text", text: "Found" },
  ]);
});

it("ShareGPT and Open Assistant, as a list or as lines", async () => {
  const share = {
    id: "s1",
    conversations: [
      { from: "system", value: "Be kind." },
      { from: "human", value: "Hi" },
      { from: "gpt", value: "Hello" },
    ],
  };
  for (const bytes of [json([share]), json(share), `${json(share)}\n`]) {
    const { found } = await loaded(bytes);
    expect(found[0]?.all.map(({ role, content }) => [role, content])).toEqual([
      ["system", "Be kind."],
      ["user", "Hi"],
      ["assistant", "Hello"],
    ]);
  }
  const tree = (n: number) => ({
    message_tree_id: `t${n}`,
    prompt: {
      message_id: `p${n}`,
      text: "Q",
      role: "prompter",
      replies: [{ message_id: `r${n}`, text: "A", role: "assistant", replies: [] }],
    },
  });
  const { report } = await loaded(`${json(tree(1))}\n${json(tree(2))}\n`);
  expect(report).toMatchObject({ imported: 2, messages: 4, faults: [] });
});

it("chatkeep's own export of a user, for another user", async () => {
  const ann = await somebody();
  const mine = test.store.forUser(ann.id);
  await mine.conversations.create({
    id: "own",
    title: "Own",
    metadata: { project: "x" },
    messages: [
      { id: "q", role: "user", content: "Keep" },
      { id: "a", role: "assistant", content: "Kept", metadata: { n: [1] } },
      { id: "gone", role: "user", content: "Secret" },
    ],
  });
  await mine.messages.redact("own", "gone");
  const lines = await (await ann.request("GET", "/api/export")).text();
  const { report, found } = await loaded(lines);
  expect(report).toMatchObject({ imported: 1, messages: 2, failed: 0, faults: [] });
  expect(found[0]).toMatchObject({ id: "own", title: "Own", metadata: { project: "x" } });
  expect(found[0]?.all.map(seen)).toEqual([
    ["q", null, "user", "Keep"],
    ["a", "q", "assistant", "Kept", { n: [1] }],
  ]);
  expect(report.conversations[0]?.leftOut).toEqual([{ messageId: "gone", reason: "It was deleted there." }]);
});

describe("files of chatkeep's own export", () => {
  const bytes = new Uint8Array(randomBytes(700_000));
  const [photo, note, twin] = ["photo.bin", "note.md", "twin.bin"];
  let ann: Person;
  let lines: string;
  beforeAll(async () => {
    ann = await somebody();
    const mine = test.store.forUser(ann.id);
    const put = async (name: string, data: Uint8Array) => {
      const { url, mediaType } = await mine.files.put({ name, data });
      return { type: "file", url, mediaType, filename: name, providerMetadata: { x: { y: 1 } } };
    };
    const parts = [
      await put(photo, bytes),
      { type: "text", text: "These" },
      await put(note, strToU8("# Flour")),
      await put(twin, bytes),
    ];
    await mine.conversations.create({ id: "with files", messages: [{ id: "q", role: "user", parts }] });
    await ann.call("POST", "/api/tasks", { title: "Buy flour" });
    lines = await (await ann.request("GET", "/api/export")).text();
  });

  async function expectAllOf(person: Person) {
    const theirs = test.store.forUser(person.id);
    const parts = (await theirs.messages.get("with files", "q")).parts ?? [];
    expect(parts.map(({ type, filename, text }) => filename ?? text ?? type)).toEqual([photo, "These", note, twin]);
    expect(parts[0]).toMatchObject({ providerMetadata: { x: { y: 1 } } });
    const read = (index: number) => theirs.files.read(fileIdOf(parts[index]?.["url"]) ?? "");
    expect(Buffer.from(await read(0)).equals(bytes)).toBe(true);
    expect(Buffer.from(await read(3)).equals(bytes)).toBe(true);
    expect(Buffer.from(await read(2)).toString()).toBe("# Flour");
  }

  it("come along with its lines, in their place, for another user and for its own", async () => {
    const bob = await somebody();
    const path = write(lines);
    const report = await load(bob, path);
    expect(report).toMatchObject({ imported: 1, messages: 1, faults: [] });
    expect(report.conversations[0]?.leftOut).toEqual([]);
    expect(report.skipped).toEqual([{ file: path, reason: expect.stringMatching(/A task .* restore/) }]);
    await expectAllOf(bob);
    expect(await load(bob, path)).toMatchObject({ imported: 0, alreadyThere: 1, messages: 0 });
    expect((await test.store.forUser(bob.id).files.list()).items).toHaveLength(3);
    expect(await load(ann, path)).toMatchObject({ imported: 0, alreadyThere: 1, failed: 0 });
    expect((await test.store.forUser(ann.id).files.list()).items).toHaveLength(3);
    await expectAllOf(ann);
  });

  it("come along with its archive", async () => {
    const people = async function* () {
      const [person] = await test.db.select().from(user).where(eq(user.id, ann.id));
      if (person) yield exported(test.db, test.store, person);
    };
    const archive = writeArchive(people(), (id, fileId) => test.store.forUser(id).files.stream(fileId));
    const carl = await somebody();
    const report = await load(carl, write(await buffer(archive)));
    expect(report).toMatchObject({ imported: 1, messages: 1, failed: 0, faults: [] });
    expect(report.conversations[0]?.leftOut).toEqual([]);
    await expectAllOf(carl);
  });

  it("that are cut off, changed or named like a path are left out, and named", async () => {
    const rows = lines.trimEnd().split("\n");
    const isBytes = (row: string) => row.startsWith('{"type":"bytes"');
    const cut = rows.filter((row, index) => !(isBytes(row) && isBytes(rows[index - 1] ?? "")));
    const changed = cut.map((row) => row.replaceAll(/"hash":"[0-9a-f]{64}"/g, '"hash":"../../../../tmp/x"'));
    for (const text of [cut, changed]) {
      const report = await load(await somebody(), write(text.join("\n")));
      expect(report).toMatchObject({ imported: 1, failed: 0 });
      expect(report.conversations[0]?.leftOut).toContainEqual({
        messageId: "q",
        reason: "The bytes of photo.bin are not in this export.",
      });
    }
  });

  it("that are removed while it is written end neither the lines nor the archive", async () => {
    const dora = await somebody();
    const mine = test.store.forUser(dora.id);
    const [lone, one, two] = [
      await mine.files.put({ name: "lone.bin", data: strToU8("lone") }),
      await mine.files.put({ name: "one.bin", data: strToU8("same") }),
      await mine.files.put({ name: "two.bin", data: strToU8("same") }),
    ];
    const [person] = await test.db.select().from(user).where(eq(user.id, dora.id));
    if (!person) throw new Error("She was signed up.");
    // Newest first, so that it is the first of the two with the same bytes that goes.
    const removing = async function* () {
      for await (const record of exported(test.db, test.store, person)) {
        if (record["id"] === two.id) {
          await mine.files.remove(two.id);
          await mine.files.remove(lone.id);
        }
        yield record;
      }
    };
    const path = write(
      await buffer(
        writeArchive(
          (async function* () {
            yield removing();
          })(),
          (_, fileId) => mine.files.stream(fileId),
        ),
      ),
    );
    const archive = await openArchive(path);
    const hashes: string[] = [];
    for await (const { hash } of archive.attachments()) hashes.push(hash);
    expect(hashes).toEqual([one.hash]);

    const again = await mine.files.put({ name: "again.bin", data: strToU8("again") });
    const told: unknown[] = [];
    for await (const record of withBytes(exported(test.db, test.store, person), mine)) {
      if (record["id"] === again.id) await mine.files.remove(again.id);
      told.push([record.type, record["fileId"]]);
    }
    expect(told).toEqual([
      ["user", undefined],
      ["file", undefined],
      ["deleted", again.id],
      ["file", undefined],
      ["bytes", undefined],
    ]);
  });
});

it("a ZIP of more files than are held at once is refused with what to do", async () => {
  // The end of a central directory that counts 300,000 entries (APPNOTE 4.3.14 to 4.3.16).
  const directory = new DataView(new ArrayBuffer(56 + 20 + 22));
  directory.setUint32(0, 0x06064b50, true);
  directory.setBigUint64(4, 44n, true);
  for (const place of [24, 32]) directory.setBigUint64(place, 300_000n, true);
  directory.setUint32(56, 0x07064b50, true);
  directory.setUint32(56 + 16, 1, true);
  directory.setUint32(76, 0x06054b50, true);
  for (const place of [84, 86]) directory.setUint16(place, 0xffff, true);
  for (const place of [88, 92]) directory.setUint32(place, 0xffffffff, true);
  const report = await load(await somebody(), write(new Uint8Array(directory.buffer)));
  expect(report.faults).toEqual([
    { file: expect.any(String), fault: expect.stringMatching(/200000 files: unpack it/) },
  ]);
});

it("a folder of exports of several products, with other files and a shard that is missing", async () => {
  const place = join(folder, "all");
  mkdirSync(join(place, "inner"), { recursive: true });
  writeFileSync(
    join(place, "inner", "share.jsonl"),
    `${json({ id: "f1", conversations: [{ from: "human", value: "Hi" }] })}\n`,
  );
  writeFileSync(join(place, "users.json"), json([{ email: "a@b.c" }]));
  writeFileSync(join(place, "photo.png"), "x");
  writeFileSync(join(place, "My Activity.html"), "<p>");
  const manifest = {
    version: 1,
    logical_files: {
      "conversations.json": { files: ["conversations-000.json", "conversations-001.json"], sharded: true },
    },
  };
  const chat = {
    id: "f2",
    mapping: {
      n: { id: "n", message: { author: { role: "user" }, content: { content_type: "text", parts: ["Hi"] } } },
    },
  };
  const zip = {
    "export_manifest.json": strToU8(json(manifest)),
    "conversations-000.json": strToU8(json([chat])),
    "again.zip": strToU8("PK"),
  };
  writeFileSync(join(place, "chatgpt.zip"), zipSync(zip));
  const report = await load(await somebody(), place);
  expect(report).toMatchObject({ imported: 2, failed: 0, messages: 2 });
  expect(report.faults).toEqual([
    { file: "conversations-001.json", fault: "Its export names it, and it is not in this ZIP." },
  ]);
  expect(report.skipped.map(({ file }) => file.replace(place, "."))).toEqual([
    "My Activity.html",
    "chatgpt.zip/again.zip",
    "users.json",
    ".",
  ]);
});

it("keeps what a reader does not know, up to a size, and names the rest", async () => {
  const message = (id: string, metadata: object) => ({
    [id]: {
      id,
      parent: null,
      message: {
        id,
        author: { role: "user" },
        content: { content_type: "text", parts: [id] },
        metadata,
        update_time: 5,
      },
    },
  });
  const chat = {
    id: "k1",
    gizmo_id: "g-1",
    huge: "x".repeat(20_000),
    create_time: "never",
    mapping: {
      ...message("small", { request_id: "r" }),
      ...message("large", { blob: "y".repeat(20_000), request_id: "r" }),
    },
  };
  const { report, found } = await loaded(json(chat));
  expect(found[0]?.metadata).toEqual({ chatgpt: { gizmo_id: "g-1" } });
  expect(found[0]?.all.map(({ metadata }) => metadata)).toEqual([
    { chatgpt: { update_time: 5, metadata: { request_id: "r" } } },
    { chatgpt: { update_time: 5, metadata: { request_id: "r" } } },
  ]);
  expect(report.conversations[0]?.leftOut.map(({ reason }) => reason)).toEqual([
    "Too long to be kept beside it: blob.",
    "Its time is no time, or lies before 1970 or in the future: it has the time of the import.",
    "Too long to be kept beside it: huge.",
  ]);
});

describe("over HTTP", () => {
  const share = (n: number) => ({ id: `h${n}`, conversations: [{ from: "human", value: `Hi ${n}` }] });
  const clientOf = ({ token }: Person) =>
    createClient({
      baseUrl: "http://chatkeep.test/api",
      headers: { authorization: `Bearer ${token}` },
      fetch: async (input, init) => test.app.request(String(input), init),
    });

  it("a file is stored with its progress, its report names what was left out, and again changes nothing", async () => {
    const person = await somebody();
    const bytes = zipSync({
      "a.json": strToU8(json([1, 2, 3].map(share))),
      "b.json": strToU8("[{}]"),
      "c.png": strToU8("x"),
    });
    const told: [number, number][] = [];
    const onProgress = (read: number, total: number) => void told.push([read, total]);
    const send = () => clientOf(person).importFile(new Blob([bytes]), { name: "all.zip", onProgress });
    const report = await send();
    expect(report).toMatchObject({ imported: 3, messages: 3, failed: 0, faults: [], conversations: [] });
    expect(report.skipped.map(({ file }) => file)).toEqual(["b.json", "all.zip"]);
    expect(told.at(-1)?.[1]).toBe(bytes.length);
    expect(await send()).toMatchObject({ imported: 0, alreadyThere: 3 });
    const { items } = await test.store.forUser(person.id).conversations.list();
    expect(items).toHaveLength(3);
  });

  it("what is refused is refused with a code: nobody's, too many rows, too large", async () => {
    const send = (headers: Record<string, string>, body = "[]") =>
      test.app.request("/api/import/file", { method: "POST", headers, body });
    expect((await send({})).status).toBe(401);
    const few = await openTestApp({ database: test.database, limits: { rowsPerHour: 2 } });
    const person = await few.signUp("few");
    const authorization = `Bearer ${person.token}`;
    const answer = await few.app.request("/api/import/file", {
      method: "POST",
      headers: { authorization },
      body: json([1, 2, 3].map(share)),
    });
    const last = (await answer.text()).trim().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toMatchObject({ type: "failed", error: { code: "rate_limited" } });
    await few.close();
    const large = await send({
      authorization: `Bearer ${(await somebody()).token}`,
      "content-length": String(5 * 1024 ** 3),
    });
    expect([large.status, ((await large.json()) as { error: { code: string } }).error.code]).toEqual([
      413,
      "too_large",
    ]);
  });

  it("whoever leaves ends it; what was stored stays, and the same file brings in the rest", async () => {
    const person = await somebody();
    const many = json(Array.from({ length: 9_000 }, (_, n) => share(n)));
    const leaving = new AbortController();
    const onProgress = () => leaving.abort();
    const sent = clientOf(person).importFile(new Blob([many]), { signal: leaving.signal, onProgress });
    await expect(sent).rejects.toMatchObject({ name: "AbortError" });
    const mine = test.store.forUser(person.id);
    const report = await clientOf(person).importFile(new Blob([many]));
    expect(report.imported + report.alreadyThere).toBe(9_000);
    expect((await mine.search({ text: "h" })).items).toBeDefined();
  });
});
