/**
 * A step of a LangGraph thread (`put` and `putWrites`) and its newest state (`getTuple`), at the 10th, 100th and 1,000th step:
 * chatkeep beside LangGraph's own saver for PostgreSQL and that in memory, in turns, in one run. And what a fork gives.
 */
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import {
  type BaseCheckpointSaver,
  type Checkpoint,
  emptyCheckpoint,
  MemorySaver,
  uuid6,
} from "@langchain/langgraph-checkpoint";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import { chatTables, migrate } from "chatkeep";
import { createCheckpointSaver, langgraphMigrations } from "chatkeep/langgraph";
import { openPg } from "chatkeep/pg";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";

const lengths = [10, 100, 1_000];
/** Steps that are timed before each of the lengths. */
const window = 10;
const rounds = 5;
/** What every checkpoint has and few steps change, such as documents. */
const unchanged = "x".repeat(20_000);

const postgres = await startPostgres();
const connection = openPg({ url: postgres.url });
const tables = chatTables({ user: { table: "people", column: "id", type: "text" } });
await connection.query("create table people (id text primary key)");
await connection.query("insert into people values ('ann')");
await migrate(connection, langgraphMigrations(tables));
const official = PostgresSaver.fromConnString(postgres.url);
await official.setup();

type Saver = BaseCheckpointSaver<number>;
const contenders: { name: string; make(): Saver }[] = [
  { name: "chatkeep", make: () => createCheckpointSaver(connection, tables, { userId: "ann" }) },
  { name: "PostgresSaver", make: () => official },
  { name: "MemorySaver", make: () => new MemorySaver() },
];

interface Times {
  step: number[];
  read: number[];
}

/** Milliseconds of the steps and the reads before each length. */
async function walk(saver: Saver, threadId: string): Promise<Map<number, Times>> {
  const times = new Map<number, Times>(lengths.map((length) => [length, { step: [], read: [] }]));
  let config: Parameters<Saver["put"]>[0] = { configurable: { thread_id: threadId, checkpoint_ns: "" } };
  for (let step = 1; step <= Math.max(...lengths); step += 1) {
    const length = lengths.find((each) => step > each - window && step <= each);
    const versions = { documents: 1, last: step };
    const checkpoint: Checkpoint = {
      ...emptyCheckpoint(),
      id: uuid6(step),
      channel_values: { documents: unchanged, last: `message ${step} ${"y".repeat(400)}` },
      channel_versions: versions,
    };
    const newVersions = step === 1 ? versions : { last: step };
    const began = performance.now();
    config = await saver.put(config, checkpoint, { source: "loop", step, parents: {} }, newVersions);
    await saver.putWrites(config, [["last", `next ${"z".repeat(400)}`]], uuid6(step), "~__pregel_pull, agent");
    const ended = performance.now();
    if (length === undefined) continue;
    await saver.getTuple({ configurable: { thread_id: threadId } });
    times.get(length)?.step.push(ended - began);
    times.get(length)?.read.push(performance.now() - ended);
  }
  return times;
}

const median = (values: number[]) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;

/** For each contender and length, what each round gave. */
const results = contenders.map(() => new Map(lengths.map((length) => [length, { step: [], read: [] } as Times])));
for (let round = 0; round <= rounds; round += 1) {
  for (const offset of contenders.keys()) {
    const index = (offset + round) % contenders.length;
    const times = await walk(contenders[index]?.make() as Saver, `thread ${round}`);
    // The first round warms up.
    if (round === 0) continue;
    for (const [length, { step, read }] of times) {
      results[index]?.get(length)?.step.push(median(step));
      results[index]?.get(length)?.read.push(median(read));
    }
  }
}
console.log(`| what | saver | ${lengths.map((length) => `step ${length}, ms`).join(" | ")} | last / first |`);
console.log(`|---|---|${lengths.map(() => "---|").join("")}---|`);
for (const what of ["step", "read"] as const) {
  for (const [index, { name }] of contenders.entries()) {
    const row = lengths.map((length) => median(results[index]?.get(length)?.[what] ?? []));
    const title = what === "step" ? "put + putWrites" : "getTuple";
    console.log(
      `| ${title} | ${name} | ${row.map((each) => each.toFixed(2)).join(" | ")} | ${((row.at(-1) ?? 0) / (row[0] ?? 1)).toFixed(2)} |`,
    );
  }
}
const ofEach = [
  { name: "chatkeep", tables: ["checkpoint", "checkpoint_blob", "checkpoint_write"] },
  { name: "PostgresSaver", tables: ["checkpoints", "checkpoint_blobs", "checkpoint_writes"] },
];
for (const { name, tables } of ofEach) {
  const [row] = await connection.query(
    "select sum(pg_total_relation_size(each::text::regclass))::float from json_array_elements_text($1::text::json) each",
    [JSON.stringify(tables)],
  );
  const kibibytes = Number(row?.[0]) / ((rounds + 1) * Math.max(...lengths)) / 1_024;
  console.log(`${name}: ${kibibytes.toFixed(2)} KiB on disk for a step`);
}

for (const { name, make } of contenders) console.log(`${name}: a fork of an early step gives ${await fork(make())}`);

/** Goes back to before the first node, says something else there, and goes on. */
async function fork(checkpointer: Saver): Promise<string> {
  const Said = Annotation.Root({ said: Annotation<string[]>({ reducer: (one, more) => [...one, ...more] }) });
  const graph = new StateGraph(Said)
    .addNode("a", ({ said }) => ({ said: [`after ${said.at(-1)}`] }))
    .addEdge(START, "a")
    .addEdge("a", END)
    .compile({ checkpointer });
  const config = { configurable: { thread_id: "forks" } };
  await graph.invoke({ said: ["one"] }, config);
  for await (const state of graph.getStateHistory(config)) {
    if (state.next[0] === "a") await graph.invoke(null, await graph.updateState(state.config, { said: ["two"] }));
  }
  return JSON.stringify((await graph.getState(config)).values);
}

await official.end();
await connection.close();
await postgres.stop();
