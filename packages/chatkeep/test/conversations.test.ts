import { randomUUID } from "node:crypto";
import { encodeCursor } from "chatkeep/internal";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { distributed, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople, user } from "./helpers/people.ts";

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

describe("conversations", () => {
  it("are created with their first messages, or not at all", async () => {
    const { ann } = people;
    const made = await ann.conversations.create({ messages: [hello, { role: "assistant", content: "Hi" }] });
    expect(made).toMatchObject({ title: "Hello", messageCount: 2 });
    const { items } = await ann.messages.list(made.id);
    expect(items.map(({ seq, content }) => [seq, content])).toEqual([
      [1, "Hello"],
      [2, "Hi"],
    ]);
    expect(items[1]).toMatchObject({ parentId: items[0]?.id, id: made.headId });
    const id = randomUUID();
    const taken = { ...hello, id: items[0]?.id };
    await expect(ann.conversations.create({ id, messages: [hello, taken] })).rejects.toThrow(code("conflict"));
    expect(await ann.conversations.find(id)).toBeUndefined();
    await expect(ann.conversations.create({ messages: [{ ...hello, parentId: items[0]?.id }] })).rejects.toThrow(
      code("invalid_input"),
    );
  });

  it("are created once, however often that is tried", async () => {
    const { ann, bob } = people;
    const input = { id: randomUUID(), title: "Milk", messages: [{ id: randomUUID(), ...hello }] };
    const made = await Promise.all(Array.from({ length: 10 }, () => ann.conversations.create(input)));
    expect(new Set(made.map((each) => JSON.stringify(each))).size).toBe(1);
    await expect(ann.conversations.create({ ...input, title: "Bread" })).rejects.toThrow(code("conflict"));
    await expect(ann.conversations.create({ ...input, messages: [{ id: randomUUID(), ...hello }] })).rejects.toThrow(
      code("conflict"),
    );
    if (!distributed) await expect(bob.conversations.create({ id: input.id })).rejects.toThrow(code("conflict"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await ann.conversations.rename(input.id, "Oat milk");
    expect(await ann.conversations.create(input)).toMatchObject({ title: "Oat milk" });
    expect((await bob.conversations.list()).items).toEqual([]);
  });

  it("are listed newest activity first, page by page, with none left out and none twice", async () => {
    const { ann, bob } = people;
    await bob.conversations.create({ title: "Bob's" });
    for (let number = 1; number <= 45; number += 1) await ann.conversations.create({ title: `Chat ${number}` });
    await database.db.execute(sql`update conversation set updated_at = '2026-01-01' where title like 'Chat 1%'`);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof ann.conversations.list>> = await ann.conversations.list({
        limit: 4,
        cursor,
      });
      seen.push(...page.items.map(({ title }) => title ?? ""));
      cursor = page.nextCursor;
    } while (cursor);
    expect(new Set(seen).size).toBe(45);
    expect(seen).toHaveLength(45);
    expect((await ann.conversations.list()).items).toHaveLength(20);
    const oldest = (await ann.conversations.list({ limit: 100 })).items.at(-1);
    await ann.messages.append(oldest?.id ?? "", [hello]);
    expect((await ann.conversations.list({ limit: 1 })).items[0]?.id).toBe(oldest?.id);
  });

  it("refuse a damaged cursor and a page of 0 or too many", async () => {
    const { ann } = people;
    for (let number = 0; number < 3; number += 1) await ann.conversations.create();
    const { nextCursor } = await ann.conversations.list({ limit: 1 });
    const damaged = `${nextCursor?.startsWith("a") ? "b" : "a"}${nextCursor?.slice(1)}`;
    const crafted = [[1e300, randomUUID()], [8.64e15, randomUUID()], [-1, randomUUID()], [1, "x"], [1]].map((values) =>
      encodeCursor(values),
    );
    for (const cursor of [...crafted, damaged, "x", `${nextCursor}A`, nextCursor?.slice(0, -2) ?? ""]) {
      await expect(ann.conversations.list({ cursor })).rejects.toThrow(code("invalid_input"));
    }
    for (const [limit, ofMessages] of [
      [0, 0],
      [101, 501],
      [1.5, 1.5],
      [-1, -1],
    ]) {
      await expect(ann.conversations.list({ limit })).rejects.toThrow(code("invalid_input"));
      await expect(ann.messages.list(randomUUID(), { limit: ofMessages })).rejects.toThrow(code("invalid_input"));
    }
  });

  it("are walked along their ids, each once, whatever moves meanwhile", async () => {
    const { ann, bob } = people;
    await bob.conversations.create();
    await database.db.execute(sql`
      insert into conversation (user_id, archived) select ${ids.ann}, n % 3 = 0 from generate_series(1, 10050) n`);
    const first = await ann.conversations.ids();
    expect(first.items).toHaveLength(10_000);
    await ann.conversations.delete(first.items[0] ?? "");
    await ann.conversations.rename(first.items[1] ?? "", "Moved");
    const second = await ann.conversations.ids({ after: first.nextCursor ?? "" });
    expect([second.items.length, second.nextCursor]).toEqual([50, null]);
    expect(new Set([...first.items, ...second.items]).size).toBe(10_050);
    await expect(ann.conversations.ids({ after: "x" })).rejects.toThrow(code("invalid_input"));
  });

  it("get a title from the first question, and keep the one that their owner gives", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    await ann.messages.append(id, [{ role: "assistant", content: "Ask me." }]);
    expect((await ann.conversations.get(id)).title).toBeNull();
    const long = `${"How do I bake bread without a proper oven and ".repeat(9)}?\nSecond line`;
    await ann.messages.append(id, [{ role: "user", content: long }]);
    const { title } = await ann.conversations.get(id);
    expect(title).toMatch(/^How do I bake bread without a proper oven and How do I bake…$/);
    const renamed = await ann.conversations.rename(id, "  Bread ");
    expect(renamed.title).toBe("Bread");
    await ann.messages.append(id, [hello]);
    expect((await ann.conversations.get(id)).title).toBe("Bread");
    const given = await ann.conversations.create({ title: "Mine", messages: [hello] });
    expect(given.title).toBe("Mine");
  });

  it("take a title of 200 characters, and refuse 201 and none", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create();
    const title = "👍".repeat(200);
    expect((await ann.conversations.rename(id, title)).title).toBe(title);
    for (const wrong of [`${title}x`, "", "   ", "a\0b", "a\ud800"]) {
      await expect(ann.conversations.rename(id, wrong)).rejects.toThrow(code("invalid_input"));
    }
    expect((await ann.conversations.get(id)).title).toBe(title);
  });

  it("are gone with their messages when deleted", async () => {
    const { ann } = people;
    const { id } = await ann.conversations.create({ messages: [hello] });
    await ann.conversations.erase(id);
    await expect(ann.conversations.get(id)).rejects.toThrow(code("not_found"));
    await expect(ann.conversations.erase(id)).rejects.toThrow(code("not_found"));
    expect(await database.db.select().from(models.message)).toEqual([]);
  });

  it("are gone with their owner", async () => {
    const { ann, bob } = people;
    const { id, headId } = await ann.conversations.create({
      messages: [hello, { role: "assistant", status: "streaming" }],
    });
    await ann.runs.beginDraft({ conversationId: id, messageId: headId ?? "", server: "test" });
    const bobs = await bob.conversations.create({ messages: [hello] });
    await database.db.delete(user).where(sql`id = ${ids.ann}`);
    expect((await database.db.select().from(models.conversation)).map((row) => row.id)).toEqual([bobs.id]);
    expect(await database.db.select().from(models.message)).toHaveLength(1);
    expect(await database.db.select().from(models.run)).toEqual([]);
  });
});

describe("another's conversation", () => {
  it("is exactly as absent as one that never was", async () => {
    const { ann, bob } = people;
    const anns = await ann.conversations.create({ title: "Secret", messages: [hello] });
    const before = await ann.messages.list(anns.id);
    const verbs: [string, (id: string) => Promise<unknown>][] = [
      ["get", (id) => bob.conversations.get(id)],
      ["rename", (id) => bob.conversations.rename(id, "Mine now")],
      ["delete", (id) => bob.conversations.delete(id)],
      ["append", (id) => bob.messages.append(id, [hello])],
      ["append at a place", (id) => bob.messages.append(id, [hello], { expectedSeq: 1 })],
      ["list messages", (id) => bob.messages.list(id)],
      ["branch", (id) => bob.messages.branch(id)],
      ["branch to a message", (id) => bob.messages.branch(id, { leafId: anns.headId ?? "" })],
      ["get a message", (id) => bob.messages.get(id, anns.headId ?? "")],
      ["stop", (id) => bob.runs.stop(id)],
    ];
    const never = randomUUID();
    for (const [name, verb] of verbs) {
      const [real, absent] = await Promise.all([anns.id, never].map((id) => verb(id).catch((error: Error) => error)));
      expect(absent, name).toMatchObject({ code: "not_found" });
      expect(String(real).replaceAll(anns.id, never), name).toBe(String(absent));
    }
    expect(await bob.conversations.find(anns.id)).toBeUndefined();
    expect(await ann.conversations.get(anns.id)).toEqual(anns);
    expect(await ann.messages.list(anns.id)).toEqual(before);
  });

  it("cannot be written to even in raw SQL", async () => {
    const anns = await people.ann.conversations.create();
    const insert = sql`insert into message (conversation_id, user_id, seq, role, content)
      values (${anns.id}, ${ids.bob}, 1, 'user', 'x')`;
    await expect(database.db.execute(insert)).rejects.toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ code: "23503" }) }),
    );
  });
});

describe("the database itself", () => {
  it.each([
    ["a role", "role", "'robot'"],
    ["a status", "status", "'done'"],
    ["a seq", "seq", "0"],
  ])("refuses %s that there is not", async (_name, column, value) => {
    const { id } = await people.ann.conversations.create({ messages: [hello] });
    const update = sql.raw(`update message set ${column} = ${value} where conversation_id = '${id}'`);
    await expect(database.db.execute(update)).rejects.toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ code: "23514" }) }),
    );
  });
});

describe("a list", () => {
  it("leaves out the archive, shows it when asked, and finds those that are pinned", async () => {
    const { ann, bob } = await resetPeople(database);
    const made = [];
    for (const title of ["one", "two", "three"]) {
      made.push(await ann.conversations.create({ title }));
      // Two of the same millisecond are listed by their ids.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const [one, two, three] = made.map(({ id }) => id) as [string, string, string];
    const before = await ann.conversations.get(one);
    expect(await ann.conversations.archive(one, true)).toEqual({ ...before, archived: true });
    await ann.conversations.pin(two, true);
    const idsOf = async (options?: Parameters<typeof ann.conversations.list>[0]) =>
      (await ann.conversations.list(options)).items.map(({ id }) => id);
    expect(await idsOf()).toEqual([three, two]);
    expect(await idsOf({ archived: true })).toEqual([one]);
    expect(await idsOf({ pinned: true })).toEqual([two]);
    expect(await idsOf({ pinned: false })).toEqual([three]);
    await ann.conversations.archive(one, false);
    await ann.conversations.pin(two, false);
    expect(await idsOf()).toEqual([three, two, one]);
    for (const act of [() => bob.conversations.archive(one, true), () => bob.conversations.pin(one, true)]) {
      await expect(act()).rejects.toMatchObject({ code: "not_found" });
    }
    expect(await ann.conversations.get(one)).toEqual(before);
  });

  it("finds words of titles in whatever case, also in the archive, page by page, and takes no sign for a pattern", async () => {
    const { ann, bob } = await resetPeople(database);
    for (let index = 0; index < 12; index += 1) await ann.conversations.create({ title: `Bread number ${index}` });
    const odd = await ann.conversations.create({ title: "100% rye_bread \\ more" });
    await ann.conversations.archive(odd.id, true);
    await bob.conversations.create({ title: "Bob's bread" });
    const titles = [];
    let cursor: string | null | undefined;
    do {
      const page = await ann.conversations.list({ search: "BREAD", limit: 5, cursor });
      titles.push(...page.items.map(({ title }) => title));
      cursor = page.nextCursor;
    } while (cursor);
    expect(titles).toHaveLength(13);
    expect(titles).toContain("100% rye_bread \\ more");
    for (const search of ["100%", "rye_b", "\\ m"]) {
      expect((await ann.conversations.list({ search })).items.map(({ id }) => id)).toEqual([odd.id]);
    }
    expect((await ann.conversations.list({ search: "r%e" })).items).toEqual([]);
    await expect(ann.conversations.list({ search: " " })).rejects.toMatchObject({ code: "invalid_input" });
  });
});

describe("a branch", () => {
  it("names what could stand in place of each message, and is shown again to its newest end", async () => {
    const { ann, bob } = await resetPeople(database);
    const user = (content: string, parentId?: string | null) => ({ role: "user", content, parentId }) as const;
    const { id } = await ann.conversations.create();
    const [q1, a1] = await ann.messages.append(id, [user("q1"), { role: "assistant", content: "a1" }]);
    const [q2, a2] = await ann.messages.append(id, [user("q2"), { role: "assistant", content: "a2" }]);
    const [b1] = await ann.messages.append(id, [{ role: "assistant", content: "b1", parentId: q1?.id }]);
    const [edited] = await ann.messages.append(id, [user("q1 edited", null)]);
    const shown = async () =>
      (await ann.messages.branchWithSiblings(id)).items.map(({ content, siblings }) => [content, siblings]);
    expect(await shown()).toEqual([["q1 edited", [q1?.id, edited?.id]]]);
    await ann.conversations.showBranch(id, q1?.id ?? "");
    expect(await shown()).toEqual([
      ["q1", [q1?.id, edited?.id]],
      ["b1", [a1?.id, b1?.id]],
    ]);
    await ann.conversations.showBranch(id, a1?.id ?? "");
    expect(await shown()).toEqual([
      ["q1", [q1?.id, edited?.id]],
      ["a1", [a1?.id, b1?.id]],
      ["q2", [q2?.id]],
      ["a2", [a2?.id]],
    ]);
    await expect(bob.conversations.showBranch(id, a1?.id ?? "")).rejects.toMatchObject({ code: "not_found" });
    const other = await ann.conversations.create({ messages: [{ role: "user", content: "x" }] });
    await expect(ann.conversations.showBranch(id, other.headId ?? "")).rejects.toMatchObject({ code: "not_found" });
  });
});

it("a temporary conversation is in no list and no search, goes on like any other, and is gone after its day", async () => {
  const { ann, store } = people;
  const messages = [{ id: "m", role: "user" as const, content: "quicksilver in secret" }];
  const made = await ann.conversations.create({ id: "secret", temporary: true, messages });
  const ahead = (made.expiresAt?.getTime() ?? 0) - made.createdAt.getTime();
  expect(ahead).toBe(24 * 3_600_000);
  expect(await ann.conversations.create({ id: "secret", temporary: true, messages })).toEqual(made);
  await expect(ann.conversations.create({ id: "secret", messages })).rejects.toMatchObject({ code: "conflict" });
  await ann.messages.append("secret", [{ role: "assistant", content: "quicksilver, indeed" }]);
  await ann.conversations.pin("secret", true);
  for (const options of [{}, { pinned: true }, { archived: true }, { search: "quicksilver" }]) {
    expect((await ann.conversations.list(options)).items).toEqual([]);
  }
  expect((await ann.conversations.ids()).items).toEqual([]);
  expect((await ann.search({ text: "quicksilver" })).items).toEqual([]);
  expect(await store.system.readRecent([people.ids.ann])).toEqual([]);
  expect(await store.system.removeExpired()).toBe(0);
  expect((await ann.messages.list("secret")).items).toHaveLength(2);
  await database.db.execute(sql`update conversation set expires_at = now() - interval '1 second'`);
  const told: unknown[] = [];
  store.onChange((change) => told.push(change));
  expect(await store.system.removeExpired()).toBe(1);
  expect(told).toEqual([{ userId: people.ids.ann, conversationId: "secret" }]);
  expect(await ann.conversations.find("secret")).toBeUndefined();
});
