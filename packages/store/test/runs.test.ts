import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { meetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof meetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  people = await meetPeople(database.db);
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
  return { id, messageId, key: await ann.runs.begin({ conversationId: id, messageId, server: "one" }) };
}

it("writes its reply once, and is over", async () => {
  const { ann } = people;
  const { id, key } = await begin();
  expect(await ann.runs.beat(key)).toEqual({ alive: true, stop: false });
  const parts = [{ type: "text", text: "Hi, Ann." }];
  const end = { status: "completed", parts, inputTokens: 3, outputTokens: 4 } as const;
  expect(await ann.runs.end(key, end)).toBe(true);
  expect((await ann.messages.list(id)).items[1]).toMatchObject({ content: "Hi, Ann.", parts, status: "complete" });
  expect(await ann.runs.end(key, { status: "failed", parts: [] })).toBe(false);
  expect(await ann.runs.beat(key)).toEqual({ alive: false, stop: false });
  expect((await ann.messages.list(id)).items[1]?.status).toBe("complete");
});

it("is alone in its conversation", async () => {
  const { ann } = people;
  const { id, key } = await begin();
  const again = () => ann.runs.begin({ conversationId: id, messageId: randomUUID(), server: "two" });
  await expect(again()).rejects.toThrow(expect.objectContaining({ code: "conflict", details: { runId: key.id } }));
  await ann.runs.end(key, { status: "stopped", parts: [] });
  const tries = await Promise.allSettled(Array.from({ length: 5 }, again));
  expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const one of tries) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "conflict" });
});

it("hears of a stop, which only its owner can ask for", async () => {
  const { ann, bob } = people;
  const { id, key } = await begin();
  await expect(bob.runs.stop(id)).rejects.toThrow(code("not_found"));
  expect(await bob.runs.beat(key)).toEqual({ alive: false, stop: false });
  expect(await bob.runs.end(key, { status: "failed", parts: [] })).toBe(false);
  await ann.runs.stop(id);
  expect(await ann.runs.beat(key)).toEqual({ alive: true, stop: true });
});

it("is interrupted when its lease has run out, and can then write nothing", async () => {
  const { ann, store } = people;
  const { id, key, messageId } = await begin();
  expect(await store.interruptRuns("expired")).toBe(0);
  await database.db.execute(sql`update run set heartbeat_at = now() - interval '16 seconds'`);
  const next = await ann.runs.begin({ conversationId: id, messageId: randomUUID(), server: "two" });
  expect((await ann.messages.get(id, messageId)).status).toBe("interrupted");
  expect(await ann.runs.end(key, { status: "completed", parts: [{ type: "text", text: "late" }] })).toBe(false);
  expect((await ann.messages.get(id, messageId)).content).toBe("");
  expect((await ann.runs.findRunning(id))?.id).toBe(next.id);
  expect(await store.interruptRuns("all")).toBe(1);
  expect(await ann.runs.findRunning(id)).toBeUndefined();
});

it("writes nothing into a conversation that was deleted meanwhile", async () => {
  const { ann } = people;
  const { id, key } = await begin();
  await ann.conversations.delete(id);
  expect(await ann.runs.beat(key)).toEqual({ alive: false, stop: false });
  expect(await ann.runs.end(key, { status: "completed", parts: [{ type: "text", text: "late" }] })).toBe(false);
  expect(await ann.conversations.find(id)).toBeUndefined();
});
