import { createStore, type Observer } from "chatkeep";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { distributed, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
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

const megabyte = 1024 * 1024;
const sizeOf = (message: { content: string; parts: unknown }) =>
  message.content.length + (message.parts ? JSON.stringify(message.parts).length : 0);

/** What compresses well in the database is as long as anything else when it is read. */
async function longConversation() {
  const { ann } = people;
  const { id } = await ann.conversations.create();
  const sizes = [3, 0.1, 3, 3, 9, 0.1, 2, 2, 2, 2, 2, 0.1];
  for (const [index, size] of sizes.entries()) {
    const text = "x".repeat(size * megabyte);
    const message = index % 3 === 2 ? { parts: [{ type: "data-blob", blob: text }] } : { content: text };
    await ann.messages.append(id, [{ role: "user", ...message }]);
  }
  return { id, total: sizes.length };
}

it("a page ends after a number of bytes, has at least one message, and nothing is left out on either way", async () => {
  const { ann } = people;
  const { id, total } = await longConversation();
  const all = Array.from({ length: total }, (_, index) => index + 1);

  const backward: number[][] = [];
  for (let before: number | undefined; ; ) {
    const page = await ann.messages.list(id, { limit: 500, ...(before && { before }) });
    backward.unshift(page.items.map(({ seq }) => seq));
    expect(page.items.slice(1).reduce((sum, item) => sum + sizeOf(item), 0)).toBeLessThan(8 * megabyte);
    if (!page.nextCursor) break;
    before = Number(page.nextCursor);
  }
  expect(backward.flat()).toEqual(all);
  expect(backward.length).toBeGreaterThanOrEqual(3);

  const forward: number[][] = [];
  for (let after = 0; ; ) {
    const page = await ann.messages.list(id, { limit: 500, after });
    forward.push(page.items.map(({ seq }) => seq));
    if (!page.nextCursor) break;
    after = Number(page.nextCursor);
  }
  expect(forward.flat()).toEqual(all);
  expect(forward.length).toBeGreaterThanOrEqual(3);

  const branch: number[][] = [];
  for (let before: string | undefined; ; ) {
    const page = await ann.messages.branchWithSiblings(id, { limit: 500, ...(before && { before }) });
    branch.unshift(page.items.map(({ seq }) => seq));
    expect(page.items.slice(1).reduce((sum, item) => sum + sizeOf(item), 0)).toBeLessThan(8 * megabyte);
    if (!page.nextCursor) break;
    before = page.nextCursor;
  }
  expect(branch.flat()).toEqual(all);
  expect(branch.every((page) => page.length > 0)).toBe(true);
});

it("a page that is short enough is as long as it was asked for, and says whether there is more", async () => {
  const { ann } = people;
  const { id } = await ann.conversations.create();
  expect(await ann.messages.list(id)).toEqual({ items: [], nextCursor: null });
  for (let count = 0; count < 5; count += 1) await ann.messages.append(id, [{ role: "user", content: "x" }]);
  const seqs = async (options: object) => {
    const { items, nextCursor } = await ann.messages.list(id, options);
    return [items.map(({ seq }) => seq), nextCursor];
  };
  expect(await seqs({ limit: 5 })).toEqual([[1, 2, 3, 4, 5], null]);
  expect(await seqs({ limit: 2 })).toEqual([[4, 5], "4"]);
  expect(await seqs({ limit: 3, before: 4 })).toEqual([[1, 2, 3], null]);
  expect(await seqs({ limit: 2, after: 3 })).toEqual([[4, 5], null]);
  expect(await seqs({ limit: 2, after: 0 })).toEqual([[1, 2], "2"]);
  expect(await seqs({ after: 5 })).toEqual([[], null]);
  expect(await seqs({ before: 1 })).toEqual([[], null]);
});

it("five hundred messages are one page, read in one statement", async () => {
  const ids = Array.from({ length: 1_010 }, (_, index) => `m${index}`);
  const [{ conversationId = "" } = {}] = await people.ann.import([
    { id: "long", messages: ids.map((id, index) => ({ id, role: index % 2 ? "assistant" : "user", content: id })) },
  ]);
  const statements: string[] = [];
  const observer: Observer = {
    begin: ({ kind, name }) => {
      if (kind === "statement") statements.push(name);
      return { within: (work) => work(), end: () => {} };
    },
  };
  const ann = createStore(database, models, { distributed, observer }).forUser(people.ids.ann);
  const named = (page: { items: { id: string }[] }) => page.items.map(({ id }) => id);
  const last = await ann.messages.list(conversationId, { limit: 500 });
  expect([named(last), last.nextCursor]).toEqual([ids.slice(510), "511"]);
  expect(named(await ann.messages.list(conversationId, { limit: 500, after: 3 }))).toEqual(ids.slice(3, 503));
  const branch = await ann.messages.branch(conversationId, { limit: 500 });
  expect([named(branch), branch.nextCursor]).toEqual([ids.slice(510), "m510"]);
  expect(named(await ann.messages.branch(conversationId, { limit: 500, after: "m2" }))).toEqual(ids.slice(3, 503));
  expect(statements).toHaveLength(4);
  for (const read of [ann.messages.list, ann.messages.branch])
    await expect(read(conversationId, { limit: 501 })).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining("must be at most 500"),
    });
});

it("the rows of a reply are read in pieces of bytes too", async () => {
  const { ann } = people;
  const { id, headId } = await ann.conversations.create({ messages: [{ role: "assistant", status: "streaming" }] });
  const key = await ann.runs.beginDraft({ conversationId: id, messageId: headId ?? "", server: "one" });
  const { system } = createStore(database, models);
  const chunks = Array.from({ length: 7 }, (_, index) => ({ seq: index + 1, chunk: "x".repeat(0.6 * megabyte) }));
  for (const row of chunks) await system.heartbeat([{ userId: ids.ann, key, chunks: [row] }]);
  const read: number[][] = [];
  for (let after = 0; ; ) {
    const [news] = await system.readRuns([{ userId: ids.ann, runId: key.id, after }]);
    read.push(news?.chunks.map(({ seq }) => seq) ?? []);
    if (!news?.hasMore) break;
    after = news.chunks.at(-1)?.seq ?? 0;
  }
  expect(read).toEqual([[1, 2], [3, 4], [5, 6], [7]]);
});
