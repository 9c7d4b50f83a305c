/** What chatkeep's checkpointer promises beside LangGraph's suite: owners, retries, writers at once, odd content, limits, cost. */
import {
  BaseCheckpointSaver,
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointTuple,
  emptyCheckpoint,
  MemorySaver,
  uuid6,
} from "@langchain/langgraph-checkpoint";
import { chatMigrations, chatTables, createStore, migrate } from "chatkeep";
import { createCheckpointSaver, langgraphMigrations } from "chatkeep/langgraph";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openCheckpoints } from "./helpers/checkpoints.ts";
import { openAgain, openTestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

type Checkpoints = Awaited<ReturnType<typeof openCheckpoints>>;

let checkpoints: Checkpoints;
beforeAll(async () => {
  checkpoints = await openCheckpoints();
  return checkpoints[Symbol.asyncDispose];
});
beforeEach(async () => void (await resetPeople(checkpoints.database)));

const loop: CheckpointMetadata = { source: "loop", step: 0, parents: {} };
const at = (threadId: string, checkpointId?: string, namespace = "") => ({
  configurable: {
    thread_id: threadId,
    checkpoint_ns: namespace,
    ...(checkpointId ? { checkpoint_id: checkpointId } : {}),
  },
});

function checkpointOf(values: Record<string, unknown>, version: number | string = 1, id = uuid6(0)): Checkpoint {
  const versions = Object.fromEntries(Object.keys(values).map((channel) => [channel, version]));
  return { ...emptyCheckpoint(), id, channel_values: values, channel_versions: versions };
}

async function put(saver: BaseCheckpointSaver, threadId: string, checkpoint: Checkpoint, parentId?: string) {
  return await saver.put(at(threadId, parentId), checkpoint, loop, checkpoint.channel_versions);
}

async function all(list: AsyncGenerator<CheckpointTuple>): Promise<CheckpointTuple[]> {
  const tuples: CheckpointTuple[] = [];
  for await (const tuple of list) tuples.push(tuple);
  return tuples;
}

const code = (expected: string) => expect.objectContaining({ code: expected });

describe("an owner", () => {
  it("has threads that for others are like ones that never were", async () => {
    const { ann, bob } = checkpoints;
    const config = await put(ann, "t", checkpointOf({ secret: 1 }));
    await ann.putWrites(config, [["secret", 2]], "task");
    expect(await bob.getTuple(config)).toEqual(await bob.getTuple(at("never", uuid6(0))));
    expect(await all(bob.list(at("t")))).toEqual([]);
    expect(await all(bob.list({}))).toEqual([]);
    await bob.putWrites(config, [["secret", "bob's"]], "task");
    await bob.deleteThread("t");
    // A parent of another user's gives nothing to inherit.
    const mine = checkpointOf({ secret: "mine" });
    await bob.put(config, mine, loop, {});
    expect((await bob.getTuple(at("t")))?.checkpoint.channel_values).toEqual({});
    expect(await bob.getDeltaChannelHistory({ config: at("t", mine.id), channels: ["secret"] })).toEqual({
      secret: { writes: [] },
    });
    const tuple = await ann.getTuple(config);
    expect(tuple?.checkpoint.channel_values).toEqual({ secret: 1 });
    expect(tuple?.pendingWrites).toEqual([["task", "secret", 2]]);
  });

  it("takes all rows along when the user is deleted, and leaves those of others", async () => {
    const { ann, bob, countRows, database } = checkpoints;
    for (const saver of [ann, bob])
      await saver.putWrites(await put(saver, "t", checkpointOf({ a: 1 })), [["a", 2]], "task");
    expect(await countRows()).toEqual([2, 2, 2]);
    await database.query(`delete from "user" where id = $1::uuid`, [ids.ann]);
    expect(await countRows()).toEqual([1, 1, 1]);
    await expect(put(ann, "t", checkpointOf({ a: 1 }))).rejects.toThrow(code("not_found"));
    await expect(ann.putWrites(at("t", "x"), [["a", 1]], "task")).rejects.toThrow(code("not_found"));
  });

  it("is said by each config where the saver has none, and by nobody's word else", async () => {
    const saver = createCheckpointSaver(checkpoints.database, models);
    await expect(put(saver, "t", checkpointOf({}))).rejects.toThrow(/make it with a userId, or pass/);
    await expect(saver.deleteThread("t")).rejects.toThrow(/saver.forUser\(userId\).deleteThread/);
    const config = { configurable: { ...at("t").configurable, user_id: ids.ann } };
    const saved = await saver.put(config, checkpointOf({ a: 1 }), loop, { a: 1 });
    expect(saved.configurable).toMatchObject({ user_id: ids.ann });
    expect(
      await checkpoints.bob.getTuple({ configurable: { ...saved.configurable, user_id: ids.ann } }),
    ).toBeUndefined();
    await expect(saver.getTuple({ configurable: { thread_id: "t", user_id: "'; --" } })).rejects.toThrow(
      code("invalid_input"),
    );
    await saver.forUser(ids.ann).deleteThread("t");
    expect(await checkpoints.countRows()).toEqual([0, 0, 0]);
  });
});

describe("saving", () => {
  it("again is the same, and the first write of a task stays, but for how it stands", async () => {
    const { ann, countRows } = checkpoints;
    const checkpoint = checkpointOf({ a: 1, b: 2 });
    for (const _ of [1, 2]) await put(ann, "t", checkpoint);
    const config = at("t", checkpoint.id);
    await ann.putWrites(
      config,
      [
        ["a", "first"],
        ["__interrupt__", "ask"],
      ],
      "task",
    );
    await ann.putWrites(
      config,
      [
        ["a", "second"],
        ["__interrupt__", "ask again"],
      ],
      "task",
    );
    expect(await countRows()).toEqual([1, 2, 2]);
    expect((await ann.getTuple(config))?.pendingWrites).toEqual([
      ["task", "__interrupt__", "ask again"],
      ["task", "a", "first"],
    ]);
  });

  it("at once by many neither fails nor mixes", async () => {
    const { ann, database, countRows } = checkpoints;
    const again = openAgain(database);
    const other = createCheckpointSaver(again, models, { userId: ids.ann });
    const root = checkpointOf({ a: "root", kept: "kept" });
    await Promise.all([ann, other, ann, other].map((saver) => put(saver, "t", root)));
    const forks = Array.from({ length: 20 }, (_, index) => ({
      ...checkpointOf({ a: index, kept: "kept" }, 1, uuid6(index)),
      channel_versions: { a: 2, kept: 1 },
    }));
    await Promise.all(
      forks.map(async (fork, index) => {
        const config = await (index % 2 ? ann : other).put(at("t", root.id), fork, loop, { a: 2 });
        await Promise.all([1, 2].map(() => ann.putWrites(config, [["a", index]], "task")));
      }),
    );
    for (const [index, { id }] of forks.entries()) {
      const tuple = await other.getTuple(at("t", id));
      expect(tuple?.checkpoint.channel_values).toEqual({ a: index, kept: "kept" });
      expect(tuple?.pendingWrites).toEqual([["task", "a", index]]);
    }
    expect(await countRows()).toEqual([21, 22, 20]);
    await again.close();
  });

  it("in a transaction of the host's is undone with it", async () => {
    const { database, ann } = checkpoints;
    const undo = new Error("undo");
    const work = database.transaction(async (inside) => {
      const saver = createCheckpointSaver(inside, models, { userId: ids.ann });
      const config = await put(saver, "t", checkpointOf({ a: 1 }));
      await createStore(inside, models).forUser(ids.ann).conversations.create();
      expect(await saver.getTuple(config)).toBeDefined();
      throw undo;
    });
    await expect(work).rejects.toThrow(undo);
    expect(await ann.getTuple(at("t"))).toBeUndefined();
  });

  it("may be of what tasks wrote before the checkpoint itself is there", async () => {
    const { ann } = checkpoints;
    const checkpoint = checkpointOf({ a: 1 });
    await ann.putWrites(at("t", checkpoint.id), [["a", 2]], "task");
    expect(await ann.getTuple(at("t"))).toBeUndefined();
    await put(ann, "t", checkpoint);
    expect((await ann.getTuple(at("t")))?.pendingWrites).toEqual([["task", "a", 2]]);
  });
});

describe("content", () => {
  const odd = {
    nul: "a\0b",
    half: "\ud800",
    pair: "😀",
    bytes: new Uint8Array([0, 255, 10]),
    nothing: null,
    undefined: undefined,
    nested: { "a\0": ["\udfff", { deep: 1e21 }] },
    map: new Map([["k", new Set([1])]]),
    'it\'s "quoted", {a} \\ NULL': "channel",
    constructor: "own",
    toString: "own",
    "": "empty name",
  };

  it("comes back as it was given, whatever it is", async () => {
    const { ann } = checkpoints;
    const metadata = { ...loop, note: "a\0b \ud800", toString: "mine" } as CheckpointMetadata;
    const checkpoint = checkpointOf(odd);
    const config = await ann.put(
      at("thread 'ü' 😀", undefined, "a|b:1"),
      checkpoint,
      metadata,
      checkpoint.channel_versions,
    );
    await ann.putWrites(config, Object.entries(odd), "task \\ ' \"", "~__pregel_pull, ~a");
    const tuple = await ann.getTuple(config);
    expect(tuple?.checkpoint).toEqual(checkpoint);
    expect(tuple?.metadata).toEqual(metadata);
    expect(tuple?.pendingWrites).toEqual(
      Object.entries(odd).map(([channel, value]) => ["task \\ ' \"", channel, value]),
    );
    expect(tuple?.config).toEqual(config);
    expect(await all(ann.list({}, { filter: { note: "a\0b \ud800" } }))).toEqual([tuple]);
    expect(await all(ann.list({}, { filter: { constructor: Object } }))).toEqual([]);
    expect(await all(ann.list({}, { filter: { parents: {} } }))).toHaveLength(1);
  });

  it("of names that cannot be stored, or are too long, is refused with a sentence", async () => {
    const { ann, countRows } = checkpoints;
    const checkpoint = checkpointOf({ a: 1 });
    const refused: [Promise<unknown>, RegExp][] = [
      [put(ann, "a\0", checkpoint), /thread_id must not contain the character NUL/],
      [put(ann, "\ud800", checkpoint), /half of a surrogate pair/],
      [put(ann, "x".repeat(2_000), checkpoint), /may have 2000: use shorter names/],
      [put(ann, "", checkpoint), /put needs a thread/],
      [ann.put({}, checkpoint, loop, {}), /put needs a thread/],
      [ann.put({ configurable: { thread_id: 7 } }, checkpoint, loop, {}), /thread_id must be a text, not a number/],
      [put(ann, "t", { ...checkpoint, id: "" }), /checkpoint.id is missing/],
      [put(ann, "t", checkpointOf({ "a\0": 1 })), /name of a channel must not contain/],
      [put(ann, "t", checkpointOf({ ["é".repeat(1_000)]: 1 })), /use shorter names/],
      [ann.putWrites(at("t"), [["a", 1]], "task"), /checkpoint_id is missing/],
      [ann.putWrites(at("t", "x"), [["a", 1]], ""), /taskId is missing/],
      [ann.putWrites(at("t", "x"), [["a", 1]], "task", "\0"), /path of a task/],
      [ann.deleteThread("\0"), /threadId must not contain/],
      [ann.getTuple({ configurable: { thread_id: {} } }), /must be a text, not a object|must be a text, not an object/],
      [all(ann.list(at("t"), { limit: -1 })), /limit must be a whole number/],
      [all(ann.list(at("t"), { limit: 1.5 })), /limit must be a whole number/],
    ];
    for (const [work, sentence] of refused) {
      await expect(work).rejects.toThrow(sentence);
      await expect(work).rejects.toThrow(code("invalid_input"));
    }
    expect(await countRows()).toEqual([0, 0, 0]);
  });

  it("may be large, up to a limit that is told", async () => {
    const { ann } = checkpoints;
    const large = checkpointOf({ a: "x".repeat(2 * 1024 * 1024) });
    await put(ann, "t", large);
    expect((await ann.getTuple(at("t")))?.checkpoint).toEqual(large);
    const half: [string, Uint8Array] = ["half", new Uint8Array(33 * 1024 * 1024)];
    const serde = { dumpsTyped: async () => half, loadsTyped: async () => half };
    const huge = createCheckpointSaver(checkpoints.database, models, { userId: ids.ann, serde });
    await expect(put(huge, "t", checkpointOf({ a: 1 }))).rejects.toThrow(code("too_large"));
    await expect(
      huge.putWrites(
        at("t", "x"),
        [
          ["a", 1],
          ["b", 2],
        ],
        "task",
      ),
    ).rejects.toThrow(/more than 67108864 bytes/);
    expect(await all(ann.list(at("t")))).toHaveLength(1);
  });
});

describe("reading", () => {
  it("lists as LangGraph's own saver in memory does, page after page", async () => {
    const { ann } = checkpoints;
    const memory = new MemorySaver();
    let parentId: string | undefined;
    for (let step = 0; step < 205; step += 1) {
      const checkpoint = checkpointOf({ step }, step + 1, uuid6(step));
      const metadata: CheckpointMetadata = { source: step % 7 ? "loop" : "input", step, parents: {} };
      for (const saver of [ann, memory]) await saver.put(at("t", parentId), checkpoint, metadata, { step: step + 1 });
      parentId = checkpoint.id;
    }
    const middle = (await all(ann.list(at("t"), { limit: 90 }))).at(-1);
    const before = { configurable: { checkpoint_id: middle?.checkpoint.id } };
    const asked = [
      {},
      { limit: 45 },
      { limit: 0 },
      { before },
      { filter: { source: "input" } },
      { filter: { source: "input" }, limit: 25 },
      { filter: { source: "input", step: 7 } },
      { filter: { source: "input" }, before, limit: 30 },
      { filter: { nothing: 1 } },
    ];
    for (const options of asked) {
      const expected = await all(memory.list(at("t"), options));
      expect(await all(ann.list(at("t"), options)), JSON.stringify(options)).toEqual(expected);
    }
  });

  it("finds what changes a channel has, as the walk of LangGraph does, in a few statements", async () => {
    const { ann, database } = checkpoints;
    let parentId: string | undefined;
    for (let step = 0; step < 210; step += 1) {
      const values: Record<string, unknown> = step === 3 ? { near: "seed" } : step === 40 ? { other: "o" } : {};
      const checkpoint = checkpointOf(values, 1, uuid6(step));
      const config = await put(ann, "t", checkpoint, parentId);
      if (step % 3 === 0)
        await ann.putWrites(
          config,
          [
            ["near", step],
            ["other", step],
            ["never", step],
          ],
          `task ${step % 2}`,
        );
      parentId = checkpoint.id;
    }
    const asked = { config: at("t", parentId), channels: ["near", "other", "never", "unknown"] };
    let count = 0;
    const query: typeof database.query = (...given) => {
      count += 1;
      return database.query(...given);
    };
    const counted = createCheckpointSaver({ ...database, query }, models, { userId: ids.ann });
    const found = await counted.getDeltaChannelHistory(asked);
    expect(found).toEqual(await BaseCheckpointSaver.prototype.getDeltaChannelHistory.call(ann, asked));
    expect(found["never"]?.writes).toHaveLength(70);
    expect(found["near"]?.seed).toBe("seed");
    expect(count).toBeLessThan(8);
    expect(await ann.getDeltaChannelHistory({ config: at("t"), channels: ["near"] })).toEqual({ near: found["near"] });
  });
});

describe("the tables", () => {
  it.each([
    ["int8 in a schema of its own", "bigint", 7, "Chat room"],
    ["text", "text", "ann'; --", undefined],
  ] as const)("stand beside users whose ids are %s", async (_name, type, userId, schema) => {
    await using database = await openTestDatabase("empty");
    await database.query(`create table "Odd ""people" ("The Id" ${type} primary key)`);
    await database.query(`insert into "Odd ""people" values ($1::text::${type})`, [String(userId)]);
    if (schema) await database.query(`create schema "${schema}"`);
    const user = { schema: "public", table: 'Odd "people', column: "The Id", type };
    const tables = chatTables({ user, ...(schema ? { schema } : {}) });
    const migrations = [...chatMigrations(tables), ...langgraphMigrations(tables)];
    expect(await migrate(database, migrations, { schema })).toContain("langgraph_0001_checkpoints");
    expect(await migrate(database, migrations, { schema })).toEqual([]);
    const saver = createCheckpointSaver(database, tables, { userId });
    const checkpoint = checkpointOf({ a: 1 });
    await saver.putWrites(await put(saver, "t", checkpoint), [["a", 2]], "task");
    expect((await saver.getTuple(at("t")))?.checkpoint).toEqual(checkpoint);
    await database.query(`delete from "Odd ""people"`);
    expect(await saver.getTuple(at("t"))).toBeUndefined();
  });

  it("need no user table where users are elsewhere, and say so where they are missing themselves", async () => {
    await using database = await openTestDatabase("empty");
    const tables = chatTables({ user: false });
    const saver = createCheckpointSaver(database, tables, { userId: "auth0|5f7c" });
    await expect(saver.getTuple(at("t"))).rejects.toThrow(/run the migrations/);
    await migrate(database, langgraphMigrations(tables));
    await put(saver, "t", checkpointOf({ a: 1 }));
    expect((await saver.getTuple(at("t")))?.checkpoint.channel_values).toEqual({ a: 1 });
  });

  it("and a connection are what a saver is made of", () => {
    const { database } = checkpoints;
    expect(() => createCheckpointSaver({} as never, models)).toThrow(/wants a connection/);
    expect(() => createCheckpointSaver(database, {} as never)).toThrow(/needs its tables/);
    expect(() => createCheckpointSaver(database, models, { user: "x" } as never)).toThrow(/it takes userId and serde/);
    expect(() => createCheckpointSaver(database, models, { userId: "x" })).toThrow(/userId must be the id of a user/);
    expect(() => langgraphMigrations({} as never)).toThrow(/needs the tables/);
  });
});
