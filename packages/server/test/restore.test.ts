/** An archive of export, brought back into another database: equal in every byte when it is exported again. */
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { restoreInto, restoreInWords } from "../src/commands/restore.ts";
import { user } from "../src/models/index.ts";
import { readPreferences } from "../src/preferences.ts";
import { openArchive, writeArchive } from "../src/transfer/archive.ts";
import { exported } from "../src/transfer/export.ts";
import { openTestApp, type TestApp } from "./helpers/app.ts";

let one: TestApp;
let two: TestApp;
let folder: string;
beforeAll(async () => {
  [one, two] = [await openTestApp(), await openTestApp()];
  folder = await mkdtemp(join(tmpdir(), "chatkeep-restore-"));
});
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
  await rm(folder, { recursive: true });
});

async function archiveOf({ db, store }: TestApp, name: string): Promise<string> {
  const path = join(folder, name);
  const people = await db.select().from(user).orderBy(user.createdAt, user.id);
  const users = async function* () {
    for (const person of people) yield exported(db, store, person);
  };
  await pipeline(
    writeArchive(users(), (userId, fileId) => store.forUser(userId).files.stream(fileId)),
    createWriteStream(path),
  );
  return path;
}

it("comes back equal in every id, time, seq, branch, part, state and metadata, and again changes nothing", async () => {
  const [ann, bob] = [await one.signUp("ann"), await one.signUp("bob")];
  const mine = one.store.forUser(ann.id);
  await mine.import([
    {
      id: "chat/1 ä😀",
      title: "Bread",
      pinned: true,
      archived: true,
      metadata: { projectId: "x", nested: [1, null] },
      model: "one",
      instructions: "Be brief.",
      createdAt: "1999-12-31T23:59:59.123Z",
      updatedAt: "2001-01-01T00:00:00Z",
      headId: "a2",
      messages: [
        { id: "q", role: "user", content: "NUL \0 and half \ud83d", createdAt: "1999-12-31T23:59:59.123Z" },
        {
          id: "a1",
          role: "assistant",
          parts: [
            { type: "text", text: "one" },
            { type: "odd", x: { y: 1e21 } },
          ],
        },
        {
          id: "a2",
          role: "assistant",
          parentId: "q",
          content: "two\u2028three",
          status: "stopped",
          metadata: "a text",
        },
        { id: "s", role: "system", parentId: "a2", content: "quicksand" },
        { id: "t", role: "tool", parentId: "s", parts: [{ type: "tool-x", output: "\n" }], metadata: { a: [] } },
      ],
    },
  ]);
  await ann
    .request("POST", "/api/chat", {
      id: "asked",
      message: { id: "m", role: "user", parts: [{ type: "text", text: "Hello" }] },
    })
    .then((response) => response.text());
  const { id } = await mine.conversations.create({
    messages: Array.from({ length: 99 }, (_, index) => ({ role: "user", content: `${index}` })),
  });
  for (let page = 0; page < 3; page += 1)
    await mine.messages.append(
      id,
      Array.from({ length: 100 }, () => ({ role: "user", content: randomBytes(9).toString("hex") })),
    );
  const [first] = (await mine.messages.list(id, { after: 0, limit: 2 })).items;
  await mine.messages.update(id, first?.id ?? "", { content: "changed" }, { revision: 1 });
  await mine.messages.redact(id, (await mine.messages.list(id)).items.at(-1)?.id ?? "");
  await mine.conversations.create({ id: "secret", temporary: true, messages: [{ role: "user", content: "not kept" }] });
  await mine.conversations.create({ id: "empty" });
  await ann.call("POST", "/api/tasks", { title: "Buy flour" });
  const { id: projectId } = await ann.call<{ id: string }>("POST", "/api/projects", {
    name: "Bread",
    instructions: "Bake.",
  });
  await ann.call("PUT", "/api/conversations/empty/project", { projectId });
  for (const messageId of ["a1", "a2"]) {
    const path = `/api/conversations/${encodeURIComponent("chat/1 ä😀")}/messages/${messageId}/feedback`;
    await ann.call("PUT", path, { rating: "bad", tags: ["too long"], comment: `of ${messageId}` });
  }
  await ann.call("PATCH", "/api/preferences", { instructions: "Answer in verse." });
  const bytes = new Uint8Array(randomBytes(700_000));
  const [photo, note, same] = [
    await mine.files.put({ name: "photo.bin", data: bytes }),
    await mine.files.put({ name: "note.md", data: strToU8("# Flour") }),
    await mine.files.put({ name: "the same.bin", data: bytes }),
  ];
  const file = ({ url }: { url: string }) => ({ type: "file", mediaType: "x/y", url });
  await mine.conversations.create({ id: "files", messages: [{ role: "user", parts: [file(photo), file(note)] }] });
  const hidden = await mine.files.put({ name: "hidden.txt", data: strToU8("not kept") });
  await mine.messages.append("secret", [{ role: "user", parts: [file(hidden)] }]);
  await one.store
    .forUser(bob.id)
    .conversations.create({ id: "chat/1 ä😀", messages: [{ role: "user", content: "Bob's" }] });

  const path = await archiveOf(one, "one.zip");
  expect(await archiveOf(one, "again.zip").then((again) => readFile(again))).toEqual(await readFile(path));
  const report = await restoreInto(two.database, path);
  expect(report).toEqual({
    users: 2,
    conversations: 6,
    messages: 5 + 2 + 399 + 1 + 1,
    files: 3,
    alreadyThere: 0,
    failed: [],
  });
  expect(await readFile(await archiveOf(two, "two.zip"))).toEqual(await readFile(path));
  expect(await restoreInto(two.database, path)).toEqual({
    users: 2,
    conversations: 0,
    messages: 0,
    files: 0,
    alreadyThere: 6,
    failed: [],
  });
  expect(await readFile(await archiveOf(two, "three.zip"))).toEqual(await readFile(path));
  const theirs = two.store.forUser(ann.id);
  expect(await readPreferences(two.db, ann.id)).toEqual({ instructions: "Answer in verse." });
  // What a person named is still theirs, and what was made from a question is still nobody's.
  const titled = (id: string) => theirs.conversations.get(id).then(({ title, titleBy }) => [title, titleBy]);
  expect([await titled("chat/1 ä😀"), await titled("asked")]).toEqual([
    ["Bread", "person"],
    ["Hello", null],
  ]);
  expect(Buffer.from(await theirs.files.read(photo.id)).equals(bytes)).toBe(true);
  expect(await theirs.files.get(same.id)).toEqual(same);
  await expect(theirs.files.get(hidden.id)).rejects.toThrow(expect.objectContaining({ code: "not_found" }));
  await expect(theirs.files.remove(note.id)).rejects.toThrow(expect.objectContaining({ code: "conflict" }));
  const lines = (await (await ann.request("GET", "/api/export")).text()).trimEnd().split("\n");
  const pieces = lines
    .map((line) => JSON.parse(line))
    .filter(({ type, hash }) => type === "bytes" && hash === photo.hash);
  expect(Buffer.concat(pieces.map(({ base64 }) => Buffer.from(base64, "base64"))).equals(bytes)).toBe(true);
  // It goes on like any other.
  const [appended] = await two.store.forUser(ann.id).messages.append("chat/1 ä😀", [{ role: "user", content: "more" }]);
  expect(appended).toMatchObject({ seq: 6, parentId: "a2" });
  expect((await two.store.forUser(ann.id).search({ text: "quicksand" })).items).toHaveLength(1);
});

it("what stands in the way of one is named, and keeps nothing else from coming back", async () => {
  const path = await archiveOf(one, "in-the-way.zip");
  const three = await openTestApp();
  onTestFinished(() => three.close());
  const [ann, bob] = await one.db.select().from(user).orderBy(user.createdAt);
  if (!ann || !bob) throw new Error("Two people were signed up.");
  // Somebody else has the id that Bob had, and the file's; a chat of Ann's is in the trash.
  await three.db.insert(user).values({ id: bob.id, name: "Eve", email: "eve@example.test" });
  const named = await one.store.forUser(ann.id).files.list({ temporary: false });
  const taken = named.items.find(({ name }) => name === "note.md")?.id ?? "";
  const data = strToU8("Eve's");
  await three.store.system.restoreFile(bob.id, { id: taken, name: "eve.txt", createdAt: new Date(), data });
  await restoreInto(three.database, path);
  await three.store.forUser(ann.id).conversations.delete("asked");

  const report = await restoreInto(three.database, path);
  expect(report.failed.map(({ what, id }) => [what, id])).toEqual([
    ["user", bob.id],
    ["file", taken],
    ["conversation", "asked"],
  ]);
  expect(report).toMatchObject({ users: 1, conversations: 0, alreadyThere: 4, files: 0 });
  expect(restoreInWords(report)).toMatch(/The conversation asked was not brought back: .*trash/);
  const there = await three.store.forUser(ann.id).conversations.list({ archived: true });
  expect(there.items.map(({ id }) => id)).toContain("chat/1 ä😀");
});

it("one that is damaged, of another version, or none says so, and nothing of it is brought in", async () => {
  const path = await archiveOf(one, "good.zip");
  const bytes = await readFile(path);
  const files = unzipSync(bytes);
  const manifest = JSON.parse(strFromU8(files["manifest.json"] as Uint8Array));
  const [name] = Object.keys(files) as [string];
  const [held] = Object.keys(files).filter((each) => each.startsWith("files/")) as [string];
  const { [held]: _, ...withoutBytes } = files;
  const attached = Object.fromEntries(Object.entries(files).filter(([each]) => each.startsWith("files/")));
  const shorter = manifest.attachments.filter((each: { name: string }) => each.name !== held);
  const lines = files[name] as Uint8Array;
  const withManifest = (change: object) => ({
    ...files,
    "manifest.json": strToU8(JSON.stringify({ ...manifest, ...change })),
  });
  const wrong: [string, Uint8Array | string, RegExp][] = [
    ["none", "no ZIP", /no ZIP/],
    ["cut", bytes.subarray(0, bytes.length - 200), /no ZIP, or it is cut off/],
    ["other", zipSync({ "a.txt": strToU8("x") }), /no manifest/],
    ["newer", zipSync(withManifest({ version: 2 })), /version .* must be 1/],
    ["foreign", zipSync(withManifest({ format: "x" })), /format .* must be chatkeep/],
    [
      "changed",
      zipSync({ ...files, [name]: lines.map((byte, index) => (index === 40 ? byte ^ 1 : byte)) }),
      /not as it was written/,
    ],
    ["longer", zipSync({ ...files, [name]: new Uint8Array(lines.length + 50_000_000) }), /larger than its manifest/],
    ["missing", zipSync({ "manifest.json": files["manifest.json"] as Uint8Array }), /is missing/],
    ["more", zipSync({ ...files, "users/000009.jsonl": lines }), /not in its manifest/],
    [
      "bytes changed",
      zipSync({ ...files, [held]: new Uint8Array(manifest.attachments[0].bytes) }),
      /files.* not as it was/,
    ],
    ["bytes missing", zipSync(withoutBytes), /files.* is missing/],
    [
      "bytes unnamed",
      zipSync({ ...withoutBytes, "manifest.json": strToU8(JSON.stringify({ ...manifest, attachments: shorter })) }),
      /files.* is missing/,
    ],
    ["leaves", zipSync({ ...files, "../out.jsonl": lines }), /damaged/],
  ];
  // Of right hashes, as whoever changes an archive can make them.
  const withLines = (text: string, counts: object = {}) => {
    const bytes = strToU8(text);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const [first] = manifest.files;
    return zipSync({
      ...attached,
      [name]: bytes,
      "manifest.json": strToU8(
        JSON.stringify({ ...manifest, files: [{ ...first, sha256, bytes: bytes.length, ...counts }] }),
      ),
    });
  };
  const text = strFromU8(lines);
  wrong.push(
    ["unknown", withLines(text.replace('"type":"task"', '"type":"note"')), /line 3 .* no place/],
    ["moved", withLines(text.replace(/"conversationId":"[^"]+"/, '"conversationId":"x"')), /no place/],
    ["headless", withLines(text.replace(/^.*\n/, "")), /line 1 .* no place/],
    ["rubbish", withLines(`${text}[]\nrubbish\n`), /no place/],
    ["fewer", withLines(text, { messages: 1 }), /manifest counts/],
    [
      "of the future",
      withLines(text.replace(/("type":"conversation".*?"createdAt":")\d{4}/, "$12999")),
      /cannot be restored, so nothing was brought in: .* must not be in the future/,
    ],
    ["without a name", withLines(text.replace('"name":', '"nam":')), /has no id, name, email/],
    ["gap", withLines(text.replace('"seq":2', '"seq":7')), /nothing was brought in: .*seq must be 2/],
  );
  const before = await readFile(await archiveOf(two, "before.zip"));
  for (const [label, content, says] of wrong) {
    const bad = join(folder, `${label}.zip`);
    await writeFile(bad, content);
    await expect(restoreInto(two.database, bad), label).rejects.toThrow(
      expect.objectContaining({ code: "invalid_input", message: expect.stringMatching(says) }),
    );
  }
  await expect(openArchive(join(folder, "nowhere.zip"))).rejects.toThrow(/There is no file/);
  expect(await readFile(await archiveOf(two, "after.zip"))).toEqual(before);
});

it("what a conversation cannot have been is refused", async () => {
  const { id: cat } = await two.signUp("cat");
  const time = new Date("2020-01-01");
  const conversation = {
    id: "c",
    title: null,
    messageCount: 1,
    headId: null,
    pinned: false,
    archived: false,
    metadata: null,
    model: null,
    instructions: null,
    createdAt: time,
    updatedAt: time,
  };
  const message = {
    id: "m",
    conversationId: "c",
    role: "user" as const,
    content: "x",
    parts: null,
    metadata: null,
    seq: 1,
    parentId: null,
    status: "complete" as const,
    finishReason: null,
    revision: 1,
    createdAt: time,
    updatedAt: null,
  };
  const { restore } = two.store.system;
  const refused = (says: RegExp) =>
    expect.objectContaining({ code: "invalid_input", message: expect.stringMatching(says) });
  await expect(restore(cat, { conversation, messages: [] })).rejects.toThrow(refused(/all 1 messages/));
  await expect(restore(cat, { conversation, messages: [{ ...message, seq: 2 }] })).rejects.toThrow(
    refused(/seq must be 1/),
  );
  await expect(restore(cat, { conversation, messages: [{ ...message, parentId: "z" }] })).rejects.toThrow(
    refused(/parentId/),
  );
  await expect(restore(cat, { conversation: { ...conversation, headId: "z" }, messages: [message] })).rejects.toThrow(
    refused(/headId/),
  );
  await expect(
    restore(cat, { conversation, messages: [{ ...message, createdAt: new Date("1960-01-01") }] }),
  ).rejects.toThrow(refused(/1970/));
  expect(await restore(cat, { conversation, messages: [{ ...message, status: "streaming" }] })).toBe(true);
  expect((await two.store.forUser(cat).messages.get("c", "m")).status).toBe("interrupted");
  const { id: dog } = await two.signUp("dog");
  const uuid = (await two.store.forUser(cat).conversations.create()).id;
  await expect(
    restore(dog, { conversation: { ...conversation, id: uuid }, messages: [{ ...message, conversationId: uuid }] }),
  ).rejects.toThrow(expect.objectContaining({ code: "conflict" }));
});
