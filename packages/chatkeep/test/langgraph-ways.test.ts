/** The checkpointer through each driver and library that hosts have, also inside their transactions: bytes and JSON come back from all of them. */
import { emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import { type Connection, chatTables, migrate } from "chatkeep";
import { createCheckpointSaver, langgraphMigrations } from "chatkeep/langgraph";
import { describe, expect, it } from "vitest";
import { openWay, waysOf } from "./helpers/connections.ts";
import { engine } from "./helpers/database.ts";

const tables = chatTables({ user: { table: "people", column: "id", type: "bigint" } });

describe.each(Object.entries(waysOf[engine]))("through %s", (_name, way) => {
  it("a thread comes back as it was saved, and undone work does not", async () => {
    await using opened = await openWay(way);
    await opened.other.query("create table people (id bigint primary key)");
    await opened.other.query("insert into people values (7)");
    await migrate(opened.other, langgraphMigrations(tables));
    await useThread(opened.connection, "t");
    if (!opened.inTransaction) return;
    const undone = opened.inTransaction(async (inside) => {
      await useThread(inside, "undone");
      throw new Error("undo");
    });
    await expect(undone).rejects.toThrow("undo");
    const saver = createCheckpointSaver(opened.connection, tables, { userId: 7 });
    expect(await saver.getTuple({ configurable: { thread_id: "undone" } })).toBeUndefined();
  });
});

async function useThread(connection: Connection, threadId: string): Promise<void> {
  const saver = createCheckpointSaver(connection, tables, { userId: 7 });
  const values = { a: "\0 \ud800 'ü' 😀 \\", bytes: new Uint8Array([0, 92, 255]), n: { deep: [null, 1.5] } };
  const versions = { a: 1, bytes: 1, n: 1 };
  const first = { ...emptyCheckpoint(), id: uuid6(0), channel_values: values, channel_versions: versions };
  const metadata = { source: "loop", step: 1, parents: {} } as const;
  const config = await saver.put({ configurable: { thread_id: threadId } }, first, metadata, versions);
  await saver.putWrites(
    config,
    [
      ["a", values.a],
      ["__interrupt__", values.bytes],
    ],
    "task",
    "path",
  );
  const second = {
    ...first,
    id: uuid6(1),
    channel_values: { ...values, n: 2 },
    channel_versions: { ...versions, n: 2 },
  };
  const last = await saver.put(config, second, metadata, { n: 2 });
  const tuple = await saver.getTuple(config);
  expect(tuple).toMatchObject({ checkpoint: first, metadata, config });
  expect(tuple?.pendingWrites).toEqual([
    ["task", "__interrupt__", values.bytes],
    ["task", "a", values.a],
  ]);
  const listed = [];
  for await (const { checkpoint, parentConfig } of saver.list(config)) listed.push([checkpoint, parentConfig]);
  expect(listed).toEqual([[first, undefined]]);
  expect(await saver.getTuple({ configurable: { thread_id: threadId } })).toMatchObject({
    checkpoint: second,
    parentConfig: config,
  });
  expect(await saver.getDeltaChannelHistory({ config: last, channels: ["a", "n"] })).toEqual({
    a: { writes: [["task", "a", values.a]], seed: values.a },
    n: { writes: [], seed: values.n },
  });
}
