/**
 * What it costs that a database grows: `npm run bench:growth [-- sizes]`, 20,000, 1, 3 and 10 million messages when left out
 * (which takes a quarter of an hour and 20 GB). One database, filled further between the measurements, with rows by SQL as the library makes them:
 * chats of 20 messages that ten thousand people write at the same time, so that those of one lie scattered. Conversations and
 * users are chosen at random, as those are who come back. Beside each verb that writes stands SQL by hand for the same tables.
 */
import { writeFileSync } from "node:fs";
import { createStore, type Store } from "chatkeep";
import { Client } from "pg";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import { floorOnPool } from "./floor.ts";
import { median } from "./measure.ts";
import { type Line, plot, printSection, whole } from "./report.ts";
import { type Chat, models, prepareTables, sample } from "./sample.ts";

const given = process.argv
  .slice(2)
  .filter((each) => /^\d+$/.test(each))
  .map(Number);
const sizes = given.length > 0 ? given : [20_000, 1_000_000, 3_000_000, 10_000_000];
const isWriting = process.argv.includes("--write");
const [perChat, chatsOfUser, chatsAtOnce] = [20, 5, 10_000];
const rounds = 5;

const settings = ["fsync=on", "full_page_writes=on", "checkpoint_timeout=1d", "autovacuum=off"];
const postgres = await startPostgres(undefined, settings);
const admin = openPg({ url: postgres.url, maxConnections: 20 });
await prepareTables(admin);
const store: Store = createStore(admin, models);
/** Without a limit of time. */
const filling = new Client({ connectionString: postgres.url });
await filling.connect();
const floor = floorOnPool(admin.pool, sample);

const uuid7 = (at: string) =>
  `(substr(lpad(to_hex((extract(epoch from ${at}) * 1000)::bigint), 12, '0'), 1, 8) || '-' || substr(lpad(to_hex((extract(epoch from ${at}) * 1000)::bigint), 12, '0'), 9, 4) || '-7' || substr(gen_random_uuid()::text, 16))::uuid`;

async function set(name: string, value: string | undefined): Promise<void> {
  await filling.query(value === undefined ? `alter system reset ${name}` : `alter system set ${name} = '${value}'`);
  await filling.query("select pg_reload_conf()");
}

let made = 0;

async function fill(messages: number): Promise<void> {
  // As little as that, so that the memory of the machine is for the data.
  await set("max_wal_size", "1GB");
  while (made < messages) {
    const chats = Math.min(chatsAtOnce, (messages - made) / perChat);
    // Later than all that is there, as ids that are ordered by time are: those of the measurements too.
    const start = `timestamptz '${new Date().toISOString()}'`;
    await filling.query(`
      set session_replication_role = replica;
      with users as (
        insert into "user" (id) select gen_random_uuid() from generate_series(1, ${Math.ceil(chats / chatsOfUser)})
        returning id
      )
      select id, row_number() over ()::int - 1 as n into temp owner from users;
      create temp table chat as
        select numbered.n, ${uuid7("at")} as id, owner.id as user_id, at
        from (select n, ${start} + n * interval '1 microsecond' as at from generate_series(1, ${chats}) n) numbered
        join owner on owner.n = numbered.n % (select count(*) from owner);
      create temp table made as
        select chat.id as conversation_id, chat.user_id, seq, ${start} + (seq * ${chats} + chat.n) * interval '4 microseconds' as at, null::uuid as id
        from chat cross join generate_series(1, ${perChat}) seq;
      update made set id = ${uuid7("at")};
      create index on made (conversation_id, seq);
      analyze made;
      insert into message (id, conversation_id, user_id, seq, parent_id, role, content, created_at)
        select m.id, m.conversation_id, m.user_id, m.seq, before.id, case when m.seq % 2 = 1 then 'user' else 'assistant' end,
          case when m.seq % 2 = 1 then $$${sample.question}$$ else $$${sample.answer}$$ end, m.at
        from made m left join made before on before.conversation_id = m.conversation_id and before.seq = m.seq - 1
        order by m.at;
      insert into conversation (id, user_id, title, message_count, indexed_count, head_id, created_at, updated_at)
        select chat.id, chat.user_id, 'Chat ' || chat.n, ${perChat}, ${perChat}, last.id, chat.at, last.at
        from chat join made last on last.conversation_id = chat.id and last.seq = ${perChat}
        order by chat.at;
      drop table owner, chat, made;
      set session_replication_role = origin`);
    made += chats * perChat;
  }
  await filling.query("vacuum analyze");
  // From here on no checkpoint comes by itself: one would be measured with whatever is under way.
  await set("max_wal_size", "16GB");
  await filling.query("checkpoint");
}

/** In an order that is none: each comes once before one comes again, since what was touched a moment ago costs less. */
let pool: Chat[] = [];

async function choose(): Promise<void> {
  const { rows } = await filling.query<Chat>(
    `select user_id as "userId", id, head_id as "lastId" from conversation where message_count >= ${perChat}
     order by random() limit 20000`,
  );
  pool = rows;
}

function some(count: number): Chat[] {
  const chosen = pool.splice(0, count);
  pool.push(...chosen);
  return chosen;
}

function forget(chats: readonly Chat[]): void {
  const gone = new Set(chats);
  pool = pool.filter((chat) => !gone.has(chat));
}

type Verb = (chat: Chat) => Promise<unknown>;

const say = (role: "user" | "assistant", content: string) => ({ role, content });
const turn = [say("user", sample.question), say("assistant", sample.answer)];
const of = ({ userId }: Chat) => store.forUser(userId);

interface Measured {
  name: string;
  verb: Verb;
  /** The same in SQL by hand. */
  byHand?: Verb;
  /** After it was measured. */
  undo?(chats: readonly Chat[]): unknown;
  /** In each round. */
  count?: number;
}

const append: Measured = {
  name: "append a turn",
  verb: (chat) => of(chat).messages.append(chat.id, turn),
  byHand: (chat) => floor.saveTurn(chat),
};
const create: Measured = {
  name: "create with a question",
  verb: (chat) => of(chat).conversations.create({ messages: turn.slice(0, 1) }),
  byHand: (chat) => floor.create(chat.userId),
};
const verbs: Measured[] = [
  append,
  create,
  {
    name: "delete, into the trash",
    verb: (chat) => of(chat).conversations.delete(chat.id),
    undo: (chats) => Promise.all(chats.map((chat) => of(chat).conversations.restore(chat.id))),
  },
  { name: "erase", verb: (chat) => of(chat).conversations.erase(chat.id), undo: forget, count: 20 },
  {
    name: "the last 50",
    verb: (chat) => of(chat).messages.list(chat.id),
    byHand: (chat) => floor.readLast(chat, 50),
  },
  { name: "the branch", verb: (chat) => of(chat).messages.branch(chat.id) },
  { name: "list 20", verb: (chat) => of(chat).conversations.list() },
];

async function timeOf(verb: Verb, chats: readonly Chat[]): Promise<number> {
  const start = performance.now();
  for (const chat of chats) await verb(chat);
  return ((performance.now() - start) / chats.length) * 1_000;
}

async function walOf(verb: Verb, chats: readonly Chat[]): Promise<number> {
  const position = async () =>
    Number((await admin.pool.query("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as at")).rows[0].at);
  await filling.query("checkpoint");
  const before = await position();
  for (const chat of chats) await verb(chat);
  return ((await position()) - before) / chats.length;
}

/** Microseconds, and bytes, by what was measured. */
type Results = Map<string, number>;

async function measure(): Promise<Results> {
  const results: Results = new Map();
  await choose();
  for (const { name, verb, byHand, undo, count = 100 } of verbs) {
    const tallies: [number[], number[]] = [[], []];
    for (let round = 0; round <= rounds; round += 1) {
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const run = [verb, byHand][which];
        if (!run) continue;
        const chats = some(count);
        const micros = await timeOf(run, chats);
        await undo?.(chats);
        // The first warms up.
        if (round > 0) tallies[which].push(micros);
      }
    }
    results.set(name, median(tallies[0]));
    if (byHand) results.set(`${name}, by hand`, median(tallies[1]));
  }
  const newest: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    const users = [...new Set(some(400).map(({ userId }) => userId))].slice(0, 200);
    const start = performance.now();
    await store.system.readRecent(users);
    newest.push((performance.now() - start) * 1_000);
  }
  results.set("newest of 200 users", median(newest));
  for (const { name, verb } of [append, create]) {
    const wal: number[] = [];
    for (let round = 0; round < 3; round += 1) wal.push(await walOf(verb, some(200)));
    results.set(`WAL after a checkpoint: ${name}`, median(wal));
  }
  await set("wal_compression", "pglz");
  results.set(`WAL after a checkpoint: ${append.name}, with wal_compression`, await walOf(append.verb, some(200)));
  await set("wal_compression", undefined);
  const { rows } = await admin.pool.query(
    `select name, pg_table_size(name::regclass)::float8 as rows, pg_indexes_size(name::regclass)::float8 as indexes
     from unnest(array['message', 'conversation']) name`,
  );
  for (const { name, rows: ofRows, indexes } of rows) results.set(`indexes to rows: ${name}`, indexes / ofRows);
  const indexes = await admin.pool.query(
    `select i.indexrelid::regclass::text as name, pg_relation_size(i.indexrelid)::float8 / greatest(c.reltuples, 1) as bytes
     from pg_index i join pg_class c on c.oid = i.indrelid
     where i.indrelid in ('message'::regclass, 'conversation'::regclass) order by 1`,
  );
  for (const { name, bytes } of indexes.rows) if (bytes >= 0.5) results.set(`bytes a row: ${name}`, bytes);
  return results;
}

const all: [size: number, results: Results][] = [];
for (const size of sizes) {
  const start = performance.now();
  await fill(size);
  console.error(`${whole(size)} messages after ${Math.round((performance.now() - start) / 1_000)} s`);
  all.push([size, await measure()]);
  // Twice: the second stands in the table, the first says how far to believe it.
  all.push([size, await measure()]);
}
const names = [...new Set(all.flatMap(([, results]) => [...results.keys()]))];
const shown = (name: string, value: number | undefined) =>
  value === undefined
    ? ""
    : name.startsWith("indexes to")
      ? value.toFixed(2)
      : name.startsWith("WAL")
        ? `${(value / 1_000).toFixed(1)} kB`
        : name.startsWith("bytes a row")
          ? value.toFixed(0)
          : `${(value / 1_000).toFixed(2)} ms`;
const table = [["", ...all.map(([size], index) => `${whole(size)}${index % 2 ? " again" : ""}`), "last / first"]];
for (const name of names) {
  const values = all.map(([, results]) => results.get(name));
  const [first, last] = [Math.min(values[0] ?? 0, values[1] ?? 0), Math.min(values.at(-1) ?? 0, values.at(-2) ?? 0)];
  table.push([name, ...values.map((value) => shown(name, value)), (last / first).toFixed(2)]);
}
printSection({ title: "By the number of messages in the database, each size measured twice", table });
if (isWriting) {
  const lines = verbs.map(
    ({ name }): Line => ({
      name,
      points: sizes.map((size, index) => [size, all[2 * index + 1]?.[1].get(name) ?? Number.NaN]),
    }),
  );
  const svg = plot("Cost of an operation by the size of the database", "messages", "", lines);
  writeFileSync(new URL("cost-by-size.svg", import.meta.url), svg);
}
await filling.end();
await admin.close();
await postgres.stop();
