import { type Change, createStore, type Store } from "chatkeep";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { distributed, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let store: Store;
let told: Change[];

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await resetPeople(database);
  store = createStore(database, models, { distributed, partsOf: () => [] });
  told = [];
  store.onChange((change) => told.push(change));
});

const hello = { role: "user", content: "Hello" } as const;
const draft = { role: "assistant", status: "streaming" } as const;

/** What a verb told, and nothing but that. */
async function changesOf(work: () => Promise<unknown>): Promise<Change[]> {
  told = [];
  await work().catch(() => {});
  return told;
}

it("whatever a store commits is told, once for each verb, and what it refuses is not", async () => {
  const ann = store.forUser(ids.ann);
  const { id } = await ann.conversations.create({ messages: [hello] });
  const change = { userId: ids.ann, conversationId: id };
  expect(told).toEqual([change]);
  const [reply] = await ann.messages.append(id, [draft]);
  const messageId = reply?.id ?? "";
  expect(await changesOf(() => ann.messages.append(id, [hello]))).toEqual([change]);
  expect(await changesOf(() => ann.conversations.rename(id, "New"))).toEqual([change]);
  expect(await changesOf(() => ann.conversations.pin(id, true))).toEqual([change]);
  expect(await changesOf(() => ann.conversations.archive(id, true))).toEqual([change]);
  expect(await changesOf(() => ann.conversations.showBranch(id, messageId))).toEqual([change]);
  told = [];
  const key = await ann.runs.beginDraft({ conversationId: id, messageId, server: "one" });
  expect(told).toEqual([change]);
  expect(await changesOf(() => ann.runs.stop(id))).toEqual([{ runId: key.id, isStop: true }]);
  const end = () => ann.runs.end(key, { status: "stopped", parts: [] });
  expect(await changesOf(end)).toEqual([{ runId: key.id }, change]);
  expect(await changesOf(end)).toEqual([]);
  expect(await changesOf(() => ann.runs.stop(id))).toEqual([]);
  const refused = [
    () => store.forUser(ids.bob).messages.append(id, [hello]),
    () => store.forUser(ids.bob).conversations.delete(id),
    () => ann.conversations.rename(id, ""),
    () => ann.messages.append(id, [hello], { expectedSeq: 1 }),
    () => ann.messages.list(id),
    () => ann.conversations.list(),
  ];
  for (const call of refused) expect(await changesOf(call)).toEqual([]);
  expect(await changesOf(() => ann.conversations.delete(id))).toEqual([change]);
});

it("a run whose server has died is told when another has ended it", async () => {
  const ann = store.forUser(ids.ann);
  const { id, headId } = await ann.conversations.create({ messages: [hello, draft] });
  const key = await ann.runs.beginDraft({ conversationId: id, messageId: headId ?? "", server: "one" });
  await database.db.execute(sql`update run set heartbeat_at = now() - interval '16 seconds'`);
  expect(await changesOf(() => store.system.interruptRuns("expired"))).toEqual([
    { runId: key.id },
    { userId: ids.ann, conversationId: id },
  ]);
});

it("a transaction is told after its commit, and one that is rolled back is not", async () => {
  const ann = store.forUser(ids.ann);
  const { id } = await ann.conversations.create();
  const change = { userId: ids.ann, conversationId: id };
  let inside: Change[] = [];
  const work = (end: () => void) => () =>
    store.transaction(async (tx) => {
      await tx.forUser(ids.ann).messages.append(id, [hello]);
      await tx.transaction((nested) => nested.forUser(ids.ann).conversations.rename(id, "New"));
      inside = [...told];
      end();
    });
  expect(await changesOf(work(() => {}))).toEqual([change, change]);
  expect(inside).toEqual([]);
  const failing = work(() => {
    throw new Error("changed my mind");
  });
  expect(await changesOf(failing)).toEqual([]);
  expect(await changesOf(() => ann.transaction(id, (mine) => mine.conversations.pin(id, true)))).toEqual([change]);
});

it("whoever wants to hear no more is told no more", async () => {
  const heard: Change[] = [];
  const stop = store.onChange((change) => heard.push(change));
  await store.forUser(ids.ann).conversations.create();
  stop();
  await store.forUser(ids.ann).conversations.create();
  expect(heard).toHaveLength(1);
});
