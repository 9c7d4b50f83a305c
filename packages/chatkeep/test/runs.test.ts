import { randomUUID } from "node:crypto";
import { createStore, type RunKey } from "chatkeep";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { distributed, earlier, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
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

const code = (wanted: string) => expect.objectContaining({ code: wanted });

async function begin() {
  const { ann } = people;
  const { id, headId } = await ann.conversations.create({
    messages: [
      { role: "user", content: "Hello" },
      { role: "assistant", status: "streaming" },
    ],
  });
  const messageId = headId ?? "";
  return { id, messageId, key: await ann.runs.beginDraft({ conversationId: id, messageId, server: "one" }) };
}

async function draftIn(conversationId: string) {
  const [draft] = await people.ann.messages.append(conversationId, [{ role: "assistant", status: "streaming" }]);
  return draft?.id ?? "";
}

/** A store whose replies say what was in their chunks. */
const system = () =>
  createStore(database, models, { distributed, partsOf: (chunks) => [{ type: "text", text: chunks.join("") }] }).system;

const sendHeartbeat = (key: RunKey, chunks: string[] = [], first = 1, userId: string = ids.ann) =>
  system().heartbeat([{ userId, key, chunks: chunks.map((chunk, index) => ({ seq: first + index, chunk })) }]);
const alive = (key: RunKey, stop = false, isFollowed = false) => [{ runId: key.id, stop, isFollowed }];
const expire = () => database.db.execute(sql`update run set heartbeat_at = now() - interval '16 seconds'`);
const chunksOf = async (key: RunKey, after = 0) =>
  (await system().readRuns([{ userId: ids.ann, runId: key.id, after }]))[0]?.chunks.map(({ chunk }) => chunk);

it("writes its reply once, and is over", async () => {
  const { ann } = people;
  const { id, key } = await begin();
  expect(await sendHeartbeat(key)).toEqual(alive(key));
  const parts = [{ type: "text", text: "Hi, Ann." }];
  const end = { status: "completed", parts, finishReason: "length", inputTokens: 3, outputTokens: 4 } as const;
  expect(await ann.runs.end(key, end)).toBe(true);
  expect((await ann.messages.list(id)).items[1]).toMatchObject({
    content: "Hi, Ann.",
    parts,
    status: "complete",
    finishReason: "length",
  });
  expect(await ann.runs.end(key, { status: "failed", parts: [] })).toBe(false);
  expect(await sendHeartbeat(key, ["late"])).toEqual([]);
  expect((await ann.messages.list(id)).items[1]?.status).toBe("complete");
  expect(await chunksOf(key)).toEqual([]);
});

it("is alone in its conversation", async () => {
  const { ann } = people;
  const { id, key } = await begin();
  const again = async () => ann.runs.beginDraft({ conversationId: id, messageId: await draftIn(id), server: "two" });
  await expect(again()).rejects.toThrow(expect.objectContaining({ code: "conflict", details: { runId: key.id } }));
  await ann.runs.end(key, { status: "stopped", parts: [] });
  const tries = await Promise.allSettled(Array.from({ length: 5 }, again));
  expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const one of tries) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "conflict" });
});

it("begins for a draft of its conversation alone, and says what is wrong with another message", async () => {
  const { ann, bob } = people;
  const { id } = await ann.conversations.create();
  const [question, draft] = await ann.messages.append(id, [
    { role: "user", content: "Hello" },
    { role: "assistant", status: "streaming" },
  ]);
  const other = await ann.conversations.create({ messages: [{ role: "assistant", status: "streaming" }] });
  const [done] = await ann.messages.append(other.id, [{ role: "assistant", content: "Done" }]);
  const tries: [conversationId: string, messageId: string | undefined, code: string, says: RegExp][] = [
    [id, randomUUID(), "not_found", /no message/],
    [id, question?.id, "conflict", /no draft/],
    [other.id, done?.id, "conflict", /no draft/],
    [id, other.headId ?? "", "not_found", /no message/],
    [randomUUID(), draft?.id, "not_found", /no conversation/],
    ["", draft?.id, "invalid_input", /conversationId must not be empty/],
    [id, "", "invalid_input", /messageId must not be empty/],
  ];
  for (const [conversationId, messageId = "", wanted, says] of tries) {
    const begun = ann.runs.beginDraft({ conversationId, messageId, server: "one" });
    await expect(begun).rejects.toThrow(
      expect.objectContaining({ code: wanted, message: expect.stringMatching(says) }),
    );
  }
  await expect(bob.runs.beginDraft({ conversationId: id, messageId: draft?.id ?? "", server: "one" })).rejects.toThrow(
    code("not_found"),
  );
  expect(await ann.runs.findRunning(id)).toBeUndefined();
  expect(await ann.runs.beginDraft({ conversationId: id, messageId: draft?.id ?? "", server: "one" })).toMatchObject({
    epoch: 1,
  });
});

it("is told whether somebody follows it, which only its owner's readers can", async () => {
  const { key } = await begin();
  await system().readRuns([{ userId: ids.bob, runId: key.id, after: 0 }]);
  expect(await sendHeartbeat(key)).toEqual(alive(key));
  await system().readRuns([{ userId: ids.ann, runId: key.id, after: 0 }]);
  expect(await sendHeartbeat(key)).toEqual(alive(key, false, true));
  await database.db.execute(sql`update run set followed_at = now() - interval '16 seconds'`);
  expect(await sendHeartbeat(key)).toEqual(alive(key));
  await system().readRuns([{ userId: ids.ann, runId: key.id, after: 0 }]);
  expect(await sendHeartbeat(key)).toEqual(alive(key, false, true));
});

it("hears of a stop, which only its owner can ask for", async () => {
  const { ann, bob } = people;
  const { id, key } = await begin();
  await expect(bob.runs.stop(id)).rejects.toThrow(code("not_found"));
  expect(await sendHeartbeat(key, ["theirs"], 1, ids.bob)).toEqual([]);
  expect(await bob.runs.end(key, { status: "failed", parts: [] })).toBe(false);
  expect(await bob.runs.find(id, key.id)).toBeUndefined();
  expect(await system().readRuns([{ userId: ids.bob, runId: key.id, after: 0 }])).toEqual([]);
  expect(await ann.runs.stop(id, ids.ann)).toBeUndefined();
  await expect(ann.runs.stop(id, "none")).rejects.toThrow(code("invalid_input"));
  expect(await sendHeartbeat(key)).toEqual(alive(key, false));
  expect(await ann.runs.stop(id, key.id)).toBe(key.id);
  expect(await ann.runs.stop(id)).toBe(key.id);
  expect(await sendHeartbeat(key)).toEqual(alive(key, true));
});

it("stores what it streams in order, the same rows once, and the rest with its end", async () => {
  const { ann } = people;
  const { key } = await begin();
  await sendHeartbeat(key, ["a", "b"]);
  await sendHeartbeat(key, ["a", "b", "c"]);
  await sendHeartbeat(key, ["d"], 4);
  expect(await chunksOf(key)).toEqual(["a", "b", "c", "d"]);
  expect(await chunksOf(key, 2)).toEqual(["c", "d"]);
  const chunks = [
    { seq: 4, chunk: "d" },
    { seq: 5, chunk: "e" },
  ];
  await ann.runs.end(key, { status: "completed", parts: [], chunks });
  const [news] = await system().readRuns([{ userId: ids.ann, runId: key.id, after: 4 }]);
  expect(news).toEqual({
    ...news,
    status: "completed",
    isOver: false,
    hasMore: false,
    chunks: [{ seq: 5, chunk: "e" }],
  });
});

it("is read in pages when it is long", async () => {
  const { key } = await begin();
  await sendHeartbeat(
    key,
    Array.from({ length: 700 }, (_, index) => String(index)),
  );
  const [first] = await system().readRuns([{ userId: ids.ann, runId: key.id, after: 0 }]);
  expect([first?.chunks.length, first?.hasMore]).toEqual([500, true]);
  expect((await chunksOf(key, 500))?.[0]).toBe("500");
});

it("is interrupted when its lease has run out, keeps what it streamed, and can then write nothing", async () => {
  const { ann } = people;
  const { id, key, messageId } = await begin();
  await sendHeartbeat(key, ["so ", "far"]);
  expect(await system().interruptRuns("expired")).toEqual([]);
  await expire();
  expect((await system().readRuns([{ userId: ids.ann, runId: key.id, after: 9 }]))[0]?.isOver).toBe(true);
  const both = await Promise.all([1, 2].map(() => system().interruptRuns("expired")));
  expect(both.flat()).toEqual([{ runId: key.id, conversationId: id, userId: ids.ann }]);
  expect(await ann.messages.get(id, messageId)).toMatchObject({ status: "interrupted", content: "so far" });
  expect(await sendHeartbeat(key, ["late"], 3)).toEqual([]);
  expect(await ann.runs.end(key, { status: "completed", parts: [{ type: "text", text: "late" }] })).toBe(false);
  expect((await ann.messages.get(id, messageId)).content).toBe("so far");
  expect(await ann.runs.find(id, key.id)).toMatchObject({ status: "interrupted" });
});

it("goes on when it shows itself after it was found to be dead", async () => {
  const { key } = await begin();
  await expire();
  let looked = 0;
  const query: typeof database.query = async (text, values, name) => {
    const rows = await database.query(text, values, name);
    if (name?.startsWith("chatkeep_dead_expired_") && looked++ === 0) await sendHeartbeat(key);
    return rows;
  };
  const watched = createStore({ ...database, query }, models, { distributed });
  expect(await watched.system.interruptRuns("expired")).toEqual([]);
  expect(looked).toBeGreaterThan(0);
  expect(await sendHeartbeat(key)).toEqual(alive(key));
});

it("makes way for the next when its lease has run out, and all of them do when their only process begins anew", async () => {
  const { ann } = people;
  const { id, key, messageId } = await begin();
  await expire();
  const next = await ann.runs.beginDraft({ conversationId: id, messageId: await draftIn(id), server: "two" });
  expect((await ann.messages.get(id, messageId)).status).toBe("interrupted");
  expect((await ann.runs.findRunning(id))?.id).toBe(next.id);
  expect(next.id).not.toBe(key.id);
  expect(await system().interruptRuns("all")).toHaveLength(1);
  expect(await ann.runs.findRunning(id)).toBeUndefined();
});

it.each(["delete", "erase"] as const)("writes nothing into a conversation after %s of it", async (verb) => {
  const { ann } = people;
  const { id, key } = await begin();
  await sendHeartbeat(key, ["so far"]);
  await ann.conversations[verb](id);
  expect(await sendHeartbeat(key, ["late"], 2)).toEqual([]);
  expect(await ann.runs.end(key, { status: "completed", parts: [{ type: "text", text: "late" }] })).toBe(false);
  expect(await ann.conversations.find(id)).toBeUndefined();
  if (verb === "delete") {
    expect(await ann.conversations.restore(id)).toMatchObject({ id });
    expect((await ann.messages.list(id)).items.at(-1)).toMatchObject({ status: "stopped" });
    return;
  }
  expect(await system().readRuns([{ userId: ids.ann, runId: key.id, after: 0 }])).toEqual([]);
  expect(await database.db.$count(models.runChunk)).toBe(0);
});

it("loses its chunks some time after its end, and not before", async () => {
  const { ann } = people;
  const [one, two] = [await begin(), await begin()];
  await sendHeartbeat(one.key, ["one"]);
  await sendHeartbeat(two.key, ["two"]);
  await ann.runs.end(one.key, { status: "completed", parts: [] });
  expect(await system().removeChunks(60_000)).toBe(0);
  await database.db.execute(sql`update run set finished_at = ${earlier("finished_at", "2 minutes")}`);
  await database.db.execute(sql`update run_chunk set created_at = ${earlier("created_at", "2 minutes")}`);
  expect(await system().removeChunks(60_000)).toBe(1);
  expect([await chunksOf(one.key), await chunksOf(two.key)]).toEqual([[], ["two"]]);
});

it("is told with its conversation, to whom it belongs", async () => {
  const { ann } = people;
  const { id, key } = await begin();
  const place = { userId: ids.ann, conversationId: id };
  expect(await system().readLive([place, { userId: ids.bob, conversationId: id }])).toEqual([
    { userId: ids.ann, conversation: await ann.conversations.get(id), runId: key.id },
  ]);
  await ann.runs.end(key, { status: "completed", parts: [] });
  const recent = await system().readRecent([ids.ann, ids.bob]);
  expect(recent).toEqual([{ userId: ids.ann, conversation: await ann.conversations.get(id), runId: null }]);
  await ann.conversations.delete(id);
  expect(await system().readLive([place])).toEqual([]);
});
