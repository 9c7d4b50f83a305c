import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
  people = await resetPeople(database);
});
afterAll(() => database.close());

const code = (wanted: string) => expect.objectContaining({ code: wanted });

async function chatOf(count: number): Promise<string> {
  const { id } = await people.ann.conversations.create();
  for (let from = 0; from < count; from += 100) {
    const messages = Array.from({ length: Math.min(100, count - from) }, (_, index) => ({
      role: index % 2 ? ("assistant" as const) : ("user" as const),
      content: `Message ${from + index + 1}`,
    }));
    await people.ann.messages.append(id, messages);
  }
  return id;
}

it("gives the last page, the ones before it, and the ones after a message", async () => {
  const { ann } = people;
  const id = await chatOf(120);
  const last = await ann.messages.list(id);
  expect(last.items.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, index) => 71 + index));
  expect(last.nextCursor).toBe("71");
  const older = await ann.messages.list(id, { before: 71, limit: 70 });
  expect([older.items[0]?.seq, older.items.at(-1)?.seq, older.nextCursor]).toEqual([1, 70, null]);
  const newer = await ann.messages.list(id, { after: 0, limit: 100 });
  expect([newer.items[0]?.seq, newer.items.at(-1)?.seq, newer.nextCursor]).toEqual([1, 100, "100"]);
  const rest = await ann.messages.list(id, { after: 100 });
  expect([rest.items.length, rest.nextCursor]).toEqual([20, null]);
  expect((await ann.messages.list(id, { after: 120 })).items).toEqual([]);
  await expect(ann.messages.list(id, { before: 5, after: 2 })).rejects.toThrow(code("invalid_input"));
});

it("gives an empty page of an empty conversation, and not_found of none", async () => {
  const { id } = await people.ann.conversations.create();
  expect(await people.ann.messages.list(id)).toEqual({ items: [], nextCursor: null });
  expect(await people.ann.messages.branch(id)).toEqual({ items: [], nextCursor: null });
  await expect(people.ann.messages.list(randomUUID())).rejects.toThrow(code("not_found"));
  await expect(people.ann.messages.list("")).rejects.toThrow(code("invalid_input"));
});

it("finds messages by their ids alone, in all conversations or in one, and none of another user", async () => {
  const { ann, bob } = people;
  const [uuid, other] = [randomUUID(), randomUUID()];
  const say = (id: string, content: string) => ({ id, role: "user" as const, content });
  await ann.conversations.create({ id: "one", messages: [say(uuid, "a"), say("m", "b")] });
  const { id: second } = await ann.conversations.create({ archived: true, messages: [say("m", "c"), say(other, "d")] });
  await bob.conversations.create({ id: "one", messages: [say("m", "Bob's")] });
  const find = async (...given: Parameters<typeof ann.messages.find>) => {
    const found = await ann.messages.find(...given);
    return found.map(({ conversationId, id, content }) => [conversationId, id, content].join(" ")).sort();
  };
  const [a, b, c, d] = [`one ${uuid} a`, "one m b", `${second} m c`, `${second} ${other} d`];
  expect(await find([uuid.toUpperCase(), other, randomUUID(), uuid])).toEqual([a, d].sort());
  expect(await find(["m", uuid, "nothing"])).toEqual([a, b, c].sort());
  expect(await find(["m", uuid, other], { conversationId: "one" })).toEqual([a, b].sort());
  expect(await find(["m"], { conversationId: "nowhere" })).toEqual([]);
  expect(await find([])).toEqual([]);
  expect(await bob.messages.find([uuid, other, "m"])).toMatchObject([{ content: "Bob's" }]);
  expect(await ann.messages.find([uuid])).toEqual([await ann.messages.get("one", uuid)]);
  await expect(ann.messages.find(Array(101).fill("x"))).rejects.toThrow(code("invalid_input"));
});

it("reads a long branch page by page, up to its first question", async () => {
  const { ann } = people;
  const id = await chatOf(250);
  const seqs: number[] = [];
  let before: string | undefined;
  for (;;) {
    const page: Awaited<ReturnType<typeof ann.messages.branch>> = await ann.messages.branch(id, { before, limit: 99 });
    seqs.unshift(...page.items.map(({ seq }) => seq));
    if (!page.nextCursor) break;
    before = page.nextCursor;
  }
  expect(seqs).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
  await expect(ann.messages.branch(id, { leafId: randomUUID() })).rejects.toThrow(code("not_found"));
});

it("reads a branch downwards, from its first question to its head, whatever else there is", async () => {
  const { ann } = people;
  const id = await chatOf(250);
  const below = async (after: string | null, limit = 99) => {
    const found: number[] = [];
    for (let from: string | null = after, isFirst = true; isFirst || from !== null; isFirst = false) {
      const page: Awaited<ReturnType<typeof ann.messages.branch>> = await ann.messages.branch(id, {
        after: from,
        limit,
      });
      found.push(...page.items.map(({ seq }) => seq));
      from = page.nextCursor;
    }
    return found;
  };
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
  expect(await below(null)).toEqual(range(1, 250));
  const at = async (seq: number) => (await ann.messages.list(id, { after: seq - 1, limit: 1 })).items[0]?.id ?? "";
  expect(await below(await at(200))).toEqual(range(201, 250));
  expect(await below(await at(250))).toEqual([]);
  await ann.messages.append(id, [{ role: "user", content: "other", parentId: await at(100) }]);
  await ann.messages.append(id, [{ role: "tool", content: "third", parentId: await at(50) }]);
  expect(await below(null)).toEqual([...range(1, 50), 252]);
  await ann.conversations.showBranch(id, await at(250));
  expect(await below(null)).toEqual(range(1, 250));
  await ann.conversations.truncate(id, await at(120));
  expect(await below(await at(90))).toEqual(range(91, 120));
  expect(await below(await at(251))).toEqual([]);
  await ann.messages.append(id, [{ role: "user", content: "another beginning", parentId: null }]);
  expect(await below(null)).toEqual([253]);
  await ann.conversations.clear(id);
  expect(await below(null)).toEqual([]);
  await expect(ann.messages.branch(id, { after: randomUUID() })).rejects.toThrow(code("not_found"));
  await expect(ann.messages.branch(randomUUID(), { after: null })).rejects.toThrow(code("not_found"));
  await expect(people.bob.messages.branch(id, { after: null })).rejects.toThrow(code("not_found"));
  await expect(ann.messages.branch(id, { after: null, leafId: randomUUID() })).rejects.toThrow(code("invalid_input"));
});

it("finds the end of ten thousand messages", async () => {
  const { ann } = people;
  const long = await chatOf(100);
  await database.db.execute(sql`
    insert into message (conversation_id, user_id, seq, role, content)
    select ${long}::uuid, ${ids.ann}::uuid, seq, 'user', 'x' from generate_series(101, 10000) seq`);
  await database.db.execute(sql`update conversation set message_count = 10000 where id = ${long}`);
  await database.db.execute(sql`analyze message`);
  const page = await ann.messages.list(long);
  expect([page.items.length, page.items[0]?.seq, page.nextCursor]).toEqual([50, 9951, "9951"]);
  const [appended] = await ann.messages.append(long, [{ role: "user", content: "10001" }]);
  expect(appended?.seq).toBe(10_001);
});
