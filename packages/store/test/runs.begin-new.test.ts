import { randomUUID } from "node:crypto";
import { createStore, type NewMessage } from "chatkeep";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { isServer, openAgain, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, meetPeople, models } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof meetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  people = await meetPeople(database.db);
});

const pair = (text = "How do I bake bread?", more: Partial<NewMessage> = {}): NewMessage[] => {
  const id = randomUUID();
  return [
    { id, role: "user", content: text, ...more },
    { id: randomUUID(), role: "assistant", status: "streaming", parentId: id },
  ];
};

it("makes the conversation with the first question, and goes on in it, as append and begin would", async () => {
  const { ann } = people;
  const id = randomUUID();
  const begin = (messages: NewMessage[]) =>
    ann.runs.beginNew({ conversationId: id, messages, server: "one", model: "m" });
  const first = pair();
  const key = await begin(first);
  expect(key).toMatchObject({ id: expect.any(String), epoch: 1 });
  expect(await ann.conversations.get(id)).toMatchObject({
    title: "How do I bake bread?",
    messageCount: 2,
    headId: first[1]?.id,
  });
  expect(await ann.runs.findRunning(id)).toMatchObject({
    id: key?.id,
    messageId: first[1]?.id,
    server: "one",
    model: "m",
  });
  await ann.runs.end(key ?? { id, epoch: 1 }, { status: "completed", parts: [{ type: "text", text: "So." }] });
  const parts = [
    { type: "text", text: "And\0 cake?" },
    { type: "x", b: 1, a: [2] },
  ];
  const second = pair("", { content: undefined, parts });
  expect(await begin(second)).toBeDefined();
  const { items } = await ann.messages.list(id);
  expect(items.map(({ seq, role, parentId }) => [seq, role, parentId])).toEqual([
    [1, "user", null],
    [2, "assistant", first[0]?.id],
    [3, "user", first[1]?.id],
    [4, "assistant", second[0]?.id],
  ]);
  expect(items[2]).toMatchObject({ parts, content: "And\0 cake?", status: "complete" });
  expect(items[3]).toMatchObject({ status: "streaming", content: "" });
});

it("asks again below an earlier message, or as a new beginning", async () => {
  const { ann } = people;
  const made = await ann.conversations.create({
    messages: [
      { role: "user", content: "A" },
      { role: "assistant", content: "B" },
    ],
  });
  for (const parentId of [made.headId, null]) {
    const key = await ann.runs.beginNew({ conversationId: made.id, messages: pair("C", { parentId }), server: "one" });
    await ann.runs.end(key ?? { id: made.id, epoch: 1 }, { status: "stopped", parts: [] });
  }
  const { items } = await ann.messages.list(made.id);
  expect(items.filter(({ content }) => content === "C").map(({ parentId }) => parentId)).toEqual([made.headId, null]);
});

it("stores nothing when anything is not as expected, and leaves the reason to append and begin", async () => {
  const { ann, bob } = people;
  const made = await ann.conversations.create({ messages: [{ role: "user", content: "A" }] });
  const known = pair();
  await ann.messages.append(made.id, known.slice(0, 1));
  const running = await ann.conversations.create();
  await ann.runs.beginNew({ conversationId: running.id, messages: pair(), server: "one" });
  const theirs = await bob.conversations.create({ messages: [{ role: "user", content: "Secret" }] });
  const tries = [
    { conversationId: made.id, messages: known },
    { conversationId: running.id, messages: pair() },
    { conversationId: theirs.id, messages: pair() },
    { conversationId: made.id, messages: pair("x", { parentId: randomUUID() }) },
    { conversationId: made.id, messages: pair("x", { parentId: theirs.headId }) },
    { conversationId: randomUUID(), messages: pair("x", { parentId: made.headId }) },
    { conversationId: made.id, messages: pair("x", { id: theirs.headId ?? "" }) },
  ];
  const everything = async () => [
    await database.db.select().from(models.conversation),
    await database.db.select().from(models.message),
    await database.db.select().from(models.run),
  ];
  const before = await everything();
  for (const [index, given] of tries.entries()) {
    expect(await ann.runs.beginNew({ ...given, server: "one" }), String(index)).toBeUndefined();
  }
  expect(await everything()).toEqual(before);
});

it("of many at once in one conversation, old or new, begins one", async () => {
  const stores = isServer ? [database, openAgain(database)] : [database];
  const { ann } = people;
  const old = await ann.conversations.create();
  for (const id of [old.id, randomUUID()]) {
    const tries = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        createStore(stores[index % stores.length]?.db ?? database.db, models)
          .forUser(ids.ann)
          .runs.beginNew({ conversationId: id, messages: pair(), server: "one" }),
      ),
    );
    expect(tries.filter((key) => key !== undefined)).toHaveLength(1);
    expect(await ann.conversations.get(id)).toMatchObject({ messageCount: 2 });
    expect((await ann.messages.list(id)).items.map(({ seq }) => seq)).toEqual([1, 2]);
  }
  if (stores[1]) await stores[1].close();
});

it("inside a transaction is undone with it, and a refusal does not end it", async () => {
  const { store, ann } = people;
  const id = randomUUID();
  const failing = store.transaction(async (tx) => {
    const mine = tx.forUser(ids.ann);
    expect(await mine.runs.beginNew({ conversationId: id, messages: pair(), server: "one" })).toBeDefined();
    expect(await mine.runs.beginNew({ conversationId: id, messages: pair(), server: "one" })).toBeUndefined();
    expect(await mine.conversations.get(id)).toMatchObject({ messageCount: 2 });
    throw new Error("changed my mind");
  });
  await expect(failing).rejects.toThrow("changed my mind");
  expect(await ann.conversations.find(id)).toBeUndefined();
  expect(await database.db.$count(sql`run`)).toBe(0);
});
