import { randomUUID } from "node:crypto";
import { type Connection, createStore, type Observer, type RunKey, type UserStore } from "chatkeep";
import { tableNames } from "chatkeep/internal";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { distributed, isServer, openAgain, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
});
beforeEach(async () => {
  people = await resetPeople(database);
});
afterAll(() => database.close());

const code = (wanted: string) => expect.objectContaining({ code: wanted });
const hello = { role: "user", content: "A word like marmalade" } as const;
const pageOf = async (who: UserStore) => (await who.conversations.trash()).items.map(({ id }) => id);

/** A conversation of so many messages, made past the store. */
async function long(count: number, indexed = 0): Promise<string> {
  const id = randomUUID();
  await database.db.execute(sql`
    insert into conversation (id, user_id, message_count, indexed_count) values (${id}, ${ids.ann}, ${count}, ${indexed})`);
  await database.db.execute(sql`
    insert into message (conversation_id, user_id, seq, role, content)
    select ${id}, ${ids.ann}, n, 'user', 'said ' || n from generate_series(1, ${count}::int) n`);
  return id;
}

async function rowsLeft(): Promise<Record<string, number>> {
  const left: Record<string, number> = {};
  for (const table of Object.values(tableNames)) {
    const { rows } = (await database.db.execute(
      sql`select count(*)::int as count from ${sql.identifier(table)} where user_id = ${ids.ann}`,
    )) as unknown as { rows: { count: number }[] };
    left[table] = rows[0]?.count ?? -1;
  }
  return left;
}

const nothing = Object.fromEntries(Object.values(tableNames).map((name) => [name, 0]));

for (const id of [randomUUID(), "a name of the host's"]) {
  it(`what is in the trash is absent everywhere, and back as it was when restored: ${id.slice(0, 6)}`, async () => {
    const { ann, bob, store } = people;
    const made = await ann.conversations.create({ id, messages: [{ ...hello, id: "first" }], metadata: { a: "b" } });
    await ann.conversations.pin(id, true);
    const { items } = await ann.messages.list(id);
    const [first] = items;
    await ann.conversations.delete(id);
    expect(await ann.conversations.find(id)).toBeUndefined();
    for (const options of [{}, { pinned: true }, { search: "marmalade" }, { metadata: { a: "b" } }]) {
      expect((await ann.conversations.list(options)).items).toEqual([]);
    }
    expect((await ann.conversations.ids()).items).toEqual([]);
    expect(await ann.search({ text: "marmalade" })).toMatchObject({ items: [], conversations: [] });
    expect(await ann.messages.find(["first"], { conversationId: id })).toEqual([]);
    expect(await store.system.readLive([{ userId: ids.ann, conversationId: id }])).toEqual([]);
    expect(await store.system.readRecent([ids.ann])).toEqual([]);
    const absent: (() => Promise<unknown>)[] = [
      () => ann.conversations.delete(id),
      () => ann.conversations.rename(id, "x"),
      () => ann.conversations.truncate(id, "first"),
      () => ann.conversations.clear(id),
      () => ann.conversations.pop(id),
      () => ann.conversations.showBranch(id, "first"),
      () => ann.messages.list(id),
      () => ann.messages.list(id, { after: 0 }),
      () => ann.messages.branch(id),
      () => ann.messages.branch(id, { after: null }),
      () => ann.messages.branchWithSiblings(id),
      () => ann.messages.get(id, "first"),
      () => ann.messages.append(id, [hello]),
      () => ann.messages.append(id, [hello, hello], { expectedSeq: 1 }),
      () => ann.messages.append(id, [{ ...hello, id: "first" }]),
      () => ann.messages.update(id, "first", { content: "x" }, { revision: 1 }),
      () => ann.messages.redact(id, "first"),
      () => ann.messages.save(id, [{ ...hello, id: "first" }]),
      () => ann.runs.stop(id),
      () => ann.runs.beginDraft({ conversationId: id, messageId: "first", server: "s" }),
      () => bob.conversations.restore(id),
      () => bob.conversations.purge(id),
      () => bob.conversations.erase(id),
      () => ann.conversations.restore(randomUUID()),
    ];
    for (const verb of absent) await expect(verb(), verb.toString()).rejects.toThrow(code("not_found"));
    // What would be made anew under its id is not: neither is it mixed with what was there, nor lost.
    const taken: (() => Promise<unknown>)[] = [
      () => ann.conversations.create({ id }),
      () => ann.runs.begin({ conversationId: id, question: { ...hello, id: "q" }, server: "s" }),
      () => ann.runs.begin({ conversationId: id, question: { ...hello, id: "first" }, server: "s" }),
      () => ann.import({ id, messages: [{ ...hello, id: "i" }] }),
      () => store.system.restore(ids.ann, { conversation: { ...made, expiresAt: null }, messages: items }),
    ];
    for (const verb of taken) await expect(verb(), verb.toString()).rejects.toThrow(/is in the trash/);
    expect(await pageOf(bob)).toEqual([]);
    const [trashed] = (await ann.conversations.trash()).items;
    expect(trashed).toMatchObject({ id, title: made.title, deletedAt: expect.any(Date) });
    const days = ((trashed?.expiresAt?.getTime() ?? 0) - (trashed?.deletedAt.getTime() ?? 0)) / 86_400_000;
    expect(days).toBeCloseTo(30, 3);
    expect(await ann.conversations.restore(id)).toEqual(await ann.conversations.get(id));
    expect(await ann.conversations.get(id)).toEqual({ ...made, pinned: true, updatedAt: expect.any(Date) });
    expect((await ann.messages.list(id)).items).toEqual([first]);
    expect((await ann.search({ text: "marmalade" })).items).toHaveLength(1);
    await expect(ann.conversations.restore(id)).rejects.toThrow(code("conflict"));
    await expect(ann.conversations.purge(id)).rejects.toThrow(/not in the trash: delete it first/);
  });
}

it("the reply of a conversation that goes to the trash is stopped, and what was said of it stays", async () => {
  const { store } = people;
  const ann = createStore(database, models, {
    distributed,
    partsOf: (chunks) => [{ type: "text", text: chunks.join("") }],
  }).forUser(ids.ann);
  const id = randomUUID();
  const beginning = await ann.runs.begin({ conversationId: id, question: { ...hello, id: "q" }, server: "s" });
  const key = (beginning as { begun: { run: RunKey } }).begun.run;
  await store.system.heartbeat([{ userId: ids.ann, key, chunks: [{ seq: 1, chunk: "so far" }] }]);
  await ann.conversations.delete(id);
  expect(await store.system.heartbeat([{ userId: ids.ann, key, chunks: [] }])).toEqual([]);
  expect(await ann.runs.end(key, { status: "completed", parts: [] })).toBe(false);
  expect([await ann.runs.findRunning(id), await ann.runs.findById(key.id), await ann.runs.find(id, key.id)]).toEqual(
    Array(3).fill(undefined),
  );
  await ann.conversations.restore(id);
  expect((await ann.messages.list(id)).items[1]).toMatchObject({ content: "so far", status: "stopped" });
});

it("nothing gets past the trash: no question that was answered, no draft that was stored, no appends at once", async () => {
  const { ann } = people;
  const id = randomUUID();
  const asked = { conversationId: id, question: { ...hello, id: "q" }, server: "s" };
  const beginning = await ann.runs.begin(asked);
  await ann.runs.end((beginning as { begun: { run: RunKey } }).begun.run, { status: "completed", parts: [] });
  expect(await ann.runs.begin(asked)).toHaveProperty("answered");
  const [draft] = await ann.messages.append(id, [{ role: "assistant", status: "streaming" }]);
  await ann.conversations.delete(id);
  await expect(ann.runs.begin(asked)).rejects.toThrow(/is in the trash/);
  await expect(ann.runs.beginDraft({ conversationId: id, messageId: draft?.id ?? "", server: "s" })).rejects.toThrow(
    code("not_found"),
  );
  const many = await Promise.allSettled(Array.from({ length: 5 }, () => ann.messages.append(id, [hello])));
  expect(many).toEqual(Array(5).fill({ status: "rejected", reason: code("not_found") }));
  expect(await rowsLeft()).toMatchObject({ message: 3, run: 1 });
  expect(await ann.conversations.restore(id)).toMatchObject({ messageCount: 3 });
});

it("what search has indexed of it is not found in the trash, and is when it is back", async () => {
  const { ann, store } = people;
  const { id } = await ann.conversations.create({ messages: Array.from({ length: 70 }, () => hello) });
  await store.system.indexMessages();
  expect((await ann.search({ text: "marmalade" })).items).not.toEqual([]);
  await ann.conversations.delete(id);
  expect(await ann.search({ text: "marmalade" })).toMatchObject({ items: [], conversations: [] });
  await ann.conversations.restore(id);
  expect((await ann.search({ text: "marmalade" })).items).not.toEqual([]);
});

it.runIf(isServer && !distributed)(
  "a reply that begins while its conversation goes to the trash is stopped",
  async () => {
    const { ann, store } = people;
    const { id } = await ann.conversations.create({ messages: [hello] });
    const waiting = async () => {
      const [row] = await database.query(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return Number(row?.[0]);
    };
    const other = openAgain(database);
    const { key, deleting } = await store.transaction(async (tx) => {
      const beginning = await tx
        .forUser(ids.ann)
        .runs.begin({ conversationId: id, question: { ...hello, id: "q" }, server: "s" });
      const deleting = createStore(other, models, { distributed }).forUser(ids.ann).conversations.delete(id);
      await expect.poll(waiting).toBe(1);
      return { key: (beginning as { begun: { run: RunKey } }).begun.run, deleting };
    });
    await deleting;
    expect(await ann.runs.end(key, { status: "completed", parts: [] })).toBe(false);
    await ann.conversations.restore(id);
    expect((await ann.messages.list(id)).items.at(-1)).toMatchObject({ role: "assistant", status: "stopped" });
    await other.close();
  },
);

it("the trash is listed in pages, what was deleted last first, and emptied with a receipt", async () => {
  const { ann } = people;
  const made = [];
  for (let index = 0; index < 5; index += 1) {
    const { id } = await ann.conversations.create({ messages: [hello] });
    await ann.conversations.delete(id);
    made.unshift(id);
  }
  const { id: stays } = await ann.conversations.create({ messages: [hello] });
  const first = await ann.conversations.trash({ limit: 3 });
  const second = await ann.conversations.trash({ limit: 3, cursor: first.nextCursor });
  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(made);
  expect(second.nextCursor).toBeNull();
  await expect(ann.conversations.trash({ size: 1 } as object)).rejects.toThrow(/must not have the key "size"/);
  const one = await ann.conversations.purge(made[0] ?? "");
  expect(one).toEqual({
    of: "conversation",
    userId: ids.ann,
    conversationId: made[0],
    rowId: made[0],
    erasedAt: expect.any(Date),
    rows: { ...nothing, conversation: 1, message: 1 },
  });
  expect(await ann.conversations.emptyTrash()).toMatchObject({
    of: "trash",
    rows: { ...nothing, conversation: 4, message: 4 },
  });
  expect((await ann.conversations.ids()).items).toEqual([stays]);
  expect(await pageOf(ann)).toEqual([]);
});

it("temporary conversations, and all of a store without a trash, are gone at once", async () => {
  const { ann } = people;
  const { id } = await ann.conversations.create({ temporary: true, messages: [hello] });
  await ann.conversations.delete(id);
  const other = createStore(database, models, { distributed, trashDays: 0 }).forUser(ids.ann);
  const { id: second } = await other.conversations.create({ messages: [hello] });
  await other.conversations.delete(second);
  expect([await pageOf(ann), await rowsLeft()]).toEqual([[], nothing]);
  for (const trashDays of [-1, 1.5, 4_000, Number.NaN]) {
    expect(() => createStore(database, models, { distributed, trashDays })).toThrow(
      /trashDays as a whole number from 0 to 3650/,
    );
  }
});

it("what is over, by the clock of the database, cannot be restored, and is removed by a sweep", async () => {
  const { ann, store } = people;
  const { id } = await ann.conversations.create({ messages: [hello] });
  await ann.conversations.delete(id);
  expect(await store.system.removeExpired()).toBe(0);
  await database.db.execute(sql`update conversation set expires_at = now() - interval '1 second'`);
  await expect(ann.conversations.restore(id)).rejects.toThrow(code("not_found"));
  await expect(ann.conversations.purge(id)).rejects.toThrow(code("not_found"));
  expect(await pageOf(ann)).toEqual([]);
  expect(await store.system.removeExpired()).toBe(1);
  expect(await rowsLeft()).toEqual(nothing);
});

it("a large conversation is removed in batches, and by whoever comes next when that was broken off", async () => {
  const { ann, store } = people;
  const [large, small] = [await long(5_000), await ann.conversations.create({ messages: [hello] })];
  await store.system.indexMessages();
  const receipt = await ann.conversations.erase(large);
  expect(receipt.rows).toMatchObject({ conversation: 1, message: 5_000 });
  expect(receipt.rows.search_block).toBeGreaterThan(50);
  expect(receipt.rows.search_words).toBeGreaterThan(receipt.rows.search_block);
  expect((await ann.search({ text: "marmalade" })).items).toHaveLength(1);
  // As a process leaves it that was killed in the middle.
  const half = await long(3_000);
  await database.db.execute(sql`
    update conversation set deleted_at = '-infinity', expires_at = now() + interval '1 minute' where id = ${half}`);
  await database.db.execute(sql`delete from message where conversation_id = ${half} and seq < 2000`);
  expect(await ann.conversations.find(half)).toBeUndefined();
  await expect(ann.conversations.create({ id: half })).rejects.toThrow(/is being removed/);
  await expect(ann.conversations.restore(half)).rejects.toThrow(code("not_found"));
  expect(await store.system.removeExpired()).toBe(0);
  await database.db.execute(sql`update conversation set expires_at = now() where id = ${half}`);
  expect(await store.system.removeExpired()).toBe(1);
  expect((await ann.conversations.ids()).items).toEqual([small.id]);
});

it("what is removed in batches is marked anew with each, and what is due is removed once by two at once", async () => {
  const batches: string[] = [];
  const observer: Observer = {
    begin: ({ kind, name }) => {
      if (kind === "statement" && name === "erase_messages") batches.push(name);
      return { within: (work) => work(), end: () => {} };
    },
  };
  const marks: boolean[] = [];
  // As if each batch took longer than a minute.
  const slow: Connection = Object.create(database, {
    query: {
      value: async (...[text, values, name]: Parameters<Connection["query"]>) => {
        const isBatch = name?.includes("erase_messages") ?? false;
        if (isBatch) await database.query("update conversation set expires_at = now() - interval '1 second'");
        const rows = await database.query(text, values, name);
        if (isBatch) {
          const [row] = await database.query("select bool_and(expires_at > now())::text from conversation");
          marks.push(row?.[0] === "true");
        }
        return rows;
      },
    },
  });
  const large = await long(5_000);
  await createStore(slow, models, { distributed, observer }).forUser(ids.ann).conversations.erase(large);
  expect(batches).toHaveLength(3);
  expect(marks.slice(0, 2)).toEqual([true, true]);

  const [again, { store }] = [openAgain(database), people];
  for (let index = 0; index < 5; index += 1) await people.ann.conversations.create({ messages: [hello] });
  for (let index = 0; index < 3; index += 1) await long(200);
  await database.query("update conversation set expires_at = now() - interval '1 second'");
  const removed = await Promise.all(
    [store, createStore(again, models, { distributed })].map(({ system }) => system.removeExpired()),
  );
  expect(removed.reduce((sum, count) => sum + count)).toBe(8);
  expect(await rowsLeft()).toEqual(nothing);
  if (isServer) await again.close();
});

it("erasing a user removes all of theirs, in the trash too, and nothing of others", async () => {
  const { ann, bob, store } = people;
  const { id: bobs } = await bob.conversations.create({ messages: [hello] });
  for (let index = 0; index < 130; index += 1) await ann.conversations.create({ messages: [hello] });
  const [first = ""] = (await ann.conversations.ids()).items;
  await ann.conversations.delete(first);
  await store.system.indexMessages();
  const beginning = await ann.runs.begin({
    conversationId: randomUUID(),
    question: { ...hello, id: "q" },
    server: "s",
  });
  const key = (beginning as { begun: { run: RunKey } }).begun.run;
  await store.system.heartbeat([{ userId: ids.ann, key, chunks: [{ seq: 1, chunk: "so far" }] }]);
  const { url, mediaType } = await ann.files.put({ name: "a.txt", data: Buffer.from("words") });
  const ended = await ann.runs.begin({
    conversationId: "ended",
    question: { role: "user", parts: [{ type: "file", url, mediaType }] },
    server: "s",
  });
  await ann.runs.end((ended as typeof beginning & { begun: { run: RunKey } }).begun.run, {
    status: "completed",
    parts: [],
    inputTokens: 5,
  });
  const before = await rowsLeft();
  expect(before).toMatchObject({ conversation: 132, message: 134, run: 2, run_chunk: 1, usage: 1 });
  expect(before).toMatchObject({ attachment: 1, attachment_content: 1, attachment_piece: 1, attachment_use: 1 });
  const { rows, ...said } = await ann.erase();
  expect(said).toEqual({ of: "user", userId: ids.ann, erasedAt: expect.any(Date) });
  expect({ ...rows, search_pending: 0 }).toEqual({ ...before, search_pending: 0 });
  expect(await rowsLeft()).toEqual(nothing);
  expect(await bob.conversations.get(bobs)).toMatchObject({ messageCount: 1 });
});

it("retention lets old conversations go, by two clocks; pinned ones and those with a reply stay", async () => {
  const { ann, bob, store } = people;
  const made = async (days: number, given: { pinned?: boolean; archived?: boolean } = {}, who = ann) => {
    const { id } = await who.conversations.create({ messages: [hello], ...given });
    await database.db.execute(
      sql`update conversation set updated_at = now() - make_interval(days => ${days}::int) where id = ${id}`,
    );
    return id;
  };
  const [recent, pinned] = [await made(80), await made(500, { pinned: true })];
  const writing = randomUUID();
  await ann.runs.begin({ conversationId: writing, question: { ...hello, id: "q" }, server: "s" });
  await database.db.execute(
    sql`update conversation set updated_at = now() - interval '500 days' where id = ${writing}`,
  );
  await made(100);
  await made(40, { archived: true });
  const kept = await made(20, { archived: true });
  const bobs = await made(100, {}, bob);
  for (const options of [{}, { days: 0 }, { days: 1.5 }, { years: 1 }, undefined]) {
    await expect(store.system.retain(options as { days: number })).rejects.toThrow(code("invalid_input"));
  }
  expect(await store.system.retain({ archivedDays: 30 })).toEqual({ removed: 1, next: null });
  expect(await store.system.retain({ days: 90, after: ids.ann })).toEqual({ removed: 1, next: null });
  expect(await bob.conversations.find(bobs)).toBeUndefined();
  expect(await store.system.retain({ days: 90, archivedDays: 30 })).toEqual({ removed: 1, next: null });
  expect(new Set((await ann.conversations.ids()).items)).toEqual(new Set([recent, pinned, writing, kept]));
  expect(await pageOf(ann)).toEqual([]);
  expect(await store.system.removeExpired()).toBe(3);
});
