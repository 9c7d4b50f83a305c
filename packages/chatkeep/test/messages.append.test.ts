import { randomUUID } from "node:crypto";
import { createStore } from "chatkeep";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { distributed, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
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

const hello = { role: "user", content: "Hello" } as const;
const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe("append", () => {
  it("gives the messages their places and moves the conversation", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const [question, answer] = await ann.messages.append(id, [hello, { role: "assistant", content: "Hi, Ann." }]);
    expect(question).toMatchObject({ seq: 1, role: "user", content: "Hello", parentId: null, status: "complete" });
    expect(answer).toMatchObject({ seq: 2, parentId: question?.id, parts: null, conversationId: id });
    expect(answer?.createdAt).toBeInstanceOf(Date);
    const after = await ann.conversations.get(id);
    expect(after).toMatchObject({ messageCount: 2, headId: answer?.id, title: "Hello" });
    const [next] = await ann.messages.append(id, [hello]);
    expect(next).toMatchObject({ seq: 3, parentId: answer?.id });
  });

  it("answers a repeated append as the first time, and writes nothing", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const messages = [
      { id: randomUUID(), ...hello },
      {
        id: randomUUID(),
        role: "assistant" as const,
        parts: [
          { type: "text", text: "Hi" },
          { type: "x", b: 1, a: 2 },
        ],
      },
    ];
    const first = await ann.messages.append(id, messages, { expectedSeq: 0 });
    const before = await ann.conversations.get(id);
    expect(await ann.messages.append(id, messages, { expectedSeq: 0 })).toEqual(first);
    expect(await ann.conversations.get(id)).toEqual(before);
    const longer = await ann.messages.append(id, [...messages, { ...hello, content: "More" }]);
    expect(longer.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(longer[2]?.parentId).toBe(messages[1]?.id);
  });

  it("refuses a taken id, and moves, changes and tells nothing", async () => {
    const { ann, bob } = people;
    const { id } = await ann.conversations.create();
    const other = await ann.conversations.create();
    const bobs = await bob.conversations.create();
    const messageId = randomUUID();
    const [stored] = await ann.messages.append(id, [{ id: messageId, ...hello }]);
    const taken = { id: messageId, ...hello };
    const fresh = { id: randomUUID(), ...hello };
    await expect(ann.messages.append(id, [{ ...taken, content: "Other" }])).rejects.toThrow(code("conflict"));
    await expect(ann.messages.append(other.id, [fresh, taken])).rejects.toThrow(code("conflict"));
    if (!distributed) await expect(bob.messages.append(bobs.id, [fresh, taken])).rejects.toThrow(code("conflict"));
    expect((await ann.messages.list(id)).items).toEqual([stored]);
    expect((await ann.messages.list(other.id)).items).toEqual([]);
    expect((await bob.messages.list(bobs.id)).items).toEqual([]);
    expect(await bob.conversations.get(bobs.id)).toEqual(bobs);
  });

  it("refuses a writer that is behind, with the real count", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create({ messages: [hello] });
    await expect(ann.messages.append(id, [hello], { expectedSeq: 0 })).rejects.toThrow(
      expect.objectContaining({ code: "conflict", details: { messageCount: 1 } }),
    );
    await ann.messages.append(id, [hello], { expectedSeq: 1 });
  });

  it("keeps a tree: an edit is a sibling, and the head moves to it", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const [first, answer] = await ann.messages.append(id, [hello, { role: "assistant", content: "Hi" }]);
    const [edit] = await ann.messages.append(id, [{ role: "user", content: "Hello again", parentId: null }]);
    expect(edit).toMatchObject({ seq: 3, parentId: null });
    expect((await ann.messages.branch(id)).items).toEqual([edit]);
    expect((await ann.messages.branch(id, { leafId: answer?.id })).items).toEqual([first, answer]);
    const elsewhere = await ann.conversations.create({ messages: [hello] });
    await expect(ann.messages.append(id, [{ role: "user", content: "x", parentId: elsewhere.headId }])).rejects.toThrow(
      code("invalid_input"),
    );
    await expect(ann.messages.append(id, [{ role: "user", content: "x", parentId: randomUUID() }])).rejects.toThrow(
      code("invalid_input"),
    );
    expect((await ann.conversations.get(id)).messageCount).toBe(3);
  });

  it("gives fifty writers at once a gap-free order, each append in one piece", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const pairs = Array.from({ length: 50 }, (_, writer) => [
      { role: "user" as const, content: `question ${writer}` },
      { role: "assistant" as const, content: `answer ${writer}` },
    ]);
    const appended = await Promise.all(pairs.map((pair) => ann.messages.append(id, pair)));
    for (const [question, answer] of appended) {
      expect(answer?.seq).toBe((question?.seq ?? 0) + 1);
      expect(answer?.parentId).toBe(question?.id);
    }
    const seqs = appended.flat().map(({ seq }) => seq);
    expect(seqs.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect((await ann.conversations.get(id)).messageCount).toBe(100);
  });

  it("stores one of twenty retries at once, and answers all alike", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const message = { id: randomUUID(), ...hello };
    const answers = await Promise.all(Array.from({ length: 20 }, () => ann.messages.append(id, [message])));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect((await ann.conversations.get(id)).messageCount).toBe(1);
  });

  it("answers retries at once alike also when they name the count, or a parent of the same moment", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const message = { id: randomUUID(), ...hello };
    const retry = () => ann.messages.append(id, [message], { expectedSeq: 0 });
    const answers = await Promise.all(Array.from({ length: 8 }, retry));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const pair = [
      { id: randomUUID(), ...hello },
      { id: randomUUID(), ...hello, parentId: message.id },
    ];
    await Promise.all(Array.from({ length: 8 }, () => ann.messages.append(id, pair)));
    expect((await ann.conversations.get(id)).messageCount).toBe(3);
  });

  it("takes words without parts and words in one part for the same", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const words = { id: randomUUID(), ...hello };
    const part = { id: words.id, role: "user" as const, parts: [{ type: "text", text: "Hello" }] };
    const [stored] = await ann.messages.append(id, [words]);
    expect(await ann.messages.append(id, [part])).toEqual([stored]);
    const other = { id: randomUUID(), role: "user" as const, parts: [{ type: "text", text: "Hi" }] };
    const [second] = await ann.messages.append(id, [other]);
    const [again, third] = await ann.messages.append(id, [{ id: other.id, role: "user", content: "Hi" }, hello]);
    expect([again, third?.seq]).toEqual([second, 3]);
    await expect(ann.messages.append(id, [{ id: other.id, role: "user", content: "Ho" }])).rejects.toThrow(
      code("conflict"),
    );
  });

  it("refuses parts that are nested thousands deep", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    let deep: unknown = [];
    for (let depth = 0; depth < 20_000; depth += 1) deep = [deep];
    const message = { role: "user" as const, parts: [{ type: "data-x", deep }] };
    await expect(ann.messages.append(id, [message])).rejects.toThrow(code("invalid_input"));
  });

  it("brings odd content back as it was", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const odd = ["NUL \0 here", "lone \ud800 surrogate", "\ufffd", "שלום", "👩‍👩‍👧‍👦", "a\r\nb\t'\"\\{}", " "];
    const parts = [
      { type: "data-x", z: "\0\udfff", a: [1, { b: null }] },
      { type: "text", text: "\0" },
    ];
    await ann.messages.append(
      id,
      odd.map((content) => ({ role: "user" as const, content })),
    );
    await ann.messages.append(id, [{ role: "assistant", parts }]);
    const { items } = await ann.messages.list(id);
    expect(items.slice(0, odd.length).map(({ content }) => content)).toEqual(odd);
    expect(JSON.stringify(items.at(-1)?.parts)).toBe(JSON.stringify(parts));
    expect(items.at(-1)?.content).toBe("\0");
  });

  it("takes 16 MiB, and refuses one byte more", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const content = "x".repeat(16 * 1024 * 1024);
    await ann.messages.append(id, [{ role: "user", content }]);
    await expect(ann.messages.append(id, [{ role: "user", content: `${content}x` }])).rejects.toThrow(
      code("too_large"),
    );
    const { items } = await ann.messages.list(id);
    expect(items.map((item) => item.content === content)).toEqual([true]);
  });

  it.each([
    [
      "an unknown role",
      [{ role: "robot", content: "x" }],
      "messages.0.role must be one of user, assistant, system, tool.",
    ],
    ["an empty message", [{ role: "user", content: "" }], "messages.0.content must not be empty"],
    ["no message", [], "messages must have at least one message."],
    ["101 messages", Array.from({ length: 101 }, () => hello), "messages must be at most 100 messages at once"],
    ["an id that is none", [{ ...hello, id: "" }], "messages.0.id must not be empty"],
    [
      "an id named twice",
      [0, 1].map(() => ({ ...hello, id: models.message ? "c0000000-0000-4000-8000-00000000000c" : "" })),
      "messages must not name the same id twice.",
    ],
    [
      "content that is not the text of its parts",
      [{ ...hello, parts: [{ type: "text", text: "No" }] }],
      "messages.0.content must be the plain text of parts",
    ],
    ["a part without a type", [{ role: "user", parts: [{ text: "No" }] }], "messages.0.parts.0 must be an object"],
  ])("refuses %s", async (_name, messages, sentence) => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    await expect(ann.messages.append(id, messages as never)).rejects.toThrow(
      expect.objectContaining({ code: "invalid_input", message: expect.stringContaining(sentence) }),
    );
    expect((await ann.conversations.get(id)).messageCount).toBe(0);
  });

  it("is part of a transaction of the caller's, also after a refused id", async () => {
    const { ann, store } = people;
    const { id } = await ann.conversations.create();
    const other = await (distributed ? ann : people.bob).conversations.create({ messages: [hello] });
    await expect(
      store.transaction(async (tx) => {
        await tx.forUser(people.ids.ann).messages.append(id, [hello]);
        throw new Error("changed my mind");
      }),
    ).rejects.toThrow("changed my mind");
    await store.transaction(async (tx) => {
      const mine = tx.forUser(people.ids.ann);
      await expect(mine.messages.append(id, [{ ...hello, id: other.headId ?? "" }])).rejects.toThrow(code("conflict"));
      await mine.messages.append(id, [hello]);
    });
    expect((await ann.conversations.get(id)).messageCount).toBe(1);
  });

  it.skipIf(distributed)("is one statement", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const statements: string[] = [];
    const query: typeof database.query = (text, ...rest) => {
      statements.push(text);
      return database.query(text, ...rest);
    };
    const watched = createStore({ ...database, query }, models, { distributed }).forUser(people.ids.ann);
    await watched.messages.append(id, [hello]);
    await watched.messages.append(id, [hello, hello]);
    expect(statements).toHaveLength(2);
  });
});
