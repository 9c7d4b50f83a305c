/** What it costs to read from a standby: both are asked how far they are before each read. With and without, in turns, in one run; also while others write. */
import { randomUUID } from "node:crypto";
import { chatMigrations, chatTables, createStore, migrate, type UserStore } from "chatkeep";
import { openPg } from "chatkeep/pg";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";

const tables = chatTables({ user: { table: "user", column: "id", type: "uuid" } });
const [rounds, roundMs] = [7, 500];

const primary = await startPostgres();
const ann = randomUUID();
{
  await using filling = openPg({ url: primary.url });
  await filling.query(`create table "user" (id uuid primary key)`);
  await migrate(filling, chatMigrations(tables));
  await filling.query(`insert into "user" values ($1::uuid)`, [ann]);
}
const standby = await primary.startStandby();
const [connection, replica] = [openPg({ url: primary.url }), openPg({ url: standby.url })];
const alone = createStore(connection, tables).forUser(ann);
const beside = createStore(connection, tables, { replica }).forUser(ann);

const words = (role: "user" | "assistant") => ({ role, content: "flour ".repeat(100) });
const [chat, busy] = [randomUUID(), randomUUID()];
for (const id of [chat, busy]) {
  await alone.conversations.create({ id, messages: Array.from({ length: 100 }, () => words("user")) });
}
for (let each = 0; each < 100; each += 1) await alone.conversations.create({ messages: [words("user")] });

const verbs: Record<string, (mine: UserStore) => Promise<unknown>> = {
  "the last 50 messages": (mine) => mine.messages.list(chat),
  "20 conversations": (mine) => mine.conversations.list(),
  "messages searched": (mine) => mine.search({ text: "flour" }),
};

async function perSecond(verb: (mine: UserStore) => Promise<unknown>, mine: UserStore, callers: number) {
  const [begin, until] = [performance.now(), performance.now() + roundMs];
  let count = 0;
  const call = async () => {
    for (; performance.now() < until; count += 1) await verb(mine);
  };
  await Promise.all(Array.from({ length: callers }, call));
  return (count / (performance.now() - begin)) * 1_000;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
console.log("| verb | a second without | with a replica | ratio |\n|---|---|---|---|");
for (const [name, verb] of Object.entries(verbs)) {
  for (const [callers, isBusy] of [
    [1, false],
    [16, false],
    [16, true],
  ] as const) {
    const results: [number[], number[]] = [[], []];
    let isOver = false;
    const writing = (async () => {
      while (isBusy && !isOver) await alone.messages.append(busy, [words("user"), words("assistant")]);
    })();
    for (let round = 0; round <= rounds; round += 1) {
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const speed = await perSecond(verb, which === 0 ? alone : beside, callers);
        // The first is for warming up.
        if (round > 0) results[which].push(speed);
      }
    }
    isOver = true;
    await writing;
    const [off, on] = [median(results[0]), median(results[1])];
    const how = `${callers} ${callers > 1 ? "callers" : "caller"}${isBusy ? ", while one writes" : ""}`;
    console.log(`| ${name}, ${how} | ${off.toFixed(0)} | ${on.toFixed(0)} | ${(on / off).toFixed(2)} |`);
  }
}
for (const each of [connection, replica]) await each.close();
await standby.stop();
await primary.stop();
