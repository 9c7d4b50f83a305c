import { createHash, randomUUID } from "node:crypto";
import { createStore, limits, type NewFile } from "chatkeep";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { distributed, earlier, isServer, openAgain, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople, user } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
});
beforeEach(async () => {
  people = await resetPeople(database, { requiresFiles: true });
});
afterAll(() => database.close());

const code = (wanted: string) => expect.objectContaining({ code: wanted });
const words = (text: string) => new TextEncoder().encode(text);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3);
const note = (given: Partial<NewFile> = {}): NewFile => ({ name: "note.txt", data: words("Milk"), ...given });
const filePart = (url: string) => [{ type: "file", mediaType: "image/png", url }];
const asks = (url: string, id?: string) => ({ role: "user" as const, parts: filePart(url), ...(id && { id }) });

async function counts(): Promise<{ files: number; contents: number; pieces: number; uses: number }> {
  const { db } = database;
  return {
    files: await db.$count(models.file),
    contents: await db.$count(models.fileContent),
    pieces: await db.$count(models.filePiece),
    uses: await db.$count(models.fileUse),
  };
}

/** As if a day, or a week, had passed. */
async function waitForCheck(): Promise<number> {
  await database.db.execute(sql`update attachment set check_at = ${earlier("check_at", "8 days")}`);
  return await people.store.system.removeUnusedFiles();
}

/** How many hours it has until it is looked at. */
async function hoursLeft(): Promise<number> {
  const rows = await database.query("select extract(epoch from check_at - now()) / 3600 from attachment");
  return Math.round(Number(rows[0]?.[0]));
}

async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("bytes", () => {
  it("come back as they came, whole and in ranges, from a stream of odd chunks too", async () => {
    const { ann } = people;
    const bytes = new Uint8Array(1_200_000).map((_, index) => (index * 7 + (index >> 9)) & 255);
    const file = await ann.files.put({ name: "a.bin", data: inChunks(bytes, 70_001) });
    expect(file).toMatchObject({ size: bytes.length, hash: sha256(bytes), mediaType: "application/octet-stream" });
    expect(file.url).toBe(`/api/files/${file.id}`);
    expect(await ann.files.get(file.id)).toEqual(file);
    expect(sha256(await ann.files.read(file.id))).toBe(file.hash);
    for (const [start, end] of [
      [0, 1],
      [524_287, 524_289],
      [524_288, 1_048_576],
      [1_199_999, 9_999_999],
      [5, 5],
    ] as const) {
      expect(sha256(await ann.files.read(file.id, { start, end }))).toBe(sha256(bytes.slice(start, end)));
    }
    await expect(ann.files.read(file.id, { start: 1_200_001 })).rejects.toEqual(code("invalid_input"));
    expect((await counts()).pieces).toBe(3);
  });

  it("are kept once for each owner, and go with their last name", async () => {
    const { ann, bob } = people;
    const [one, other] = [await ann.files.put(note()), await ann.files.put(note({ name: "same.txt" }))];
    await bob.files.put(note());
    expect(other).toMatchObject({ hash: one.hash, name: "same.txt" });
    expect(await counts()).toMatchObject({ files: 3, contents: 2, pieces: 2 });
    await ann.files.remove(one.id);
    expect(new TextDecoder().decode(await ann.files.read(other.id))).toBe("Milk");
    await ann.files.remove(other.id);
    expect(await counts()).toMatchObject({ files: 1, contents: 1, pieces: 1 });
    await database.db.delete(user).where(sql`id = ${ids.bob}`);
    expect(await counts()).toEqual({ files: 0, contents: 0, pieces: 0, uses: 0 });
  });

  it("of the same file sent twice at once are kept once", async () => {
    const again = openAgain(database);
    const other = createStore(again, models, { distributed }).forUser(ids.ann);
    await Promise.all([people.ann, other, people.ann, other].map((who) => who.files.put(note())));
    await again.close();
    expect(await counts()).toMatchObject({ files: 4, contents: 1, pieces: 1 });
  });

  it("come under an id of one's own once, however often they are sent", async () => {
    const { ann, bob } = people;
    const id = randomUUID();
    const file = await ann.files.put(note({ id }));
    expect(file.id).toBe(id);
    expect(await ann.files.put(note({ id }))).toEqual(file);
    await expect(ann.files.put(note({ id, data: png }))).rejects.toEqual(code("conflict"));
    await expect(ann.files.put(note({ id, name: "other.txt" }))).rejects.toEqual(code("conflict"));
    if (!distributed) await expect(bob.files.put(note({ id }))).rejects.toEqual(code("conflict"));
    expect(await counts()).toMatchObject({ files: 1, contents: 1, pieces: 1 });
  });

  it("leave nothing behind when they are too many, too few, or cut off", async () => {
    const { ann, store } = people;
    async function* cut() {
      yield new Uint8Array(600_000);
      throw new Error("The line went dead");
    }
    async function* endless() {
      for (;;) yield new Uint8Array(4 * 1024 * 1024);
    }
    await expect(ann.files.put(note({ data: cut() }))).rejects.toThrow("The line went dead");
    await expect(ann.files.put(note({ data: endless() }))).rejects.toEqual(code("too_large"));
    await expect(ann.files.put(note({ data: new Uint8Array() }))).rejects.toThrow(/empty/);
    const small = createStore(database, models, { distributed, userFileBytes: 10 }).forUser(ids.ann);
    await small.files.put(note());
    await small.files.put(note({ name: "again.txt" }));
    await expect(small.files.put(note({ data: words("Bread and butter") }))).rejects.toEqual(
      expect.objectContaining({ code: "too_large", details: { used: 4, limit: 10 } }),
    );
    expect(await counts()).toMatchObject({ files: 2, contents: 1, pieces: 1 });
    // Of a process that died in the middle of it.
    await database.query("insert into attachment_content (user_id) values ($1::uuid)", [ids.ann]);
    await store.system.removeUnusedFiles();
    expect((await counts()).contents).toBe(2);
    await database.query("update attachment_content set created_at = now() - interval '2 days' where hash is null");
    await store.system.removeUnusedFiles();
    expect((await counts()).contents).toBe(1);
  });
});

describe("what a file is", () => {
  it("is seen in its bytes, and believed where they do not contradict", async () => {
    const { ann } = people;
    const latin = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
    const cases: [data: Uint8Array, claimed: string | undefined, name: string, mediaType: string][] = [
      [png, "text/html", "a.html", "image/png"],
      [png, undefined, "a", "image/png"],
      [latin("\xff\xd8\xff\xe0rest"), "image/png", "a.png", "image/jpeg"],
      [latin("RIFF1234WEBPVP8 "), undefined, "a", "image/webp"],
      [latin("%PDF-1.7\n\xe2\xe3"), "image/png", "a", "application/pdf"],
      [latin("\0\0\0\x20ftypisom"), "audio/mp4", "a.m4a", "audio/mp4"],
      [
        latin("PK\x03\x04\x14\0"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "a.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
      ],
      [latin("PK\x03\x04\x14\0"), "image/png", "a.png", "application/zip"],
      [words("<svg onload=alert(1)>"), "image/png", "a.png", "text/plain"],
      [words("<svg/>"), "Image/SVG+XML; charset=utf-8", "a.svg", "image/svg+xml"],
      [words("a,b\n1,2"), undefined, "A.CSV", "text/csv"],
      [words("MZ is how it begins, Größe 1"), "text/markdown", "a.md", "text/markdown"],
      [words("# Grüße"), "application/octet-stream", "a.md", "text/markdown"],
      [latin("\x00\x01\x02\x03"), "image/png", "a.png", "application/octet-stream"],
      [latin("\x00\x01\x02\x03"), "application/x-own", "a.own", "application/x-own"],
      [latin("\x00\x01\x02\x03"), "text/html", "a.html", "application/octet-stream"],
    ];
    for (const [data, claimed, name, mediaType] of cases) {
      const given = claimed === undefined ? { name, data } : { name, data, mediaType: claimed };
      expect([name, claimed, (await ann.files.put(given)).mediaType]).toEqual([name, claimed, mediaType]);
    }
  });

  it("has a name that deceives nobody, or is refused with a sentence", async () => {
    const { ann } = people;
    const named = async (name: string) => (await ann.files.put(note({ name }))).name;
    expect(await named("photo\u202egnp.exe\u0000\r\n")).toBe("photognp.exe");
    expect(await named("../../etc/pass\\wd")).toBe(".._.._etc_pass_wd");
    expect(await named("  Zoe\u0308 👩‍👧 \ud800.png ")).toBe("Zoë 👩‍👧 \ufffd.png");
    expect(await named("あ".repeat(255))).toBe("あ".repeat(255));
    for (const name of ["", " \u200b ", "a".repeat(256), 7 as unknown as string]) {
      await expect(ann.files.put(note({ name }))).rejects.toEqual(code("invalid_input"));
    }
    await expect(ann.files.put(note({ mediaType: "a picture" }))).rejects.toThrow(/such as "image\/png"/);
    await expect(ann.files.put(note({ data: "Milk" as unknown as Uint8Array }))).rejects.toThrow(/Uint8Array/);
    await expect(ann.files.put({ ...note(), size: 4 } as NewFile)).rejects.toThrow(/"size"/);
  });
});

describe("files of messages", () => {
  it("are counted through append, create, begin, save, update, redact, import, restore and the end of a run", async () => {
    const { ann, store } = people;
    const { url, id: fileId } = await ann.files.put(note({ data: png }));
    const { id } = await ann.conversations.create({ messages: [asks(url)] });
    const [appended] = await ann.messages.append(id, [asks(url, "named"), { role: "assistant", content: "Yes" }]);
    expect(await ann.messages.append(id, [asks(url, "named")])).toEqual([appended]);
    expect((await counts()).uses).toBe(2);
    await expect(ann.files.remove(fileId)).rejects.toEqual(code("conflict"));

    const other = await ann.files.put(note());
    const changed = await ann.messages.update(id, "named", { parts: filePart(other.url) }, { revision: 1 });
    expect(changed.parts).toEqual(filePart(other.url));
    await ann.messages.update(id, "named", { metadata: { a: 1 } }, { revision: 2 });
    const named = await database.query("select attachment_id::text from attachment_use");
    expect(named.flat().sort()).toEqual([fileId, other.id].sort());
    expect(await ann.messages.update(id, "named", { content: "None" }, { revision: 3 })).toMatchObject({ parts: null });
    expect((await counts()).uses).toBe(1);
    await ann.files.remove(other.id);

    const begun = await ann.runs.begin({ conversationId: "new", question: asks(url, "q"), server: "one" });
    if (!("begun" in begun)) throw new Error("not begun");
    expect(await ann.runs.begin({ conversationId: "new", question: asks(url, "q"), server: "one" })).toEqual({
      running: { runId: begun.begun.run.id },
    });
    expect((await counts()).uses).toBe(2);
    await ann.runs.end(begun.begun.run, { status: "completed", parts: filePart(url) });
    expect((await counts()).uses).toBe(3);
    await ann.messages.redact("new", "q");
    expect((await counts()).uses).toBe(2);
    await ann.messages.save("new", [{ id: "saved", role: "user", parts: filePart(url) }]);
    await ann.import({
      id: "brought",
      messages: [
        { id: "m", ...asks(url) },
        { id: "n", ...asks(`/api/files/${randomUUID()}`) },
      ],
    });
    await ann.import({ id: "brought", messages: [{ id: "m", ...asks(url) }] });
    expect((await counts()).uses).toBe(4);
    const [conversation, { items: messages }] = [
      await ann.conversations.get("brought"),
      await ann.messages.list("brought"),
    ];
    await ann.conversations.erase("brought");
    expect((await counts()).uses).toBe(3);
    expect(await store.system.restore(ids.ann, { conversation: { ...conversation, expiresAt: null }, messages })).toBe(
      true,
    );
    expect((await counts()).uses).toBe(4);
  });

  it("wait a day after a message names them no more, also where that was changed or redacted", async () => {
    const { ann } = people;
    const { url } = await ann.files.put(note({ data: png }));
    const { id } = await ann.conversations.create({ messages: [asks(url, "changed"), asks(url, "redacted")] });
    expect(await hoursLeft()).toBe(24 * limits.usedFileCheckDays);
    await ann.messages.update(id, "changed", { content: "None" }, { revision: 1 });
    expect(await hoursLeft()).toBe(limits.unusedFileHours);
    await database.query("update attachment set check_at = now() + interval '7 days'");
    await ann.messages.redact(id, "redacted");
    expect(await hoursLeft()).toBe(limits.unusedFileHours);
    expect((await counts()).uses).toBe(0);
  });

  it("of a message that was changed since are not counted again when it is sent again", async () => {
    const { ann } = people;
    const [first, second] = [await ann.files.put(note()), await ann.files.put(note({ data: png }))];
    const { id } = await ann.conversations.create();
    await ann.messages.append(id, [asks(first.url, "m")]);
    await ann.messages.update(id, "m", { parts: filePart(second.url) }, { revision: 1 });
    await ann.messages.append(id, [asks(first.url, "m")]).catch(() => {});
    expect((await database.query("select attachment_id::text from attachment_use")).flat()).toEqual([second.id]);
  });

  it("must be there, and the owner's: a message with another is not stored", async () => {
    const { ann, bob } = people;
    const { url } = await bob.files.put(note());
    const { id } = await ann.conversations.create({ messages: [{ id: "m", role: "user", content: "Hello" }] });
    const never = `/api/files/${randomUUID()}`;
    for (const missing of [url, never]) {
      const sentence = expect.objectContaining({
        code: "not_found",
        message: `There is no file ${missing.slice(11)}.`,
      });
      await expect(ann.messages.append(id, [asks(missing)])).rejects.toEqual(sentence);
      await expect(ann.conversations.create({ messages: [asks(missing)] })).rejects.toEqual(sentence);
      await expect(ann.runs.begin({ conversationId: "new", question: asks(missing), server: "one" })).rejects.toEqual(
        sentence,
      );
      await expect(ann.messages.update(id, "m", { parts: filePart(missing) }, { revision: 1 })).rejects.toEqual(
        sentence,
      );
      await expect(ann.files.get(missing.slice(11))).rejects.toEqual(sentence);
      await expect(ann.files.read(missing.slice(11))).rejects.toEqual(sentence);
      await expect(ann.files.remove(missing.slice(11))).rejects.toEqual(sentence);
    }
    expect(await ann.conversations.find("new")).toBeUndefined();
    expect(await ann.conversations.get(id)).toMatchObject({ messageCount: 1 });
    // A host may have addresses like that of its own: unless it says otherwise they are kept as they are.
    const plain = createStore(database, models, { distributed }).forUser(ids.ann);
    expect((await plain.messages.append(id, [asks(never)]))[0]).toMatchObject({ parts: filePart(never) });
    expect((await counts()).uses).toBe(0);
    const elsewhere = ["https://example.com/api/files/1", "/api/files/1", "data:image/png;base64,AAAA", `x${never}`];
    await ann.messages.append(
      id,
      elsewhere.map((address) => asks(address)),
    );
    expect((await counts()).uses).toBe(0);
  });

  it("give a conversation its title where there are no words, until that message is redacted", async () => {
    const { ann } = people;
    const { url, mediaType, name } = await ann.files.put(note({ data: png, name: "bread.png" }));
    const parts = [
      { type: "text", text: " " },
      { type: "file", mediaType, url, filename: name },
    ];
    const { id, title, headId } = await ann.conversations.create({ messages: [{ role: "user", parts }] });
    expect(title).toBe("bread.png");
    await ann.messages.redact(id, headId ?? "");
    expect((await ann.conversations.get(id)).title).toBeNull();
  });

  it("go a day after the last message that names them, and not before", async () => {
    const { ann, store } = people;
    const { url, id: fileId } = await ann.files.put(note({ data: png }));
    expect(await store.system.removeUnusedFiles()).toBe(0);
    const { id } = await ann.conversations.create({ messages: [asks(url)] });
    const other = await ann.conversations.create({ temporary: true, messages: [asks(url)] });
    expect(await hoursLeft()).toBe(24 * limits.usedFileCheckDays);
    expect(await waitForCheck()).toBe(0);
    expect(await hoursLeft()).toBe(24 * limits.usedFileCheckDays);
    // In the trash it has its files.
    await ann.conversations.delete(id);
    expect(await hoursLeft()).toBe(24 * limits.usedFileCheckDays);
    expect(await ann.conversations.purge(id)).toMatchObject({ rows: { attachment_use: 1, message: 1 } });
    expect(await hoursLeft()).toBeCloseTo(0);
    await ann.files.get(fileId);
    expect(await waitForCheck()).toBe(0);
    await database.db.execute(sql`update conversation set expires_at = now() - interval '1 hour'`);
    expect(await store.system.removeExpired()).toBe(1);
    expect(await ann.conversations.find(other.id)).toBeUndefined();
    // Of a temporary conversation nothing is left any longer.
    expect(await store.system.removeUnusedFiles()).toBe(1);
    expect(await counts()).toEqual({ files: 0, contents: 0, pieces: 0, uses: 0 });
  });

  it.runIf(isServer)("that a message names at the moment when they would go, stay", async () => {
    const { ann, store } = people;
    const { id } = await ann.conversations.create();
    const { url, id: fileId } = await ann.files.put(note());
    await database.db.execute(sql`update attachment set check_at = now() - interval '1 hour'`);
    const other = openAgain(database);
    const sweep = () => createStore(other, models, { distributed }).system.removeUnusedFiles();
    await store.transaction(async (inside) => {
      await inside.forUser(ids.ann).messages.append(id, [asks(url)]);
      expect(await sweep()).toBe(0);
    });
    expect(await sweep()).toBe(0);
    await expect(ann.files.remove(fileId)).rejects.toEqual(code("conflict"));

    // And the other way round: one that goes at this moment cannot be named.
    const late = await ann.files.put(note({ data: png }));
    const gone = Promise.withResolvers<void>();
    const removed = store.transaction(async (inside) => {
      await inside.forUser(ids.ann).files.remove(late.id);
      const naming = createStore(other, models, { distributed, requiresFiles: true })
        .forUser(ids.ann)
        .messages.append(id, [asks(late.url)]);
      void expect(naming).rejects.toEqual(code("not_found")).then(gone.resolve, gone.reject);
    });
    await removed;
    await gone.promise;
    expect(await counts()).toEqual({ files: 1, contents: 1, pieces: 1, uses: 1 });
    await other.close();
  });

  it("go along when a user's conversations go to another", async () => {
    const { ann, bob, store } = people;
    const [one, same] = [
      await ann.files.put(note({ name: "one" })),
      await ann.files.put(note({ data: png, name: "same" })),
    ];
    const bobs = await bob.files.put(note({ data: png, name: "bobs" }));
    await ann.conversations.create({ id: "named", messages: [asks(one.url, "m"), asks(same.url, "n")] });
    await store.system.moveConversations(ids.ann, ids.bob);
    expect((await bob.files.list()).items.map(({ name }) => name)).toEqual(["bobs", "same", "one"]);
    expect((await ann.files.list()).items).toEqual([]);
    expect(await counts()).toEqual({ files: 3, contents: 2, pieces: 2, uses: 2 });
    expect(new TextDecoder().decode(await bob.files.read(one.id))).toBe("Milk");
    await expect(bob.files.remove(same.id)).rejects.toEqual(code("conflict"));
    await bob.files.remove(bobs.id);
    await bob.messages.redact("named", "n");
    await bob.files.remove(same.id);
    expect(await counts()).toEqual({ files: 1, contents: 1, pieces: 1, uses: 1 });
  });

  it("are listed page by page, newest first", async () => {
    const { ann } = people;
    for (const name of ["1", "2", "3"]) await ann.files.put(note({ name }));
    const first = await ann.files.list({ limit: 2 });
    expect(first.items.map(({ name }) => name)).toEqual(["3", "2"]);
    const next = await ann.files.list({ limit: 2, cursor: first.nextCursor });
    expect([next.items.map(({ name }) => name), next.nextCursor]).toEqual([["1"], null]);
  });

  it.skipIf(distributed)("cost nothing where there are none", async () => {
    let statements = 0;
    const counting = {
      ...database,
      query: (...given: Parameters<typeof database.query>) => {
        statements += 1;
        return database.query(...given);
      },
    };
    const ann = createStore(counting, models, { distributed }).forUser(ids.ann);
    const { id } = await ann.conversations.create({ messages: [{ role: "user", content: "Hello" }] });
    await ann.messages.append(id, [{ role: "user", parts: [{ type: "text", text: "Hello" }] }]);
    expect(statements).toBe(2);
  });
});

it("a file is there with row-level security as it is without", async () => {
  const walled = createStore(database, models, { distributed, rowLevelSecurity: true }).forUser(ids.ann);
  const file = await walled.files.put({ name: "a.bin", data: new Uint8Array(600_000) });
  expect((await walled.files.read(file.id)).byteLength).toBe(600_000);
  const { id } = await walled.conversations.create({ messages: [asks(file.url)] });
  await walled.transaction(id, async (mine) => {
    const inside = await mine.files.put(note());
    await mine.messages.append(id, [asks(inside.url)]);
  });
  expect((await counts()).uses).toBe(2);
});
