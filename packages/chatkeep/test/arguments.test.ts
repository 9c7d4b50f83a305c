import { randomUUID } from "node:crypto";
import { chatMigrations, chatTables, createStore, type UserId, type UserStore } from "chatkeep";
import { chatModels } from "chatkeep/drizzle";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  people = await resetPeople(database);
});

type AnyVerb = (...values: unknown[]) => Promise<unknown>;

const refused = expect.objectContaining({ code: "invalid_input", message: expect.stringMatching(/^.+\.$/) });
/** Each is wrong for whatever an argument is meant to be: they are given in place of each argument in turn. */
const wrong: unknown[] = [42, Number.NaN, true, [], Symbol("x"), () => {}, "\0", " ", "x".repeat(256), "\ud800"];

it("each verb of a user refuses each argument that is of a wrong type, with a sentence", async () => {
  const { ann } = people;
  const { id, headId } = await ann.conversations.create({ messages: [{ role: "user", content: "Hello" }] });
  const key = { id: randomUUID(), epoch: 1 };
  const right: Record<string, unknown[]> = {
    "conversations.create": [{ title: "A" }],
    "conversations.get": [id],
    "conversations.find": [id],
    "conversations.list": [{ limit: 1 }],
    "conversations.ids": [{}],
    "conversations.retitle": [id, { from: "Hello", title: "must be a text", "\0": 1 }],
    "conversations.rename": [id, { title: "must be a text" }],
    "conversations.update": [id, { title: "must be a text", "\0": 1 }],
    "conversations.pin": [id, "yes"],
    "conversations.archive": [id, "yes"],
    "conversations.showBranch": [id, headId],
    "conversations.truncate": [id, headId],
    "conversations.clear": [id],
    "conversations.pop": [id],
    "conversations.delete": [id],
    "conversations.emptyTrash": [],
    "conversations.erase": [id],
    "conversations.purge": [id],
    "conversations.restore": [id],
    "conversations.trash": [{ limit: 1 }],
    "messages.append": [id, [{ role: "user", content: "Hello" }], {}],
    "messages.update": [id, headId, { content: "x" }, { revision: 1 }],
    "messages.redact": [id, headId],
    "messages.save": [id, [{ id: "a", role: "user", content: "x" }]],
    "messages.get": [id, headId],
    "messages.find": [[headId], { conversationId: id }],
    "messages.list": [id, {}],
    "messages.branch": [id, {}],
    "messages.branchWithSiblings": [id, {}],
    "files.put": [{ name: "a", data: new Uint8Array(1) }],
    "files.get": [randomUUID()],
    "files.read": [randomUUID(), {}],
    "files.stream": [randomUUID(), {}],
    "files.list": [{}],
    "files.remove": [randomUUID()],
    "runs.addUsage": [id, randomUUID(), { inputTokens: 1 }],
    "runs.begin": [{ conversationId: id, question: { role: "user", content: "Hello" }, server: "one" }],
    "runs.proceed": [{ conversationId: id, messageId: headId, parts: [], revision: 1, server: "one" }],
    "runs.beginDraft": [{ conversationId: id, messageId: headId, server: "one" }],
    "runs.end": [key, { status: "completed", parts: [] }],
    "runs.findRunning": [id],
    "runs.find": [id, randomUUID()],
    "runs.findById": [randomUUID()],
    "runs.stop": [id],
  };
  const { transaction: _, import: bringIn, ...nouns } = ann;
  const verbs = Object.entries(nouns).flatMap(([noun, verbsOfNoun]) =>
    Object.entries(verbsOfNoun).map(([verb, call]) => [`${noun}.${verb}`, call as AnyVerb] as const),
  );
  expect(verbs.map(([name]) => name).sort()).toEqual(Object.keys(right).sort());
  for (const [name, call] of verbs) {
    const values = right[name] ?? [];
    for (const [place, value] of values.entries()) {
      // A title, a mark: what is wrong with those stands in their place already.
      const isLoose =
        name === "conversations.rename" ||
        name === "conversations.update" ||
        name === "conversations.pin" ||
        name === "conversations.archive";
      const some = isLoose && place === 1 ? [value] : wrong;
      for (const bad of some) {
        // No messages are a transcript, too, and no ids are a list.
        const mayBeEmpty = (name === "messages.save" && place === 1) || (name === "messages.find" && place === 0);
        if (mayBeEmpty && Array.isArray(bad)) continue;
        const given = values.map((one, index) => (index === place ? bad : one));
        await expect(call(...given), `${name}, argument ${place + 1}: ${String(bad)}`).rejects.toThrow(refused);
      }
    }
  }
  for (const bad of [...wrong, undefined, null, {}]) {
    if (!Array.isArray(bad)) await expect((bringIn as AnyVerb)(bad), String(bad)).rejects.toThrow(refused);
  }
  expect(await ann.conversations.get(id)).toMatchObject({ messageCount: 1, title: "Hello", pinned: false });
});

it("each option is looked at, and the sentence names it", async () => {
  const { ann } = people;
  const { id, headId } = await ann.conversations.create({ messages: [{ role: "user", content: "Hello" }] });
  const list = (options: object) => ann.conversations.list(options);
  const append = (message: object, options?: object) => ann.messages.append(id, [message as { role: "user" }], options);
  const end = (more: object) =>
    ann.runs.end({ id: randomUUID(), epoch: 1 }, { status: "completed", parts: [], ...more });
  const tries: [() => Promise<unknown>, RegExp][] = [
    [() => list({ limit: "5" }), /limit/],
    [() => list({ limit: 0 }), /limit/],
    [() => list({ cursor: 5 }), /cursor/],
    [() => list({ cursor: "x".repeat(501) }), /cursor/],
    [() => list({ archived: "yes" }), /archived/],
    [() => list({ pinned: 1 }), /pinned/],
    [() => list({ search: 5 }), /search/],
    [() => list({ search: "x".repeat(1_000_000) }), /search/],
    [() => ann.conversations.ids({ after: "x" }), /after/],
    [() => ann.messages.list(id, { before: 1.5 }), /before/],
    [() => ann.messages.list(id, { after: -1 }), /after/],
    [() => ann.messages.list(id, { before: 2 ** 31 }), /before/],
    [() => ann.messages.branch(id, { leafId: "" }), /leafId/],
    [() => ann.messages.branch(id, { leafId: headId ?? "", before: headId ?? "" }), /leafId, before and after/],
    [() => append({ role: "user", content: "x" }, { expectedSeq: "1" }), /expectedSeq/],
    [() => append({ role: "user", content: 5 }), /content/],
    [() => append({ role: "user", parts: [{ type: 5 }] }), /parts/],
    [() => append({ role: "user", parts: Array(10_001).fill({ type: "x" }) }), /at most 10000 parts/],
    [() => append({ role: "other", content: "x" }), /role/],
    [() => append({ role: "user", content: "x", id: " " }), /id/],
    [() => append({ role: "user", content: "x", id: "x".repeat(256) }), /at most 255 characters/],
    [() => append({ role: "user", content: "x", id: "a\0b" }), /NUL/],
    [() => append({ role: "user", content: "x", created_at: 1 }), /must not have the key "created_at": it takes id/],
    [() => append({ role: "user", content: "x", meta: 1 }), /"meta": did you mean metadata/],
    [() => append({ role: "user", content: "x", parent_id: 1 }), /"parent_id": did you mean parentId/],
    [() => append({ role: "user", content: "x", metadata: () => 1 }), /metadata/],
    [() => list({ metadata: { a: {} } }), /metadata/],
    [() => list({ metadata: { a: "\0" } }), /NUL/],
    [() => list({ metadata: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [i, i])) }), /at most 10/],
    [() => list({ sort: "title" }), /"sort"/],
    [() => ann.conversations.create({ metadata: { a: "\0" } }), /metadata/],
    [() => ann.conversations.create({ model: "" }), /model/],
    [() => ann.conversations.create({ instructions: "x".repeat(65_537) }), /instructions/],
    [() => ann.conversations.update(id, {}), /at least one of/],
    [() => append({ role: "user", content: "x", parentId: 5 }), /parentId/],
    [() => ann.messages.append(id, Array(101).fill({ role: "user", content: "x" })), /at most 100 messages/],
    [() => ann.messages.append(id, []), /at least one/],
    [() => ann.runs.begin({ conversationId: id, question: { role: "user", content: "" }, server: "one" }), /question/],
    [
      () => ann.runs.begin({ conversationId: id, question: { role: "assistant", content: "x" }, server: "one" }),
      /role "user"/,
    ],
    [() => ann.runs.begin({ conversationId: id, question: { role: "user", content: "x" }, server: "" }), /server/],
    [() => end({ status: "running" }), /status/],
    [() => end({ status: "done" }), /status/],
    [() => end({ parts: "words" }), /parts/],
    [() => end({ chunks: [{ seq: 1, chunk: 5 }] }), /chunk/],
    [() => end({ inputTokens: -1 }), /inputTokens/],
    [() => end({ outputTokens: 1.5 }), /outputTokens/],
    [() => end({ error: "x".repeat(2_001) }), /error/],
    [() => ann.runs.beginDraft({ conversationId: id, messageId: headId ?? "", server: "" }), /server/],
    [() => ann.runs.beginDraft({ conversationId: id, messageId: headId ?? "", server: "x".repeat(256) }), /server/],
    [() => ann.runs.beginDraft({ conversationId: id, messageId: headId ?? "", server: "a", model: "\0" }), /model/],
  ];
  for (const [call, says] of tries) {
    await expect(call(), String(says)).rejects.toThrow(
      expect.objectContaining({ code: "invalid_input", message: expect.stringMatching(says) }),
    );
  }
});

it("a user id that is none is refused by every verb, and by those of the system", async () => {
  const bad: unknown[] = [undefined, null, "", "ann", 5, Number.NaN, {}, [ids.ann], "\0"];
  const { store } = people;
  for (const userId of bad) {
    const nobody = store.forUser(userId as UserId) as UserStore;
    const calls = [
      () => nobody.conversations.list(),
      () => nobody.conversations.create(),
      () => nobody.messages.append(randomUUID(), [{ role: "user", content: "x" }]),
      () => nobody.runs.stop(randomUUID()),
      () => nobody.transaction(randomUUID(), async (mine) => mine.conversations.list()),
      () => store.system.readRecent([userId as UserId]),
      () => store.system.readLive([{ userId: userId as UserId, conversationId: randomUUID() }]),
      () => store.system.readRuns([{ userId: userId as UserId, runId: randomUUID(), after: 0 }]),
      () => store.system.heartbeat([{ userId: userId as UserId, key: { id: randomUUID(), epoch: 1 }, chunks: [] }]),
    ];
    for (const call of calls) await expect(call(), String(userId)).rejects.toThrow(refused);
  }
  const places: unknown[] = ["x", [{}], [{ userId: ids.ann, runId: "x", after: 0 }], 5, null];
  for (const given of places) {
    await expect(store.system.readRuns(given as [])).rejects.toThrow(refused);
    await expect(store.system.heartbeat(given as [])).rejects.toThrow(refused);
    await expect(store.system.readLive(given as [])).rejects.toThrow(refused);
  }
  await expect(store.system.interruptRuns("some" as "all")).rejects.toThrow(refused);
  await expect(store.system.removeChunks(Number.NaN)).rejects.toThrow(refused);
  await expect(store.system.removeChunks(-1)).rejects.toThrow(refused);
});

it("a transaction needs a conversation and a function, and parts are plain JSON", async () => {
  const { ann, store } = people;
  const { id } = await ann.conversations.create();
  const work = undefined as unknown as () => Promise<void>;
  for (const call of [
    () => ann.transaction("", async () => {}),
    () => ann.transaction(id, work),
    () => store.transaction(work),
    () => ann.messages.append(id, [{ role: "user", parts: [{ type: "x", toJSON: () => undefined }] }]),
    () => ann.messages.append(id, [{ role: "user", parts: [{ type: "x", toJSON: () => ({ type: "y" }) }] }]),
  ]) {
    await expect(call()).rejects.toThrow(refused);
  }
});

it("options of a store that cannot be right are refused when it is made", () => {
  for (const runLeaseMs of [0, -1, Number.NaN, "5" as unknown as number]) {
    expect(() => createStore(database, models, { runLeaseMs })).toThrow(TypeError);
  }
  expect(() => createStore(database, models, { partsOf: "x" as unknown as () => [] })).toThrow(TypeError);
  const nothing = null as unknown;
  expect(() => createStore(nothing as typeof database, models)).toThrow(/wants a connection/);
  expect(() => createStore(database, nothing as typeof models)).toThrow(/needs its tables/);
  expect(() => chatModels(nothing as AnyPgColumn)).toThrow(/needs the id column/);
  expect(() => chatMigrations(nothing as typeof models)).toThrow(/needs the tables/);
  expect(() => chatTables(nothing as { user: false })).toThrow(/needs the user table/);
});

it("a cursor that was forged is refused, whatever it says", async () => {
  const { ann } = people;
  await ann.conversations.create();
  const { encodeCursor } = await import("chatkeep/internal");
  const forged = [
    [0, "-".repeat(36)],
    [0, "f".repeat(36)],
    [0, "00000000-0000-0000-0000-00000000000g"],
    [-1, randomUUID()],
    [253_402_300_800_000, randomUUID()],
    ["0", randomUUID()],
    [1.5, randomUUID()],
    [0],
    [0, randomUUID(), 0],
    [0, 5],
  ].map((values) => encodeCursor(values as (string | number)[]));
  for (const cursor of [...forged, "x", "é", "AAAA", encodeCursor(["x".repeat(400)])]) {
    await expect(ann.conversations.list({ cursor }), cursor).rejects.toThrow(refused);
  }
});
