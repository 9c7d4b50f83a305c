/**
 * A turn of an OpenAI Agents session (`addItems` of a question and an answer) and what the next one reads (`getItems(20)`), at the
 * 10th, 100th and 1,000th turn: chatkeep beside one raw `insert` of the same two items, and the SDK's session in memory; in turns, in
 * one run.
 */
import { type AgentInputItem, MemorySession } from "@openai/agents";
import { chatMigrations, chatTables, createStore, migrate } from "chatkeep";
import { createSession } from "chatkeep/openai-agents";
import { openPg } from "chatkeep/pg";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";

const lengths = [10, 100, 1_000];
/** Turns that are timed before each of the lengths. */
const window = 10;
const rounds = 5;

const postgres = await startPostgres();
const connection = openPg({ url: postgres.url });
const tables = chatTables({ user: { table: "people", column: "id", type: "text" } });
await connection.query("create table people (id text primary key)");
await connection.query("insert into people values ('ann')");
await connection.query("create table item (session text, seq int, item jsonb, primary key (session, seq))");
await migrate(connection, chatMigrations(tables));
const store = createStore(connection, tables);

interface Contender {
  addItems(items: AgentInputItem[]): Promise<unknown>;
  getItems(limit: number): Promise<unknown>;
}

function rawSession(name: string): Contender {
  let seq = 0;
  return {
    addItems: ([one, other]) =>
      connection.query("insert into item values ($1, $2, $3::text::jsonb), ($1, $4, $5::text::jsonb)", [
        name,
        ++seq,
        JSON.stringify(one),
        ++seq,
        JSON.stringify(other),
      ]),
    getItems: (limit) =>
      connection.query("select item from item where session = $1 order by seq desc limit $2", [name, limit]),
  };
}

const contenders: Record<string, (name: string) => Contender> = {
  chatkeep: (sessionId) => createSession({ store, userId: "ann", sessionId }),
  "raw SQL": rawSession,
  MemorySession: () => new MemorySession(),
};

const words = "Flour and water, and time. ".repeat(8);
const turn = (number: number): AgentInputItem[] => [
  { type: "message", role: "user", content: `${words}${number}` },
  {
    type: "message",
    role: "assistant",
    status: "completed",
    content: [{ type: "output_text", text: `${words}${number}` }],
  },
];

type Times = Map<number, { add: number[]; read: number[] }>;

async function walk(session: Contender, times: Times): Promise<void> {
  for (let number = 1; number <= Math.max(...lengths); number += 1) {
    const length = lengths.find((each) => number > each - window && number <= each);
    const began = performance.now();
    await session.addItems(turn(number));
    const ended = performance.now();
    if (length === undefined) continue;
    await session.getItems(20);
    times.get(length)?.add.push(ended - began);
    times.get(length)?.read.push(performance.now() - ended);
  }
}

const median = (values: number[]) => [...values].sort((one, other) => one - other)[values.length >> 1] as number;
const all = new Map<string, Times>();
for (const name of Object.keys(contenders))
  all.set(name, new Map(lengths.map((length) => [length, { add: [], read: [] }])));
for (let round = 0; round < rounds; round += 1) {
  for (const [name, make] of Object.entries(contenders)) await walk(make(`${name} ${round}`), all.get(name) as Times);
}
for (const what of ["add", "read"] as const) {
  console.log(what === "add" ? "addItems of two, ms" : "getItems(20), ms");
  for (const [name, times] of all) {
    console.log(
      `  ${name.padEnd(14)}${lengths.map((length) => `${length}: ${median(times.get(length)?.[what] ?? []).toFixed(3)}`).join("  ")}`,
    );
  }
}
await connection.close();
await postgres.stop();
