/**
 * Finding messages, beside a plain scan of them: `node -C chatkeep-source bench/search.ts [messages of others]`, 300,000 when left
 * out. Also the bytes of the index, the time of filling it, and what appends cost with and without the index that knows its tail.
 */
import { randomUUID } from "node:crypto";
import { chatMigrations, createStore, migrate, type SearchOptions, type UserStore } from "chatkeep";
import { chatModels } from "chatkeep/drizzle";
import { sql } from "drizzle-orm";
import { pgTable, uuid } from "drizzle-orm/pg-core";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";

const user = pgTable("user", { id: uuid("id").primaryKey() });
const models = chatModels(user.id);
const others = Number(process.argv[2] ?? 300_000);
const perOther = 100;
const perChat = 10;
const rounds = 30;

const postgres = await startPostgres();
const admin = openPg({ url: postgres.url, maxConnections: 2 });
await admin.db.execute(sql`create table "user" (id uuid primary key)`);
await migrate(admin, chatMigrations(models));
const store = createStore(admin, models);

/** 60 words of 30,000, of which few are frequent, with beginnings as different as those of a language's. */
const letters = "stcapmbdrehwfilgnouvkjyqzx";
const letterOf = (n: number) => letters[n % letters.length];
const wordOf = (n: number) => `${letterOf(n)}w${n}`;
await admin.db.execute(
  sql.raw(`
  create table text_of as
  select n, (select string_agg(substr('${letters}', 1 + w % ${letters.length}, 1) || 'w' || w, ' ') || ' m' || n
    from (select floor(30000 * random() ^ 4)::int as w from generate_series(1, 60) where n > 0) chosen) as words
  from generate_series(1, 20000) n`),
);
await admin.db.execute(sql`create unique index on text_of (n)`);

async function addUser(messages: number): Promise<string> {
  const id = randomUUID();
  await addMessages(`values ('${id}'::uuid)`, messages);
  return id;
}

async function addMessages(users: string, each: number): Promise<void> {
  await admin.db.execute(
    sql.raw(`
    with owner as (insert into "user" (id) ${users} returning id),
    chat as (
      insert into conversation (id, user_id, title, message_count, created_at)
      select gen_random_uuid(), owner.id, 'Chat ' || n, ${perChat}, now() - random() * interval '300 days' from owner, generate_series(1, ${each / perChat}) n
      returning id, user_id, created_at
    )
    insert into message (conversation_id, user_id, seq, role, content, created_at)
    select made.id, made.user_id, made.seq, 'user', t.words, made.created_at + made.seq * interval '1 minute'
    from (select chat.*, seq, 1 + floor(random() * 19999)::int as n from chat, generate_series(1, ${perChat}) seq) made
    join text_of t on t.n = made.n`),
  );
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function timeOf(work: () => Promise<unknown>, count = rounds): Promise<number> {
  // The first ones warm up.
  for (let round = 0; round < count; round += 1) await work();
  const times: number[] = [];
  for (let round = 0; round < count; round += 1) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return median(times);
}

/** Turns a second. */
async function appends(mine: UserStore): Promise<number> {
  const { id } = await mine.conversations.create();
  const words = (role: "user" | "assistant") => ({ role, content: "x".repeat(400) });
  const end = performance.now() + 1_500;
  let count = 0;
  for (; performance.now() < end; count += 1) await mine.messages.append(id, [words("user"), words("assistant")]);
  return count;
}

try {
  const began = performance.now();
  const small = await addUser(1_000);
  const large = await addUser(100_000);
  for (let made = 0; made < others; made += 100_000) {
    const count = Math.min(100_000, others - made) / perOther;
    await addMessages(`select gen_random_uuid() from generate_series(1, ${count})`, perOther);
  }
  await admin.db.execute(sql`vacuum analyze`);
  console.log(`${others} messages of others made in ${Math.round((performance.now() - began) / 1_000)} s`);

  const unindexed = await timeOf(() => store.forUser(small).search({ text: "m77" }), 3);
  console.log(`1,000 messages of which none is in the index: ${unindexed.toFixed(1)} ms`);
  const start = performance.now();
  let indexed = 0;
  let after: string | undefined;
  do {
    const done = await store.system.indexMessages({ after });
    indexed += done.indexed;
    after = (done.next as string | null) ?? undefined;
    if (done.indexed > 0 && after === undefined) continue;
  } while (after !== undefined);
  for (const userId of [small, large]) {
    for (let more = 1; more > 0; ) {
      more = (await store.system.indexMessages({ userId })).indexed;
      indexed += more;
    }
  }
  const seconds = (performance.now() - start) / 1_000;
  console.log(
    `indexed ${indexed} messages in ${seconds.toFixed(1)} s: ${((seconds / indexed) * 1e6).toFixed(0)} µs a message`,
  );
  const { rows } = await admin.pool.query(
    `select sum(pg_total_relation_size(name::regclass))::float8 as bytes from unnest(array['search_block', 'search_words']) name`,
  );
  console.log(`index: ${(rows[0].bytes / indexed).toFixed(0)} bytes a message`);
  await admin.db.execute(sql`vacuum analyze`);

  const queries: [string, SearchOptions][] = [
    ["rare word", { text: '"m777"' }],
    ["word of one in 500", { text: `"${wordOf(4711)}"` }],
    ["frequent word", { text: `"${wordOf(0)}"` }],
    ["prefix", { text: wordOf(12) }],
    ["rare prefix", { text: "m77" }],
    ["none", { text: "nowhere" }],
    ["two frequent words", { text: `"${wordOf(0)}" "${wordOf(1)}"` }],
    ["frequent, without", { text: `"${wordOf(0)}" -"${wordOf(1)}"` }],
    ["frequent, without words that begin so", { text: `${wordOf(0)} -${letterOf(1)}` }],
    ["best first", { text: `"${wordOf(0)}"`, sort: "best" }],
  ];
  for (const [count, userId] of [
    [1_000, small],
    [100_000, large],
  ] as const) {
    for (const [name, query] of queries) {
      const ms = await timeOf(() => store.forUser(userId).search(query));
      const [word] = query.text.replaceAll('"', "").split(" ");
      const scan = await timeOf(
        () =>
          admin.pool.query(
            "select id, content from message where user_id = $1 and content ilike $2 order by created_at desc, id desc limit 20",
            [userId, `%${word}%`],
          ),
        3,
      );
      console.log(
        `${count}\t${name}\t${ms.toFixed(1)} ms\tscan ${scan.toFixed(1)} ms\tratio ${(ms / scan).toFixed(3)}`,
      );
    }
  }
  const mine = store.forUser(small);
  const results: { with: number[]; without: number[] } = { with: [], without: [] };
  for (let round = 0; round < 7; round += 1) {
    results.with.push(await appends(mine));
    await admin.db.execute(sql`drop index conversation_unindexed_idx`);
    results.without.push(await appends(mine));
    await admin.db.execute(
      sql`create index conversation_unindexed_idx on conversation (user_id, id) where message_count > indexed_count`,
    );
  }
  const ratios = results.with.map((each, index) => (results.without[index] ?? 0) / each);
  console.log(
    `an append with the index of the tail costs ${median(ratios).toFixed(3)} of one without (${ratios.map((each) => each.toFixed(2)).join(", ")})`,
  );
} finally {
  await admin.close();
  await postgres.stop();
}
