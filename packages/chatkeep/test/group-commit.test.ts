/** Appends, and creations, that wait at the same moment share a statement, and are each answered, or refused, as if they had been alone. */
import { randomUUID } from "node:crypto";
import { createStore, type Message, type NewConversation, type NewMessage } from "chatkeep";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { distributed, isServer, openAgain, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  people = await resetPeople(database);
});

const say = (content: string, more: Partial<NewMessage> = {}): NewMessage => ({ role: "user", content, ...more });
const refused = (code: string) => ({ status: "rejected", reason: expect.objectContaining({ code }) });
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const manyChats = (count: number, who = people.ann) =>
  Promise.all(numbers(count).map(() => who.conversations.create()));

/** How often the statements of a fresh store run from now on. */
function countStatements() {
  const { session } = database.db._;
  const prepare = session.prepareQuery.bind(session);
  let count = 0;
  const spy = vi.spyOn(session, "prepareQuery").mockImplementation((...given: Parameters<typeof prepare>) => {
    const statement = prepare(...given);
    const execute = statement.execute.bind(statement);
    statement.execute = (values) => {
      count += 1;
      return execute(values);
    };
    return statement;
  });
  return { count: () => count, stop: () => spy.mockRestore() };
}

describe("appends at the same moment", () => {
  it("share statements, and are all stored in their own conversations", async () => {
    const chats = await manyChats(60);
    const counting = countStatements();
    const ann = createStore(database, models, { distributed }).forUser(people.ids.ann);
    const answers = await Promise.all(
      chats.map(({ id }, index) =>
        ann.messages.append(id, [say(`q ${index}`), say(`a ${index}`, { role: "assistant" })]),
      ),
    );
    counting.stop();
    expect(counting.count()).toBeLessThanOrEqual(4);
    for (const [index, { id }] of chats.entries()) {
      const { items } = await ann.messages.list(id);
      expect(items).toEqual(answers[index]);
      expect(items.map(({ content, seq }) => [content, seq])).toEqual([
        [`q ${index}`, 1],
        [`a ${index}`, 2],
      ]);
      expect(await ann.conversations.get(id)).toMatchObject({
        messageCount: 2,
        headId: items[1]?.id,
        title: `q ${index}`,
        updatedAt: items[1]?.createdAt,
      });
    }
  });

  it("of one conversation go in the order in which they came", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const others = await manyChats(3);
    const stored = await Promise.all([
      ...numbers(20).map((index) => ann.messages.append(id, [say(String(index))])),
      ...others.map((other) => ann.messages.append(other.id, [say("elsewhere")])),
    ]);
    expect(stored.slice(0, 20).map(([message]) => message?.seq)).toEqual(numbers(20).map((index) => index + 1));
    const { items } = await ann.messages.list(id);
    expect(items.map(({ content }) => content)).toEqual(numbers(20).map(String));
    expect(items.map(({ parentId }) => parentId)).toEqual([null, ...items.slice(0, -1).map((each) => each.id)]);
  });

  it("are answered as they are stored, whatever they hold", async () => {
    const chats = await manyChats(6);
    const { ann } = people;
    const head = (await ann.messages.append(chats[5]?.id ?? "", [say("first")]))[0] as Message;
    const given: NewMessage[][] = [
      [say("a\0b"), say("half \ud800 of a pair")],
      [
        {
          role: "assistant",
          parts: [
            { type: "text", text: "x" },
            { type: "data-y", b: 1, a: [2, null, "\0"] },
          ],
        },
      ],
      [{ role: "assistant", status: "streaming" }, say('quotes " and \\ and {braces}, null, NULL')],
      [say("a root", { parentId: null }), say("another root", { parentId: null })],
      [{ ...say("a parent"), id: chats[0]?.id ?? "" }, say("a child", { parentId: chats[0]?.id ?? "" })],
      [say("follows the head")],
    ];
    const stored = await Promise.all(chats.map(({ id }, index) => ann.messages.append(id, given[index] ?? [])));
    for (const [index, { id }] of chats.entries()) {
      const { items } = await ann.messages.list(id, { after: index === 5 ? 1 : 0 });
      expect(stored[index]).toEqual(items);
    }
    expect(stored[0]?.map(({ content }) => content)).toEqual(["a\0b", "half \ud800 of a pair"]);
    expect(stored[3]?.map(({ parentId }) => parentId)).toEqual([null, null]);
    expect(stored[5]?.[0]?.parentId).toBe(head.id);
  });

  it("fail alone", async () => {
    const { ann, bob } = people;
    const chats = await manyChats(30);
    const at = (index: number) => chats[index]?.id ?? "";
    const [his] = await manyChats(1, bob);
    const [taken] = distributed
      ? await ann.messages.append(at(29), [say("Another")])
      : await bob.messages.append(his?.id ?? "", [say("Bob's")]);
    const [old] = await ann.messages.append(at(1), [say("old")]);
    const results = await Promise.allSettled([
      ann.messages.append(randomUUID(), [say("to nowhere")]),
      ann.messages.append(his?.id ?? "", [say("into another's")]),
      ann.messages.append(at(0), [say("not so many"), say("messages")], { expectedSeq: 3 }),
      ann.messages.append(at(1), [say("new words", { id: old?.id ?? "" })]),
      ann.messages.append(at(2), [say("an id of Bob's", { id: taken?.id ?? "" })]),
      ann.messages.append(at(3), [say("no such parent", { parentId: randomUUID() })]),
      people.store.forUser(randomUUID()).messages.append(at(4), [say("by nobody")]),
      ...numbers(23).map((index) => ann.messages.append(at(index + 5), [say("well")], { expectedSeq: 0 })),
      ann.messages.append(at(1), [say("old", { id: old?.id ?? "" })]),
    ]);
    expect(results.slice(0, 7)).toEqual(
      ["not_found", "not_found", "conflict", "conflict", "conflict", "invalid_input", "not_found"].map(refused),
    );
    expect(results.slice(7, 30).every(({ status }) => status === "fulfilled")).toBe(true);
    expect(results[30]).toMatchObject({ value: [old] });
    expect(await database.db.$count(models.message)).toBe(23 + 2);
    for (const index of [0, 2, 3, 4]) expect((await ann.conversations.get(at(index))).messageCount).toBe(0);
  });

  it("with the same id are stored once, and the others hear of a conflict", async () => {
    const { ann } = people;
    const chats = await manyChats(8);
    const id = randomUUID();
    const results = await Promise.allSettled(chats.map((chat) => ann.messages.append(chat.id, [say("mine", { id })])));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) if (result.status === "rejected") expect(result).toEqual(refused("conflict"));
    expect(await database.db.$count(models.message)).toBe(1);
  });

  it.each(["delete", "erase"] as const)("are refused after %s of their conversation meanwhile", async (verb) => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const appends = numbers(10).map((index) => ann.messages.append(id, [say(String(index))]));
    const [results] = await Promise.all([Promise.allSettled(appends), ann.conversations[verb](id)]);
    for (const result of results) if (result.status === "rejected") expect(result).toEqual(refused("not_found"));
    await expect(ann.messages.append(id, [say("late")])).rejects.toMatchObject({ code: "not_found" });
    // In the trash they are as they were stored, each that was answered for.
    const stored = results.filter(({ status }) => status === "fulfilled").length;
    expect(await database.db.$count(models.message)).toBe(verb === "erase" ? 0 : stored);
    if (verb === "delete") expect(await ann.conversations.restore(id)).toMatchObject({ messageCount: stored });
  });
});

describe("creations at the same moment", () => {
  it("share statements, and are all stored as each was given", async () => {
    const { ann, bob } = people;
    const given: NewConversation[] = [
      {},
      { id: "a name", title: "A title", pinned: true, model: "small", instructions: "Be brief." },
      { archived: true, metadata: { projectId: "x", list: [1, "{}", null] } },
      { temporary: true, messages: [say("for a while")] },
      { messages: [say("q"), say("a", { role: "assistant", id: "an answer", metadata: { stars: 3 } })] },
      { messages: [say("root", { id: "r" }), say("one", { parentId: "r" }), say("other", { parentId: "r" })] },
      { messages: [say("a\0b"), { role: "assistant", parts: [{ type: "data-y", b: 1, a: "{}" }] }] },
    ];
    const many = numbers(50).map((index): NewConversation => ({ messages: [say(`question ${index}`)] }));
    const counting = countStatements();
    const store = createStore(database, models, { distributed });
    const [hers, his] = await Promise.all(
      [people.ids.ann, people.ids.bob].map((userId) =>
        Promise.all([...given, ...many].map((each) => store.forUser(userId).conversations.create(each))),
      ),
    );
    counting.stop();
    expect(counting.count()).toBeLessThanOrEqual(4);
    for (const [who, all] of [
      [ann, hers],
      [bob, his],
    ] as const) {
      for (const [index, made] of (all ?? []).entries()) {
        const { messages = [], temporary = false, ...fields } = [...given, ...many][index] ?? {};
        expect(made).toMatchObject({ ...fields, messageCount: messages.length });
        expect(made.expiresAt !== null).toBe(temporary);
        expect(made.updatedAt).toEqual(made.createdAt);
        expect(await who.conversations.get(made.id)).toEqual(made);
        const { items } = await who.messages.list(made.id);
        expect(items.map(({ content, role }) => [content, role])).toEqual(
          messages.map(({ content, role }) => [content ?? "", role]),
        );
        for (const { createdAt } of items) expect(createdAt).toEqual(made.createdAt);
        expect(made.headId).toBe(items.at(-1)?.id ?? null);
      }
      const tree = (await who.messages.list(all?.[5]?.id ?? "")).items;
      expect(tree.map(({ parentId }) => parentId)).toEqual([null, "r", "r"]);
      expect((await who.messages.list(all?.[4]?.id ?? "")).items[1]).toMatchObject({
        id: "an answer",
        metadata: { stars: 3 },
      });
    }
  });

  it("are told, and listed", async () => {
    const { ann } = people;
    const told: unknown[] = [];
    const stop = people.store.onChange((change) => void told.push(change));
    const made = await Promise.all(numbers(30).map(() => ann.conversations.create()));
    stop();
    expect(told).toHaveLength(30);
    const { items } = await ann.conversations.list({ limit: 50 });
    expect(items.map(({ id }) => id)).toEqual(expect.arrayContaining(made.map(({ id }) => id)));
  });

  it("fail alone", async () => {
    const { ann, bob } = people;
    const once = [say("once", { id: randomUUID() })];
    const known = await ann.conversations.create({ id: "known", messages: once });
    const his = await bob.conversations.create({ messages: [say("Bob's")] });
    const taken = (await bob.messages.list(his.id)).items[0]?.id ?? "";
    const results = await Promise.allSettled([
      ann.conversations.create({ id: "known", title: "Another title" }),
      ann.conversations.create({ messages: [say("an id of hers", { id: known.headId ?? "" })] }),
      ann.conversations.create({ messages: [say("below nothing", { parentId: "nothing" })] }),
      people.store.forUser(randomUUID()).conversations.create({ messages: [say("by nobody")] }),
      ...numbers(24).map((index) => ann.conversations.create({ messages: [say(String(index))] })),
      ann.conversations.create({ id: "known", messages: once }),
      ...(distributed ? [] : [bob.conversations.create({ id: known.id }), ann.conversations.create({ id: his.id })]),
      ...(distributed ? [] : [ann.conversations.create({ messages: [say("an id of Bob's", { id: taken })] })]),
    ]);
    expect(results.slice(0, 4)).toEqual(["conflict", "conflict", "invalid_input", "not_found"].map(refused));
    expect(results.slice(4, 28).every(({ status }) => status === "fulfilled")).toBe(true);
    expect(results[28]).toMatchObject({ value: known });
    if (!distributed) {
      // A text is each user's own; a UUID is one for all.
      expect(results[29]).toMatchObject({ value: { id: "known", messageCount: 0 } });
      expect(results.slice(30)).toEqual(["conflict", "conflict"].map(refused));
    }
    expect(await database.db.$count(models.message)).toBe(24 + 2);
  });

  it("of the same id are one, however many ask for it", async () => {
    const { ann } = people;
    const given = { id: "the same", messages: [say("once", { id: "m" })] };
    const made = await Promise.all(numbers(20).map(() => ann.conversations.create(given)));
    for (const each of made) expect(each).toEqual(made[0]);
    expect(await database.db.$count(models.message)).toBe(1);
  });
});

describe.skipIf(!isServer || distributed)("a write that has to wait for a lock", () => {
  it.each([
    ["of its conversation", false, (id: string) => sql`select from conversation where id = ${id} for update`],
    ["of its user", true, () => sql`select from "user" where id = ${people.ids.bob} for update`],
  ] as const)("%s holds up nobody else", async (_whose, createsToo, lock) => {
    const { ann, bob } = people;
    const [his] = await manyChats(1, bob);
    const chats = await manyChats(20);
    const elsewhere = openAgain(database);
    const [isLocked, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holding = elsewhere.db.transaction(async (tx) => {
      await tx.execute(lock(his?.id ?? ""));
      isLocked.resolve();
      await release.promise;
    });
    await isLocked.promise;
    let isStored = false;
    const patient = () => bob.messages.append(his?.id ?? "", [say("patient")]);
    const waiting = Promise.all([patient(), createsToo ? bob.conversations.create() : undefined]).then(() => {
      isStored = true;
    });
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(chats.map(({ id }) => ann.messages.append(id, [say("at once")])));
      await Promise.all(chats.map(() => ann.conversations.create({ messages: [say("at once")] })));
    }
    expect(isStored).toBe(false);
    release.resolve();
    await Promise.all([waiting, holding]);
    await elsewhere.close();
    expect((await bob.messages.list(his?.id ?? "")).items).toHaveLength(1);
  });
});
