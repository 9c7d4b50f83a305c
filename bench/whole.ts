/**
 * What ids of texts and metadata cost: an append of a turn with them beside one without, and 10,000 messages with ids, roles, times
 * and metadata brought in by one call beside one `insert … select` of the same rows; in turns, in one run.
 */
import { randomBytes } from "node:crypto";
import { chatMigrations, chatTables, createStore, type MessageRole, migrate } from "chatkeep";
import { openPg } from "chatkeep/pg";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";

const rounds = 15;
const turns = 400;
const imported = 10_000;

const postgres = await startPostgres();
const connection = openPg({ url: postgres.url });
const tables = chatTables({ user: { table: "people", column: "id", type: "text" } });
await connection.query("create table people (id text primary key)");
await connection.query("insert into people values ('ann')");
await migrate(connection, chatMigrations(tables));
const ann = createStore(connection, tables).forUser("ann");

const nanoid = () => randomBytes(16).toString("base64url").slice(0, 21);
const words = "Flour and water, and time. ".repeat(8);
const median = (values: number[]) => [...values].sort((one, other) => one - other)[values.length >> 1] as number;
const metadata = { model: "one", tokens: 120, tags: ["a", "b"] };

/** Microseconds of a turn. */
async function append(isWhole: boolean): Promise<number> {
  const { id } = await ann.conversations.create(isWhole ? { id: nanoid() } : {});
  const ids = Array.from({ length: turns * 2 }, nanoid);
  const of = () => (isWhole ? { id: ids.pop(), metadata } : {});
  const began = performance.now();
  for (let turn = 0; turn < turns; turn += 1) {
    await ann.messages.append(id, [
      { ...of(), role: "user", content: words },
      { ...of(), role: "assistant", content: words },
    ]);
  }
  return ((performance.now() - began) / turns) * 1_000;
}

const roles: MessageRole[] = ["system", "user", "assistant", "tool"];
const start = Date.UTC(2024, 0, 1);

async function bringIn(): Promise<{ id: string; ms: number }> {
  const messages = Array.from({ length: imported }, (_, index) => ({
    id: nanoid(),
    role: roles[index % 4] as MessageRole,
    content: `${words}${index}`,
    metadata: { ...metadata, index },
    createdAt: new Date(start + index * 60_000),
  }));
  const id = nanoid();
  const began = performance.now();
  await ann.import({ id, messages });
  return { id, ms: performance.now() - began };
}

/** The rows that were brought in once more, with other ids, by the database alone. */
async function insertSelect(id: string): Promise<number> {
  const began = performance.now();
  await connection.query(
    `with copied as (
      insert into conversation (user_id, external_id, message_count)
      select user_id, external_id || ' again', message_count from conversation where external_id = $1
      returning id, user_id
    )
    insert into message (id, external_id, conversation_id, user_id, seq, parent_id, parent_external_id, role, status, content, parts, metadata, created_at)
    select gen_random_uuid(), m.external_id, copied.id, m.user_id, m.seq, m.parent_id, m.parent_external_id, m.role, m.status, m.content, m.parts, m.metadata, m.created_at
    from copied, message m join conversation c on c.id = m.conversation_id where c.external_id = $1`,
    [id],
  );
  return performance.now() - began;
}

const times = { plain: [] as number[], whole: [] as number[], import: [] as number[], insert: [] as number[] };
for (let round = 0; round <= rounds; round += 1) {
  const order = round % 2 === 0 ? [false, true] : [true, false];
  const found = new Map<boolean, number>();
  for (const isWhole of order) found.set(isWhole, await append(isWhole));
  const { id, ms } = await bringIn();
  const inserted = await insertSelect(id);
  // The first round warms up.
  if (round === 0) continue;
  times.plain.push(found.get(false) as number);
  times.whole.push(found.get(true) as number);
  times.import.push(ms);
  times.insert.push(inserted);
}
const ratio = (one: number[], other: number[]) => median(one.map((value, index) => value / (other[index] as number)));
console.log("| what | with | without | ratio |");
console.log("|---|---|---|---|");
console.log(
  `| a turn appended with ids of texts and metadata, µs | ${median(times.whole).toFixed(0)} | ${median(times.plain).toFixed(0)} | ${ratio(times.whole, times.plain).toFixed(2)} |`,
);
console.log(
  `| ${imported} messages brought in, beside insert … select, ms | ${median(times.import).toFixed(0)} | ${median(times.insert).toFixed(0)} | ${ratio(times.import, times.insert).toFixed(2)} |`,
);
await connection.close();
await postgres.stop();
