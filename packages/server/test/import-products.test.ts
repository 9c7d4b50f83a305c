import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, expect, it } from "vitest";
import { models } from "../src/models/index.ts";
import { importConversations } from "../src/transfer/conversations.ts";
import { valuesOf } from "../src/transfer/values.ts";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let folder: string;
let made = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "chatkeep-products-"));
  test = await openTestApp();
});
afterAll(async () => {
  await test.close();
  rmSync(folder, { recursive: true });
});

const somebody = (): Promise<Person> => test.signUp(`reader${++made}`);

function load(person: Person, bytes: string | Uint8Array) {
  const file = join(folder, `file${++made}`);
  writeFileSync(file, bytes);
  return importConversations(test.store.forUser(person.id), person.id, valuesOf(file));
}

const node = (id: string, parent: string | null, role: string, content: object, more = {}) => ({
  [id]: { id, parent, children: [], message: { id, author: { role }, create_time: 1.7e9, content, ...more } },
});
const words = (...parts: unknown[]) => ({ content_type: "text", parts });

const tea = {
  conversation_id: "tea",
  title: "Tea",
  create_time: 1.7e9,
  current_node: "a2",
  is_archived: true,
  mapping: {
    root: { id: "root", parent: null, children: ["hidden"], message: null },
    ...node("hidden", "root", "system", words("Be brief."), {
      metadata: { is_visually_hidden_from_conversation: true },
    }),
    ...node("empty", "hidden", "system", words("")),
    ...node("q", "empty", "user", words("How hot?"), { metadata: { attachments: [{ id: "f", name: "pot.png" }] } }),
    ...node("a1", "q", "assistant", words("Boiling.")),
    ...node("thought", "q", "assistant", {
      content_type: "thoughts",
      thoughts: [{ summary: "Heat", content: "Green?" }],
    }),
    ...node("a2", "thought", "assistant", words("80 degrees."), { metadata: { model_slug: "m-1" } }),
  },
};

const soup = {
  uuid: "soup",
  name: "Soup",
  created_at: "2024-01-02T03:04:05.000000Z",
  chat_messages: [
    { uuid: "q", sender: "human", text: "Salt?", parent_message_uuid: "00000000-0000-4000-8000-000000000000" },
    {
      uuid: "a",
      sender: "assistant",
      text: "",
      parent_message_uuid: "q",
      content: [
        { type: "thinking", thinking: "Taste it." },
        { type: "tool_use", id: "t", name: "taste", input: { spoon: 1 } },
        { type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "bland" }] },
        { type: "text", text: "Yes." },
      ],
    },
    { uuid: "b", sender: "assistant", text: "No.", content: [], parent_message_uuid: "q" },
  ],
};

it("brings in a tree of ChatGPT with its branches, and names what it does not keep", async () => {
  const ann = await somebody();
  const report = await load(ann, JSON.stringify([tea]));
  expect(report).toMatchObject({ imported: 1, failed: 0, messages: 5, faults: [] });
  expect(report.conversations[0]?.leftOut).toEqual([
    { messageId: "empty", reason: "It has no content." },
    { messageId: "q", reason: "The bytes of the attachment pot.png are not brought in." },
  ]);
  const mine = test.store.forUser(ann.id);
  expect(await mine.conversations.find("tea")).toMatchObject({
    title: "Tea",
    archived: true,
    createdAt: new Date(1.7e12),
  });
  const shown = (await mine.messages.branch("tea", {})).items;
  expect(shown.map(({ id, parentId }) => [id, parentId])).toEqual([
    ["hidden", null],
    ["q", "hidden"],
    ["thought", "q"],
    ["a2", "thought"],
  ]);
  expect(shown[0]?.metadata).toEqual({ hidden: true });
  expect(shown[2]?.parts).toEqual([{ type: "reasoning", text: "Heat\n\nGreen?" }]);
  expect(shown[3]).toMatchObject({ content: "80 degrees.", metadata: { model: "m-1" }, createdAt: new Date(1.7e12) });
});

it("brings in a chat of Claude with its tools and branches, from a ZIP; again changes nothing", async () => {
  const bob = await somebody();
  const zip = zipSync({ "data/conversations.json": strToU8(JSON.stringify([soup, tea])), "users.json": strToU8("[]") });
  expect(await load(bob, zip)).toMatchObject({ imported: 2, failed: 0, messages: 8, faults: [] });
  const mine = test.store.forUser(bob.id);
  const before = (await mine.messages.list("soup", { after: 0 })).items;
  expect(before.map(({ id, parentId }) => [id, parentId])).toEqual([
    ["q", null],
    ["a", "q"],
    ["b", "q"],
  ]);
  expect(before[1]?.parts?.find(({ type }) => type === "dynamic-tool")).toMatchObject({
    toolName: "taste",
    state: "output-available",
    input: { spoon: 1 },
  });
  expect(await load(bob, zip)).toMatchObject({ imported: 0, alreadyThere: 2, messages: 0 });
  expect((await mine.messages.list("soup", { after: 0 })).items).toEqual(before);
});

it("brings in what is whole of a file that was cut off, or half wrong, and says so", async () => {
  const carl = await somebody();
  const cut = await load(carl, JSON.stringify([tea, soup]).slice(0, -20));
  expect(cut).toMatchObject({ imported: 1, messages: 5, faults: [{ fault: expect.stringContaining("cut off") }] });
  const mixed = await load(carl, JSON.stringify([{ hello: 1 }, { ...soup, uuid: undefined }, soup]));
  expect(mixed).toMatchObject({ imported: 1, failed: 1, messages: 3 });
  expect(mixed.conversations.map(({ error }) => error)).toEqual(["It has no uuid.", undefined]);
  expect(mixed.faults).toMatchObject([{ fault: expect.stringContaining("1 of its entries") }]);
});

it("names parents that go in a circle, and brings in the rest", async () => {
  const dan = await somebody();
  const mapping = {
    ...node("x", "y", "user", words("x")),
    ...node("y", "x", "user", words("y")),
    ...node("z", null, "user", words("z")),
  };
  const report = await load(dan, JSON.stringify({ id: "circle", mapping }));
  expect(report).toMatchObject({ imported: 1, messages: 1 });
  expect(report.conversations[0]?.leftOut.map(({ messageId }) => messageId)).toEqual(["x", "y"]);
});

it.each([
  ["a list of nothing that is JSON", "[hello]", "no JSON"],
  ["an object that is cut off", '{"mapping":', "cut off"],
  ["a table that is none", 'a,b\n"c', "no table"],
  ["Latin-1", Buffer.from('[{"id":"é"}]', "latin1"), "not UTF-8"],
  ["a ZIP that is cut off", Buffer.from("PK\u0003\u0004 and no more"), "damaged or cut off"],
  ["a ZIP of other things", Buffer.from(zipSync({ "a.txt": strToU8("a") })), "no file of conversations"],
  ["a path that leaves its ZIP", Buffer.from(zipSync({ "../conversations.json": strToU8("[]") })), "damaged"],
])("says what is wrong with %s", async (_, bytes, sentence) => {
  const report = await load(await somebody(), bytes);
  expect(report).toMatchObject({ imported: 0, messages: 0, faults: [{ fault: expect.stringContaining(sentence) }] });
});

it("reads UTF-16 and a byte order mark", async () => {
  const text = `\ufeff${JSON.stringify([soup])}`;
  for (const bytes of [Buffer.from(text, "utf16le"), Buffer.from(text)]) {
    expect(await load(await somebody(), bytes)).toMatchObject({ imported: 1, messages: 3, faults: [] });
  }
});

it("brings in the pictures and files of ChatGPT's ZIP, byte for byte; again changes nothing, and without them neither", async () => {
  const dan = await somebody();
  const mine = test.store.forUser(dan.id);
  const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);
  const image = { content_type: "image_asset_pointer", asset_pointer: "sediment://file_0a1b", size_bytes: 11 };
  const node = (id: string, parent: string | null, message: object) => ({
    id,
    parent,
    children: [],
    message: { id, ...message },
  });
  const chat = {
    id: "pictures",
    current_node: "b",
    mapping: {
      a: node("a", null, {
        author: { role: "user" },
        content: { content_type: "multimodal_text", parts: [image, "What is it?"] },
        metadata: {
          attachments: [
            { id: "file_0a1b", name: "pot.png", mime_type: "image/png" },
            { id: "file-NOTE", name: "notes.md", mime_type: "text/markdown" },
            { id: "file-EMPTY", name: "empty.txt" },
            { id: "file-GONE", name: "gone.pdf" },
          ],
        },
      }),
      b: node("b", "a", {
        author: { role: "assistant" },
        content: { content_type: "multimodal_text", parts: [{ ...image, asset_pointer: "file-service://file-MADE" }] },
      }),
    },
  };
  const json = strToU8(JSON.stringify([chat]));
  const zip = zipSync({
    "file_0a1b-sanitized.png": png,
    "conversations.json": json,
    "conversation_asset_file_names.json": strToU8(JSON.stringify({ "file-MADE.dat": "made.webp" })),
    "file-NOTE.dat": strToU8("# Salt"),
    "file-EMPTY.dat": new Uint8Array(),
    "dalle/file-MADE.dat": strToU8("RIFF\0\0\0\0WEBPVP8 "),
  });
  const first = await load(dan, zip);
  expect(first).toMatchObject({ imported: 1, failed: 0, messages: 2 });
  expect(first.conversations[0]?.leftOut).toEqual([
    {
      messageId: "a",
      reason: expect.stringMatching(/^The bytes of the attachment empty.txt are not brought in. The file is empty/),
    },
    { messageId: "a", reason: "The bytes of the attachment gone.pdf are not brought in." },
  ]);
  const { items } = await mine.messages.list("pictures", { after: 0 });
  const files = items.flatMap(({ parts }) => parts?.filter(({ type }) => type === "file") ?? []);
  expect(files.map(({ filename, mediaType }) => [filename, mediaType])).toEqual([
    ["pot.png", "image/png"],
    ["notes.md", "text/markdown"],
    ["made.webp", "image/webp"],
  ]);
  const [pot] = files;
  expect(await mine.files.read(String(pot?.["url"]).slice("/api/files/".length))).toEqual(png);
  const counts = async () => [await test.db.$count(models.file), await test.db.$count(models.fileUse)];
  const before = await counts();
  expect(await load(dan, zip)).toMatchObject({ imported: 0, alreadyThere: 1, failed: 0 });
  expect(await load(dan, Buffer.from(json))).toMatchObject({ imported: 0, alreadyThere: 1, failed: 0 });
  expect([await counts(), (await mine.messages.list("pictures", { after: 0 })).items]).toEqual([before, items]);

  // The other way round what came without them stays so.
  const eve = await somebody();
  expect(await load(eve, Buffer.from(json))).toMatchObject({ imported: 1 });
  expect(await load(eve, zip)).toMatchObject({ imported: 0, alreadyThere: 1, failed: 0 });
});
