/** P6: what comes in comes back, whole; and what can be done to it afterwards. */
import { randomUUID } from "node:crypto";
import { type ImportedConversation, limits } from "chatkeep";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { distributed, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  people = await resetPeople(database);
});

const refused = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });
const hello = { role: "user", content: "Hello" } as const;
const oddIds = [
  "x",
  "IbTuf2Jm9kLq0aZ1",
  "conv_68/..?&=#%2F",
  " spaces ",
  "ÄÖ 你好 😀",
  "💬".repeat(255),
  '"quoted"\\',
  "e\u0301",
  "\u00e9",
];

describe("ids of any text", () => {
  it("come back unchanged wherever an id is given, and lead to the same rows", async () => {
    const { ann } = people;
    for (const id of oddIds) {
      const made = await ann.conversations.create({ id, messages: [{ ...hello, id: "first" }] });
      expect([made.id, made.headId]).toEqual([id, "first"]);
      const [second, third] = await ann.messages.append(id, [
        { id: `${id.slice(0, 100)}2`, role: "assistant", content: "Hi" },
        { id: randomUUID(), role: "user", content: "And?", parentId: "first" },
      ]);
      expect(second).toMatchObject({ id: `${id.slice(0, 100)}2`, conversationId: id, parentId: "first", seq: 2 });
      expect(third).toMatchObject({ parentId: "first", seq: 3 });
      expect(await ann.messages.append(id, [{ ...hello, id: "first" }])).toMatchObject([{ id: "first", seq: 1 }]);
      expect((await ann.messages.get(id, second?.id ?? "")).id).toBe(second?.id);
      expect((await ann.messages.list(id)).items.map((each) => each.parentId)).toEqual([null, "first", "first"]);
      const { items } = await ann.messages.branchWithSiblings(id, { leafId: second?.id });
      expect(items.map((each) => [each.id, each.siblings])).toEqual([
        ["first", ["first"]],
        [second?.id, [second?.id]],
      ]);
      await ann.conversations.showBranch(id, second?.id ?? "");
      expect((await ann.conversations.get(id)).headId).toBe(second?.id);
      expect((await ann.conversations.list()).items[0]?.id).toBe(id);
      const heard: unknown[] = [];
      const stop = people.store.onChange((change) => heard.push(change));
      await ann.conversations.rename(id, "New");
      stop();
      expect(heard).toEqual([{ userId: people.ids.ann, conversationId: id }]);
      const [live] = await people.store.system.readLive([{ userId: people.ids.ann, conversationId: id }]);
      expect(live?.conversation.id).toBe(id);
    }
    expect(new Set((await ann.conversations.ids()).items)).toEqual(new Set(oddIds));
    expect((await ann.conversations.list()).items).toHaveLength(oddIds.length);
  });

  it("are each user's own, and each conversation's own", async () => {
    const { ann, bob } = people;
    const chat = { id: "same", messages: [{ ...hello, id: "m" }] };
    await ann.conversations.create(chat);
    await bob.conversations.create({ ...chat, title: "Bob's" });
    await ann.conversations.create({ ...chat, id: "copy" });
    expect((await ann.conversations.get("same")).title).toBe("Hello");
    expect(await ann.messages.get("copy", "m")).toMatchObject({ conversationId: "copy", id: "m" });
    await expect(ann.messages.append("copy", [{ ...hello, id: "m", content: "Other" }])).rejects.toThrow(
      refused("conflict", /in use already/),
    );
    await expect(ann.messages.append("copy", [{ ...hello, parentId: "none" }])).rejects.toThrow(
      refused("invalid_input", /which none is not/),
    );
    await expect(bob.conversations.get("copy")).rejects.toThrow(refused("not_found", /copy/));
  });

  it("name the question and the reply of a run", async () => {
    const { ann } = people;
    const ask = () =>
      ann.runs.begin({ conversationId: "chat", question: { ...hello, id: "q" }, replyId: "a", server: "one" });
    const first = await ask();
    if (!("begun" in first)) throw new Error("not begun");
    expect(first.begun).toMatchObject({ replyId: "a", question: { id: "q", conversationId: "chat" } });
    expect(await ask()).toEqual({ running: { runId: first.begun.run.id } });
    expect(await ann.runs.findRunning("chat")).toMatchObject({ conversationId: "chat", messageId: "a" });
    const done = { status: "completed", parts: [{ type: "text", text: "Hi" }], metadata: { tokens: 3 } } as const;
    expect(await ann.runs.end(first.begun.run, { ...done, parts: [...done.parts] })).toBe(true);
    expect(await ask()).toMatchObject({ answered: { id: "a", content: "Hi", metadata: { tokens: 3 }, parentId: "q" } });
    const again = await ann.runs.begin({
      conversationId: "chat",
      question: { ...hello, id: "q" },
      regenerate: true,
      server: "one",
    });
    if (!("begun" in again)) throw new Error("not begun");
    expect((await people.store.system.interruptRuns("all"))[0]).toMatchObject({ conversationId: "chat" });
    expect((await ann.messages.list("chat")).items.map(({ parentId }) => parentId)).toEqual([null, "q", "q"]);
  });
});

const metadata = { z: 1, a: [null, true, "ä\u0000\ud800"], "": { "10": 1e21, "2": -0.5 }, nested: { deep: [[[]]] } };

describe("metadata, roles and what a conversation is set to", () => {
  it("come back byte for byte", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create({
      pinned: true,
      archived: true,
      metadata: { b: 1, a: { c: [] } },
      model: "gpt",
      instructions: "Be brief.",
    });
    expect(await ann.conversations.get(id)).toMatchObject({
      pinned: true,
      archived: true,
      model: "gpt",
      instructions: "Be brief.",
    });
    expect(JSON.stringify((await ann.conversations.get(id)).metadata)).toBe('{"b":1,"a":{"c":[]}}');
    const values = [metadata, "text", 5, false, [1], { createdAt: "x" }];
    const sent = values.map((value, index) => ({ id: `m${index}`, ...hello, metadata: value }));
    expect(JSON.stringify((await ann.messages.append(id, sent)).map((each) => each.metadata))).toBe(
      JSON.stringify(values),
    );
    expect(JSON.stringify((await ann.messages.list(id)).items.map((each) => each.metadata))).toBe(
      JSON.stringify(values),
    );
    expect(await ann.messages.append(id, sent)).toHaveLength(values.length);
    await expect(ann.messages.append(id, [{ ...hello, id: "m0", metadata: {} }])).rejects.toThrow(
      refused("conflict", /./),
    );
    await expect(ann.messages.append(id, [{ ...hello, metadata: "x".repeat(limits.metadataBytes) }])).rejects.toThrow(
      refused("too_large", /metadata of 65538 bytes/),
    );
    await ann.messages.append(id, [
      { role: "system", content: "Rules" },
      { role: "tool", parts: [{ type: "tool-result", toolCallId: "1", output: { a: 1 } }] },
    ]);
    expect((await ann.messages.list(id)).items.slice(-2).map(({ role }) => role)).toEqual(["system", "tool"]);
    expect(await ann.conversations.update(id, { metadata: null, model: null, pinned: false })).toMatchObject({
      metadata: null,
      model: null,
      pinned: false,
      archived: true,
      instructions: "Be brief.",
    });
  });

  it("narrow a list: all keys, of this user alone, by an index", async () => {
    const { ann, bob } = people;
    for (const [id, project, open] of [
      ["1", "x", true],
      ["2", "x", false],
      ["3", "y", true],
    ] as const) {
      await ann.conversations.create({ id, metadata: { project, open, nothing: null, list: ["x"] } });
      await bob.conversations.create({ id, metadata: { project, open } });
    }
    await ann.conversations.create({ id: "4" });
    const ids = async (filter: Record<string, string | number | boolean | null>) =>
      (await ann.conversations.list({ metadata: filter })).items.map(({ id }) => id);
    expect(await ids({ project: "x" })).toEqual(["2", "1"]);
    expect(await ids({ project: "x", open: true })).toEqual(["1"]);
    expect(await ids({ nothing: null, project: "y" })).toEqual(["3"]);
    expect(await ids({ list: "x" })).toEqual([]);
    expect(await ids({})).toHaveLength(4);
    const page = await ann.conversations.list({ metadata: { project: "x" }, limit: 1 });
    const next = await ann.conversations.list({ metadata: { project: "x" }, limit: 1, cursor: page.nextCursor });
    expect([...page.items, ...next.items].map(({ id }) => id)).toEqual(["2", "1"]);
  });
});

describe("changing and removing", () => {
  it("updates a message that is as it was read, and no other", async () => {
    const { ann, bob } = people;
    const [first] = await ann.conversations
      .create({ id: "c", messages: [{ ...hello, id: "m", metadata: { a: 1 } }] })
      .then(() => ann.messages.append("c", [{ role: "assistant", content: "Hi", id: "n" }]));
    expect(first).toMatchObject({ revision: 1, updatedAt: null });
    const heard: unknown[] = [];
    people.store.onChange((change) => heard.push(change));
    const next = await ann.messages.update("c", "m", { parts: [{ type: "text", text: "Hello!" }] }, { revision: 1 });
    expect(next).toMatchObject({ content: "Hello!", metadata: { a: 1 }, revision: 2, seq: 1, role: "user" });
    expect(next.updatedAt).toBeInstanceOf(Date);
    expect(heard).toEqual([{ userId: people.ids.ann, conversationId: "c" }]);
    expect(await ann.messages.update("c", "m", { metadata: null }, { revision: 2 })).toMatchObject({
      content: "Hello!",
      metadata: null,
      revision: 3,
    });
    expect(await ann.messages.get("c", "m")).toEqual((await ann.messages.list("c")).items[0]);
    const update = (verbs: typeof ann, ...values: Parameters<typeof ann.messages.update>) =>
      verbs.messages.update(...values);
    await expect(update(ann, "c", "m", { content: "x" }, { revision: 2 })).rejects.toThrow(
      expect.objectContaining({ code: "conflict", details: { revision: 3 } }),
    );
    await expect(update(bob, "c", "m", { content: "x" }, { revision: 3 })).rejects.toThrow(refused("not_found", /./));
    await expect(update(ann, "c", "none", { content: "x" }, { revision: 3 })).rejects.toThrow(
      refused("not_found", /none/),
    );
    await expect(update(ann, "c", "m", {}, { revision: 3 })).rejects.toThrow(refused("invalid_input", /at least one/));
    await expect(update(ann, "c", "m", { role: "user" } as object, { revision: 3 })).rejects.toThrow(
      refused("invalid_input", /"role"/),
    );
    await expect(update(ann, "c", "m", { content: "x" }, {} as { revision: number })).rejects.toThrow(
      refused("invalid_input", /revision/),
    );
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => update(ann, "c", "m", { content: `${i}` }, { revision: 3 })),
    );
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("leaves a reply that is being written to its run", async () => {
    const { ann } = people;
    const begun = await ann.runs.begin({
      conversationId: "c",
      question: { ...hello, id: "q" },
      replyId: "a",
      server: "s",
    });
    if (!("begun" in begun)) throw new Error("not begun");
    const changes = [
      () => ann.messages.update("c", "a", { content: "x" }, { revision: 1 }),
      () => ann.messages.redact("c", "a"),
      () =>
        ann.messages.save("c", [
          { id: "q", ...hello },
          { id: "a", role: "assistant", content: "Mine" },
        ]),
    ];
    for (const change of changes) await expect(change()).rejects.toThrow(refused("conflict", /being written/));
    await ann.runs.end(begun.begun.run, { status: "completed", parts: [{ type: "text", text: "Secret" }] });
    const chunk = { userId: people.ids.ann, key: begun.begun.run, chunks: [] };
    await people.store.system.heartbeat([chunk]);
    expect(await ann.messages.redact("c", "a")).toMatchObject({
      id: "a",
      seq: 2,
      content: "",
      parts: null,
      status: "deleted",
    });
  });

  it("redacts a message wherever its content is", async () => {
    const { ann, bob } = people;
    await ann.conversations.create({
      id: "c",
      messages: [{ id: "m", role: "user", content: "A secret", metadata: { s: "secret" } }],
    });
    const begun = await ann.runs.begin({
      conversationId: "c",
      question: { ...hello, id: "q" },
      replyId: "a",
      server: "s",
    });
    if (!("begun" in begun)) throw new Error("not begun");
    const { run } = begun.begun;
    await people.store.system.heartbeat([
      { userId: people.ids.ann, key: run, chunks: [{ seq: 1, chunk: "A secret" }] },
    ]);
    await ann.runs.end(run, { status: "failed", parts: [{ type: "text", text: "secret" }], error: "secret" });
    await expect(bob.messages.redact("c", "m")).rejects.toThrow(refused("not_found", /./));
    for (const id of ["m", "a", "m"]) await ann.messages.redact("c", id);
    const rows = ["conversation", "message", "run", "run_chunk"].map(
      (table) => sql`select to_jsonb(t)::text as row from ${sql.identifier(table)} t`,
    );
    for (const query of rows) {
      const { rows: found } = (await database.db.execute(query)) as unknown as { rows: { row: string }[] };
      expect(found.map(({ row }) => row).filter((row) => row.includes("secret"))).toEqual([]);
    }
    expect((await ann.messages.list("c")).items.map(({ id, seq, status }) => [id, seq, status])).toEqual([
      ["m", 1, "deleted"],
      ["q", 2, "complete"],
      ["a", 3, "deleted"],
    ]);
    await expect(ann.messages.update("c", "m", { content: "x" }, { revision: 2 })).rejects.toThrow(
      refused("conflict", /deleted/),
    );
  });

  it("truncates, clears and pops what is shown, and appends go on from there", async () => {
    const { ann } = people;
    const shown = async () => (await ann.messages.branch("c")).items.map(({ id }) => id);
    const say = (...ids: string[]) => ids.map((id) => ({ ...hello, id }));
    await ann.conversations.create({ id: "c", messages: say("1", "2", "3", "4") });
    expect((await ann.conversations.truncate("c", "2")).headId).toBe("2");
    expect(await shown()).toEqual(["1", "2"]);
    await ann.messages.append("c", say("5"));
    expect(await shown()).toEqual(["1", "2", "5"]);
    expect(await ann.conversations.pop("c")).toMatchObject({ id: "5", parentId: "2" });
    expect(await shown()).toEqual(["1", "2"]);
    expect((await ann.conversations.clear("c")).headId).toBeNull();
    expect(await shown()).toEqual([]);
    expect(await ann.conversations.pop("c")).toBeUndefined();
    expect(await ann.messages.append("c", say("6"))).toMatchObject([{ seq: 6, parentId: null }]);
    expect(await shown()).toEqual(["6"]);
    expect((await ann.messages.list("c")).items.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    await expect(ann.conversations.truncate("c", "none")).rejects.toThrow(refused("not_found", /none/));
    await expect(ann.conversations.truncate("none", "1")).rejects.toThrow(refused("not_found", /conversation none/));
  });

  it("saves a transcript by what is other in it", async () => {
    const { ann } = people;
    await ann.conversations.create({ id: "c" });
    const text = (id: string, words: string, role: "user" | "assistant" = "user") => ({
      id,
      role,
      parts: [{ type: "text", text: words }],
    });
    const shown = async () => (await ann.messages.branch("c")).items.map(({ id, content }) => [id, content]);
    await ann.messages.save("c", [text("1", "a"), text("2", "b", "assistant")]);
    await ann.messages.save("c", [text("1", "a"), text("2", "B", "assistant"), text("3", "c")]);
    expect(await shown()).toEqual([
      ["1", "a"],
      ["2", "B"],
      ["3", "c"],
    ]);
    expect((await ann.messages.list("c")).items.map(({ revision }) => revision)).toEqual([1, 2, 1]);
    await ann.messages.save("c", [text("1", "a"), text("2", "B", "assistant"), text("3", "c")]);
    expect((await ann.messages.list("c")).items.map(({ revision }) => revision)).toEqual([1, 2, 1]);
    await ann.messages.save("c", [text("1", "a"), text("4", "d", "assistant")]);
    expect(await shown()).toEqual([
      ["1", "a"],
      ["4", "d"],
    ]);
    await ann.messages.save("c", [text("1", "a"), text("2", "B", "assistant")]);
    expect(await shown()).toEqual([
      ["1", "a"],
      ["2", "B"],
    ]);
    await expect(ann.messages.save("c", [text("1", "a", "assistant")])).rejects.toThrow(
      refused("conflict", /role user/),
    );
    await expect(ann.messages.save("c", [text("1", "a"), text("3", "else")])).rejects.toThrow(refused("conflict", /./));
    expect(await shown()).toEqual([
      ["1", "a"],
      ["2", "B"],
    ]);
    await ann.messages.save("c", [text("1", "a"), text("4", "d", "assistant")]);
    const elsewhere = [text("1", "a"), text("4", "d", "assistant"), text("2", "B", "assistant")];
    await expect(ann.messages.save("c", elsewhere)).rejects.toThrow(refused("conflict", /./));
    await ann.messages.append("c", [{ ...hello, id: "5" }]);
    await ann.messages.redact("c", "4");
    await ann.messages.save("c", [text("1", "a"), text("5", "Hello"), text("6", "f")]);
    expect((await shown()).map(([id]) => id)).toEqual(["1", "4", "5", "6"]);
    const many = Array.from({ length: 250 }, (_, i) => text(`n${i}`, `${i}`));
    expect(await ann.messages.save("c", many)).toHaveLength(250);
    expect(await shown()).toHaveLength(50);
    await ann.messages.save("c", []);
    expect(await shown()).toEqual([]);
  });
});

describe("import", () => {
  const at = (minute: number) => new Date(Date.UTC(2024, 0, 1, 12, minute));
  const chat: ImportedConversation = {
    id: "old",
    title: "Old",
    pinned: true,
    archived: true,
    metadata: { from: "elsewhere" },
    model: "m",
    createdAt: at(0),
    updatedAt: at(9),
    headId: "2",
    messages: [
      { id: "0", role: "system", content: "Rules", createdAt: at(1) },
      { id: "1", role: "user", content: "Hello", createdAt: at(2).toISOString(), metadata: { n: 1 } },
      { id: "2", role: "assistant", content: "Hi", createdAt: at(3), status: "stopped" },
      { id: "3", role: "assistant", parts: [], createdAt: at(4), parentId: "1" },
    ],
  };

  it("keeps ids, times, states and parents, and again changes nothing", async () => {
    const { ann } = people;
    expect(await ann.import(chat)).toEqual([{ conversationId: "old", imported: 4, alreadyThere: 0 }]);
    const before = [await ann.conversations.get("old"), await ann.messages.list("old")];
    expect(before[0]).toMatchObject({
      title: "Old",
      pinned: true,
      archived: true,
      metadata: { from: "elsewhere" },
      model: "m",
      createdAt: at(0),
      updatedAt: at(9),
      headId: "2",
      messageCount: 4,
    });
    expect((await ann.messages.list("old")).items).toMatchObject([
      { id: "0", role: "system", parentId: null, createdAt: at(1), seq: 1 },
      { id: "1", parentId: "0", createdAt: at(2), metadata: { n: 1 } },
      { id: "2", parentId: "1", createdAt: at(3), status: "stopped" },
      { id: "3", parentId: "1", createdAt: at(4), content: "", parts: [] },
    ]);
    expect(await ann.import(chat)).toEqual([{ conversationId: "old", imported: 0, alreadyThere: 4 }]);
    expect([await ann.conversations.get("old"), await ann.messages.list("old")]).toEqual(before);
    await ann.messages.append("old", [{ ...hello, id: "mine" }]);
    expect(await ann.import({ ...chat, messages: [...chat.messages, { id: "late", ...hello }] })).toMatchObject([
      { imported: 1 },
    ]);
    expect((await ann.conversations.get("old")).headId).toBe("mine");
    const more = { ...chat, messages: [...chat.messages, { id: "4", ...hello }] };
    expect(await ann.import([more, { id: "other", messages: [] }])).toMatchObject([{ imported: 1 }, { imported: 0 }]);
    expect((await ann.messages.list("old")).items.at(-1)).toMatchObject({ id: "4", seq: 7, parentId: "3" });
  });

  it("refuses what is wrong, and then stores nothing", async () => {
    const { ann, bob } = people;
    const message = { id: "m", ...hello };
    const ahead = new Date(Date.now() + 3_600_000);
    for (const [input, code, says] of [
      [
        { id: "c", messages: [{ ...message, createdAt: ahead }] },
        "invalid_input",
        /createdAt must not be in the future/,
      ],
      [{ id: "c", messages: [{ ...message, createdAt: new Date(-1) }] }, "invalid_input", /before 1970/],
      [{ id: "c", createdAt: "1969-12-31T23:59:59Z", messages: [] }, "invalid_input", /before 1970/],
      [{ id: "c", createdAt: "yesterday", messages: [] }, "invalid_input", /createdAt must be a Date/],
      [{ id: "c", messages: [{ ...message, parentId: "none" }] }, "invalid_input", /messages\.0\.parentId must be/],
      [{ id: "c", messages: [message], headId: "none" }, "invalid_input", /headId/],
      [{ id: "c", messages: [message, message] }, "invalid_input", /same id twice/],
      [{ id: "c", messages: [{ ...hello }] }, "invalid_input", /messages\.0\.id/],
      [{ id: "c", messages: [{ ...message, create_time: 1 }] }, "invalid_input", /"create_time"/],
      [{ id: "x".repeat(256), messages: [] }, "invalid_input", /255/],
      [{ id: "c", messages: [{ ...message, content: "x".repeat(limits.messageBytes + 1) }] }, "too_large", /too large/],
    ] as const) {
      const call = ann.import([{ id: "before", messages: [] }, input as unknown as ImportedConversation]);
      await expect(call, String(says)).rejects.toThrow(refused(code, says));
    }
    expect((await ann.conversations.list({ archived: undefined })).items).toEqual([]);
    const taken = randomUUID();
    await bob.conversations.create({ id: taken });
    if (!distributed)
      await expect(ann.import({ id: taken, messages: [] })).rejects.toThrow(refused("conflict", /in use/));
    await ann.import({ id: "c", messages: [message] });
    await expect(ann.import({ id: "c", messages: [{ ...message, content: "Other" }] })).rejects.toThrow(
      refused("conflict", /The message m is there already/),
    );
  });

  it("brings in ten thousand messages in one call", async () => {
    const { ann } = people;
    const roles = ["system", "user", "assistant", "tool"] as const;
    const messages = Array.from({ length: 10_000 }, (_, i) => ({
      id: `msg_${i}`,
      role: roles[i % 4] ?? "user",
      content: `Words ${i}`,
      metadata: { i },
      createdAt: new Date(Date.UTC(2023, 0, 1) + i * 1000),
    }));
    expect(await ann.import({ id: "big", messages })).toEqual([
      { conversationId: "big", imported: 10_000, alreadyThere: 0 },
    ]);
    let after = 0;
    for (;;) {
      const { items } = await ann.messages.list("big", { after, limit: 100 });
      if (items.length === 0) break;
      expect(items).toMatchObject(messages.slice(after, after + 100));
      after += items.length;
    }
    expect(after).toBe(10_000);
  });
});
