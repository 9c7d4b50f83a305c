import { randomUUID } from "node:crypto";
import { type Beginning, createStore, type NewMessage } from "chatkeep";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { distributed, isServer, openAgain, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
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

const ask = (text = "How do I bake bread?", more: Partial<NewMessage> = {}) =>
  ({
    id: randomUUID(),
    role: "user",
    content: text,
    ...more,
  }) as NewMessage & { id: string };

/** What was begun; fails when nothing was. */
function begunIn(beginning: Beginning) {
  if (!("begun" in beginning)) throw new Error(`nothing was begun: ${JSON.stringify(beginning)}`);
  return beginning.begun;
}

const bread = { status: "completed", parts: [{ type: "text", text: "With flour." }] } as const;
const end = { ...bread, parts: [...bread.parts] };

/** A store whose round trips are counted. */
function counted() {
  let count = 0;
  const query: TestDatabase["query"] = (...given) => {
    count += 1;
    return database.query(...given);
  };
  const mine = createStore({ ...database, query }, models, { distributed }).forUser(ids.ann);
  return {
    mine,
    of: async <Result>(work: () => Promise<Result>) => {
      count = 0;
      return [await work(), count] as const;
    },
  };
}

it.skipIf(distributed)(
  "stores question, draft and run in one round trip: in a new chat, in an old one, edited, and for another answer",
  async () => {
    const { ann } = people;
    const { mine, of } = counted();
    const conversationId = randomUUID();
    const begin = async (given: { question: NewMessage; regenerate?: boolean }) => {
      const [beginning, trips] = await of(() =>
        mine.runs.begin({ conversationId, server: "one", model: "m", ...given }),
      );
      expect(trips).toBe(1);
      const { run, question, replyId } = begunIn(beginning);
      expect(await ann.messages.get(conversationId, question.id)).toEqual(question);
      const questionId = question.id;
      expect(await ann.runs.findRunning(conversationId)).toMatchObject({
        id: run.id,
        epoch: 1,
        messageId: replyId,
        server: "one",
        model: "m",
      });
      await ann.runs.end(run, end);
      return { questionId, replyId };
    };
    const first = await begin({ question: ask() });
    expect(await ann.conversations.get(conversationId)).toMatchObject({
      title: "How do I bake bread?",
      messageCount: 2,
      headId: first.replyId,
    });
    const parts = [
      { type: "text", text: "And\0 cake?" },
      { type: "x", b: 1, a: [2] },
    ];
    const second = await begin({ question: { id: randomUUID(), role: "user", parts } });
    const edited = await begin({ question: ask("Or pie?", { parentId: first.replyId }) });
    const anew = await begin({ question: ask("Something else", { parentId: null }) });
    const again = await begin({ question: ask("How do I bake bread?", { id: first.questionId }), regenerate: true });
    const { items } = await ann.messages.list(conversationId);
    expect(items.map(({ id, seq, role, parentId }) => [seq, role, id, parentId])).toEqual([
      [1, "user", first.questionId, null],
      [2, "assistant", first.replyId, first.questionId],
      [3, "user", second.questionId, first.replyId],
      [4, "assistant", second.replyId, second.questionId],
      [5, "user", edited.questionId, first.replyId],
      [6, "assistant", edited.replyId, edited.questionId],
      [7, "user", anew.questionId, null],
      [8, "assistant", anew.replyId, anew.questionId],
      [9, "assistant", again.replyId, first.questionId],
    ]);
    expect(items[2]).toMatchObject({ parts, content: "And\0 cake?", status: "complete" });
  },
);

it("the same question again is its run, then its answer, and begins anew when it has none", async () => {
  const { ann } = people;
  const { mine, of } = counted();
  const question = ask();
  const given = { conversationId: randomUUID(), question, server: "one" };
  const { run, replyId } = begunIn(await ann.runs.begin(given));
  const other = { ...given, question: ask("Another question") };
  expect(await ann.runs.begin(given)).toEqual({ running: { runId: run.id } });
  const refused = expect.objectContaining({ code: "conflict", details: { runId: run.id } });
  await expect(ann.runs.begin(other)).rejects.toThrow(refused);
  await expect(ann.runs.begin({ ...given, regenerate: true })).rejects.toThrow(refused);
  await ann.runs.end(run, { status: "failed", parts: [], error: "No model." });
  const [beginning, trips] = await of(() => mine.runs.begin(given));
  expect(trips).toBe(1);
  const again = begunIn(beginning);
  await ann.runs.end(again.run, end);
  // What follows the question at once is what answers it; a failed one is no answer.
  expect(await ann.messages.get(given.conversationId, replyId)).toMatchObject({ status: "failed" });
  const answered = { conversationId: randomUUID(), question: ask("Once more"), server: "one" };
  const once = begunIn(await ann.runs.begin(answered));
  await ann.runs.end(once.run, end);
  expect(await ann.runs.begin(answered)).toMatchObject({ answered: { id: once.replyId, content: "With flour." } });
  // In another form it is the same message.
  const { content, ...rest } = answered.question;
  const inParts = { ...rest, parts: [{ type: "text", text: content ?? "" }] };
  expect(await ann.runs.begin({ ...answered, question: inParts })).toMatchObject({ answered: { id: once.replyId } });
  expect(await ann.conversations.get(answered.conversationId)).toMatchObject({ messageCount: 2 });
});

it("ends a run of the conversation whose server has died", async () => {
  const { store, ann } = people;
  const given = { conversationId: randomUUID(), server: "one" };
  const { run, replyId } = begunIn(await ann.runs.begin({ ...given, question: ask() }));
  await database.query("update run set heartbeat_at = now() - interval '1 hour' where id = $1::uuid", [run.id]);
  const next = begunIn(await ann.runs.begin({ ...given, question: ask("And cake?") }));
  expect(await ann.messages.get(given.conversationId, replyId)).toMatchObject({ status: "interrupted" });
  expect(await ann.runs.findRunning(given.conversationId)).toMatchObject({ id: next.run.id });
  expect(await store.system.interruptRuns("expired")).toEqual([]);
});

it("stores nothing when anything is not as expected, and says what", async () => {
  const { ann, bob } = people;
  const made = await ann.conversations.create({ messages: [{ role: "user", content: "A" }] });
  const known = ask();
  await ann.messages.append(made.id, [known]);
  const theirs = await bob.conversations.create({ messages: [{ role: "user", content: "Secret" }] });
  const tries: [code: string, conversationId: string, question: NewMessage, replyId?: string][] = [
    ["conflict", made.id, { ...known, content: "Other words" }],
    ...(distributed ? [] : [["conflict", theirs.id, ask()] as (typeof tries)[number]]),
    ["invalid_input", made.id, ask("x", { parentId: randomUUID() })],
    ["invalid_input", made.id, ask("x", { parentId: theirs.headId })],
    ["invalid_input", randomUUID(), ask("x", { parentId: made.headId })],
    ...(distributed ? [] : [["conflict", made.id, ask("x", { id: theirs.headId ?? "" })] as (typeof tries)[number]]),
    ["conflict", made.id, ask("x"), made.headId ?? ""],
  ];
  const everything = async () => [
    await database.db.select().from(models.conversation).orderBy(models.conversation.id),
    await database.db.select().from(models.message).orderBy(models.message.id),
    await database.db.select().from(models.run).orderBy(models.run.id),
  ];
  const before = await everything();
  for (const [index, [code, conversationId, question, replyId]] of tries.entries()) {
    const begin = ann.runs.begin({ conversationId, question, server: "one", ...(replyId && { replyId }) });
    await expect(begin, String(index)).rejects.toThrow(expect.objectContaining({ code }));
  }
  expect(await everything()).toEqual(before);
});

it("of many at once in one conversation, old or new, begins one", async () => {
  const stores = isServer ? [database, openAgain(database)] : [database];
  const { ann } = people;
  const old = await ann.conversations.create();
  for (const conversationId of [old.id, randomUUID()]) {
    const same = ask("The same");
    const tries = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) =>
        createStore(stores[index % stores.length] ?? database, models, { distributed })
          .forUser(ids.ann)
          .runs.begin({ conversationId, question: index % 3 === 0 ? ask() : same, server: "one" }),
      ),
    );
    const values = tries.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    expect(values.filter((value) => "begun" in value)).toHaveLength(1);
    for (const each of tries) {
      if (each.status === "rejected") expect(each.reason).toMatchObject({ code: "conflict" });
    }
    expect(await ann.conversations.get(conversationId)).toMatchObject({ messageCount: 2 });
    expect((await ann.messages.list(conversationId)).items.map(({ seq }) => seq)).toEqual([1, 2]);
  }
  if (stores[1]) await stores[1].close();
});

it("inside a transaction is undone with it, and a refusal does not end it", async () => {
  const { store, ann } = people;
  const conversationId = randomUUID();
  const failing = store.transaction(async (tx) => {
    const mine = tx.forUser(ids.ann);
    begunIn(await mine.runs.begin({ conversationId, question: ask(), server: "one" }));
    await expect(mine.runs.begin({ conversationId, question: ask(), server: "one" })).rejects.toThrow(/being written/);
    expect(await mine.conversations.get(conversationId)).toMatchObject({ messageCount: 2 });
    throw new Error("changed my mind");
  });
  await expect(failing).rejects.toThrow("changed my mind");
  expect(await ann.conversations.find(conversationId)).toBeUndefined();
  expect(await database.db.$count(sql`run`)).toBe(0);
});

it("a reply goes on with the model that began it, and the usual one is asked for by no name", async () => {
  const { ann } = people;
  const modelOf = async (replyModel: string | undefined) => {
    const conversationId = randomUUID();
    await ann.conversations.create({ id: conversationId, model: "of the chat" });
    const question = { conversationId, question: ask(), server: "one", model: "usual" };
    const begun = begunIn(await ann.runs.begin({ ...question, ...(replyModel && { replyModel }) }));
    await ann.runs.end(begun.run, end);
    const { revision } = await ann.messages.get(conversationId, begun.replyId);
    await ann.conversations.update(conversationId, { model: null });
    const on = { conversationId, messageId: begun.replyId, parts: [...bread.parts], revision };
    const { run, model } = await ann.runs.proceed({ ...on, server: "one", model: "usual" });
    await ann.runs.end(run, end);
    const { items } = await ann.messages.branchWithSiblings(conversationId);
    return [begun.model, model, items.at(-1)?.model];
  };
  expect(await modelOf("asked for")).toEqual(["asked for", "asked for", "asked for"]);
  expect(await modelOf(undefined)).toEqual(["of the chat", "of the chat", "of the chat"]);
  expect(await modelOf("usual")).toEqual(["usual", null, "usual"]);
});
