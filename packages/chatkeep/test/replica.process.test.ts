/** A real standby: what is read there, and what is not while it is behind, away, or no standby any more. */
import { randomUUID } from "node:crypto";
import { type Connection, chatTables, createStore, enableRowLevelSecurity, migrate, type UserStore } from "chatkeep";
import { openPg, type PgConnection } from "chatkeep/pg";
import { type Capability, runConformance, type Subject } from "chatkeep/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conformanceStore } from "./helpers/conformance-store.ts";
import { isLong } from "./helpers/long.ts";
import { ids, ownMigrations } from "./helpers/people.ts";
import { startPostgres, type ThrowawayPostgres } from "./helpers/throwaway-postgres.ts";

const without: Capability[] = ["processes", "faults", "clock", "counters", "archive", "changes"];
const tables = chatTables({ user: { table: "user", column: "id", type: "uuid" } });

let primary: ThrowawayPostgres;
let standby: ThrowawayPostgres;
let connection: PgConnection;
let replica: PgConnection;

beforeAll(async () => {
  primary = await startPostgres();
  connection = openPg({ url: primary.url });
  await migrate(connection, ownMigrations);
  await connection.query(`insert into "user" (id, name) values ($1, 'Ann'), ($2, 'Bob')`, Object.values(ids));
  await connection.close();
  standby = await primary.startStandby();
  connection = openPg({ url: primary.url });
  replica = openPg({ url: standby.url });
});
afterAll(async () => {
  await replica?.close();
  await connection?.close();
  await standby?.stop();
  await primary?.stop();
});

/** The same connection, with the names of the statements of chatkeep that went over it. */
function listening(to: Connection): Connection & { names: string[] } {
  const names: string[] = [];
  const noting = (connection: Connection): Connection => ({
    ...connection,
    query: (text, values, name) => {
      if (name) names.push(name.replace(/^chatkeep_(owners )?|_[0-9a-f]{8}$/g, ""));
      return connection.query(text, values, name);
    },
    transaction: (work, options) => connection.transaction((inside) => work(noting(inside)), options),
  });
  return { ...noting(to), names };
}

function open(options: { rowLevelSecurity?: boolean; on?: Connection; replica?: Connection } = {}) {
  const there = listening(options.replica ?? replica);
  const here = listening(options.on ?? connection);
  const { rowLevelSecurity } = options;
  const ann = createStore(here, tables, { replica: there, rowLevelSecurity }).forUser(ids.ann);
  return { ann, here, there };
}

/** Until a read comes from there: it is left alone for a while after it was behind. */
async function untilItIsRead({ ann, there }: ReturnType<typeof open>): Promise<void> {
  await expect
    .poll(async () => {
      const before = there.names.length;
      await ann.conversations.list();
      return there.names.length > before;
    })
    .toBe(true);
}

async function chatOf(ann: UserStore) {
  const file = await ann.files.put({ name: "a.txt", data: Buffer.from("A file of words."), mediaType: "text/plain" });
  const id = randomUUID();
  const [question, answer] = [randomUUID(), randomUUID()];
  await ann.conversations.create({
    id,
    messages: [
      { id: question, role: "user", parts: [{ type: "text", text: "Which bread rises well?" }] },
      { id: answer, role: "assistant", content: "One with time." },
    ],
  });
  return { id, question, answer, fileId: file.id };
}

async function everythingRead(ann: UserStore, { id, question, fileId }: Awaited<ReturnType<typeof chatOf>>) {
  const pieces: Uint8Array[] = [];
  for await (const piece of await ann.files.stream(fileId)) pieces.push(piece);
  return {
    get: await ann.conversations.get(id),
    find: await ann.conversations.find(id),
    list: await ann.conversations.list({ search: "bread", metadata: {} }),
    ids: await ann.conversations.ids(),
    trash: await ann.conversations.trash(),
    message: await ann.messages.get(id, question),
    found: await ann.messages.find([question]),
    page: await ann.messages.list(id, { limit: 1 }),
    branch: await ann.messages.branch(id),
    siblings: await ann.messages.branchWithSiblings(id),
    search: await ann.search({ text: "rises", conversationId: id }),
    best: await ann.search({ text: "time", sort: "best", conversationId: id }),
    days: await ann.usage({ by: "day" }),
    file: await ann.files.get(fileId),
    files: await ann.files.list(),
    bytes: Buffer.from(await ann.files.read(fileId)).toString(),
    streamed: Buffer.concat(pieces).toString(),
  };
}

describe.runIf(isLong)("with a replica", () => {
  const again = () => conformanceStore(openPg({ url: primary.url }), { replica });
  const begin = async (): Promise<Subject> => {
    const store = again();
    return { store, connect: async () => again(), whole: true, close: store.close };
  };
  runConformance("chatkeep", begin, { rounds: 1, timeoutMs: 120_000, without });
});

describe("a replica", () => {
  for (const rowLevelSecurity of [false, true]) {
    it(`is read by all that only reads, and gives the same${rowLevelSecurity ? ", behind row-level security" : ""}`, async () => {
      if (rowLevelSecurity) await enableRowLevelSecurity(connection, tables);
      const opened = open({ rowLevelSecurity });
      const chat = await chatOf(opened.ann);
      const alone = listening(connection);
      const wanted = await everythingRead(createStore(alone, tables, { rowLevelSecurity }).forUser(ids.ann), chat);
      expect(alone.names.length).toBeGreaterThan(17);
      // On a busy machine it is behind now and then, and the primary is read.
      const notReadThere = async () => {
        expect(await everythingRead(opened.ann, chat)).toEqual(wanted);
        return [...new Set(alone.names)].filter((name) => !opened.there.names.includes(name));
      };
      await expect.poll(notReadThere, { timeout: 60_000 }).toEqual([]);
      expect(wanted.search.items).toHaveLength(1);
      expect(wanted.streamed).toBe("A file of words.");
      await expect(opened.ann.conversations.get(randomUUID())).rejects.toMatchObject({ code: "not_found" });
      await expect(opened.ann.messages.list("")).rejects.toMatchObject({ code: "invalid_input" });
      if (rowLevelSecurity) {
        const bob = createStore(connection, tables, { replica, rowLevelSecurity }).forUser(ids.bob);
        expect((await bob.conversations.list()).items).toEqual([]);
      }
    });
  }

  it("shows at once what was written, through whichever server, while it follows", async () => {
    const [one, other] = [open(), open()];
    await untilItIsRead(other);
    let isOver = false;
    const others = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!isOver) await chatOf(one.ann);
      }),
    );
    for (let turn = 0; turn < 100; turn += 1) {
      const { id } = await one.ann.conversations.create();
      const read = [
        other.ann.conversations.list(),
        other.ann.messages.list(id),
        other.ann.conversations.find(id),
      ] as const;
      const [{ items }, page, found] = await Promise.all(read);
      expect(items.some((each) => each.id === id)).toBe(true);
      expect(page.items).toEqual([]);
      expect(found).toMatchObject({ id });
      await one.ann.messages.append(id, [{ role: "user", content: `Turn ${turn}` }]);
      expect((await other.ann.messages.list(id)).items).toMatchObject([{ content: `Turn ${turn}` }]);
      await one.ann.conversations.erase(id);
      expect(await other.ann.conversations.find(id)).toBeUndefined();
    }
    isOver = true;
    await others;
    await untilItIsRead(other);
  });

  it("shows at once also what was committed without waiting for the disk", async () => {
    const url = new URL(primary.url);
    url.searchParams.set("options", "-c synchronous_commit=off");
    await using relaxed = openPg({ url: url.href });
    expect(await relaxed.query("select current_setting('synchronous_commit')")).toEqual([["off"]]);
    const { ann } = open({ on: relaxed });
    for (let turn = 0; turn < 30; turn += 1) {
      const { id } = await ann.conversations.create();
      expect(await ann.conversations.find(id)).toMatchObject({ id });
    }
  });

  it("is left alone for as long as it is behind", async () => {
    const opened = open();
    await untilItIsRead(opened);
    await replica.query("select pg_wal_replay_pause()");
    const { id } = await opened.ann.conversations.create({ title: "Not there yet" });
    const before = opened.there.names.length;
    for (let turn = 0; turn < 5; turn += 1) {
      expect(await opened.ann.conversations.get(id)).toMatchObject({ title: "Not there yet" });
      expect((await open().ann.conversations.list()).items[0]?.id).toBe(id);
    }
    expect(opened.there.names.slice(before)).toEqual([]);
    await replica.query("select pg_wal_replay_resume()");
    await untilItIsRead(opened);
    expect((await opened.ann.conversations.list()).items[0]?.id).toBe(id);
  });

  it("sees what a transaction has written in it, and nothing of it before the end", async () => {
    const { ann, there } = open();
    const { id } = await ann.conversations.create();
    await ann.transaction(id, async (inside) => {
      await inside.messages.append(id, [{ role: "user", content: "Inside" }]);
      const before = there.names.length;
      expect((await inside.messages.list(id)).items).toHaveLength(1);
      expect(there.names.slice(before)).toEqual([]);
      expect((await ann.messages.list(id)).items).toEqual([]);
    });
    expect((await ann.messages.list(id)).items).toHaveLength(1);
  });

  it("that loses its connections, or is away, is noticed by nobody", async () => {
    const opened = open();
    const chat = await chatOf(opened.ann);
    await untilItIsRead(opened);
    const killing = replica.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and application_name = 'chatkeep'",
    );
    const reads = await Promise.all(Array.from({ length: 30 }, () => opened.ann.messages.list(chat.id)));
    await killing.catch(() => {});
    expect(reads.every(({ items }) => items.length === 2)).toBe(true);
    const away = standby.beAway(1_500);
    for (let turn = 0; turn < 20; turn += 1) {
      expect((await opened.ann.messages.list(chat.id)).items).toHaveLength(2);
    }
    await away;
    await untilItIsRead(opened);
  });

  it("that was never there costs no read its answer", async () => {
    await using nowhere = openPg({ url: "postgres://postgres@127.0.0.1:1/none" });
    const { ann } = open({ replica: nowhere });
    const chat = await chatOf(ann);
    expect((await ann.messages.list(chat.id)).items).toHaveLength(2);
  });

  it("that is the primary itself is not asked again", async () => {
    const { ann, there } = open({ replica: connection });
    const chat = await chatOf(ann);
    expect((await ann.messages.list(chat.id)).items).toHaveLength(2);
    expect(there.names).toEqual([]);
  });

  it("that is away together with the primary is `unavailable`", async () => {
    await using nowhere = openPg({ url: "postgres://postgres@127.0.0.1:1/none" });
    const { ann } = open({ on: nowhere });
    await expect(ann.conversations.list()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("that was promoted is read no more", async () => {
    const opened = open();
    await untilItIsRead(opened);
    await replica.query("select pg_promote()");
    const { id } = await opened.ann.conversations.create();
    expect((await opened.ann.conversations.list()).items[0]?.id).toBe(id);
    expect(await opened.ann.conversations.find(id)).toMatchObject({ id });
  });
});

it("refuses what is no connection", () => {
  expect(() => createStore(connection, tables, { replica: {} as Connection })).toThrow("connection");
});
