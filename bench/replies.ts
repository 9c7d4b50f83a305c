/**
 * What a streamed reply costs, and how late its words come to a follower on another server: two servers in processes of
 * their own, one PostgreSQL with its default durability, a model that says the time, and followers that look at their clock.
 */
import { fork } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { migrate } from "chatkeep";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import { migrations } from "../packages/server/src/migrations.generated.ts";
import {
  call,
  endServer,
  question,
  type RunningServer,
  signUp,
  startServer,
} from "../packages/server/test/helpers/servers.ts";

const [runs, followers, words, wordMs, rampMs] = [200, 1_000, 150, 100, 3_000];
const lengths = [250, 500, 1_000, 2_000];

const durable = ["fsync=on", "full_page_writes=on"];
const postgres = await startPostgres(undefined, ["shared_preload_libraries=pg_stat_statements", ...durable]);
const database = openPg({ url: postgres.url, maxConnections: 1 });
await migrate(database, migrations);
await database.pool.query("create extension pg_stat_statements");

const generator = (pauseMs: number) =>
  fork(fileURLToPath(new URL("endpoint.ts", import.meta.url)), [String(pauseMs)], {
    execArgv: ["-C", "chatkeep-source"],
  });

async function withServers<Result>(pauseMs: number, work: (one: RunningServer, two: RunningServer) => Promise<Result>) {
  const endpoint = generator(pauseMs);
  const [model] = (await once(endpoint, "message")) as [Record<string, string>];
  // One user does what many would.
  const limits = { CHATKEEP_REPLIES_PER_USER: String(runs), CHATKEEP_STREAMS_PER_USER: String(2 * (runs + followers)) };
  const environment = { ...model, ...limits, DATABASE_URL: postgres.url, CHATKEEP_SECRET: "x".repeat(40) };
  const [one, two] = await Promise.all([startServer(environment), startServer(environment)]);
  try {
    return await work(one, two);
  } finally {
    await Promise.all([endServer(one), endServer(two)]);
    endpoint.kill();
  }
}

interface Work {
  pulses: number;
  rings: number;
  reads: number;
  all: number;
  walBytes: number;
}

async function counted<Result>(work: () => Promise<Result>): Promise<{ result: Result; cost: Work }> {
  await database.pool.query("select pg_stat_statements_reset()");
  const { rows: before } = await database.pool.query("select pg_current_wal_insert_lsn() as lsn");
  const result = await work();
  const { rows } = await database.pool.query(
    `select
       sum(calls) filter (where query like '%set heartbeat_at = clock_timestamp()%')::int as pulses,
       sum(calls) filter (where query like '%pg_notify%')::int as rings,
       sum(calls) filter (where query like '%position(run_id%')::int as reads,
       sum(calls)::int as all,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)::float as "walBytes"
     from pg_stat_statements where query not like '%pg_stat_statements%'`,
    [before[0].lsn],
  );
  return { result, cost: rows[0] };
}

interface Following {
  begun: Promise<void>;
  /** What came, and when; read when all is over, so that reading takes no time from the servers. */
  ended: Promise<{ bytes: Buffer; at: number }[]>;
}

function follow(url: string, path: string, token: string, body?: object): Following {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<{ bytes: Buffer; at: number }[]>()];
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const asking = request(url + path, { method: body ? "POST" : "GET", headers }, (response) => {
    const pieces: { bytes: Buffer; at: number }[] = [];
    begun.resolve();
    response.on("error", ended.reject).on("end", () => ended.resolve(pieces));
    response.on("data", (bytes: Buffer) => pieces.push({ bytes, at: Date.now() }));
  });
  asking.on("error", ended.reject).end(body && JSON.stringify(body));
  return { begun: begun.promise, ended: ended.promise };
}

/** The words of a followed reply, and how many milliseconds each was old when it came. */
function read(pieces: readonly { bytes: Buffer; at: number }[]): { text: string; late: number[] } {
  let [text, rest] = ["", ""];
  const late: number[] = [];
  for (const { bytes, at } of pieces) {
    rest += bytes.toString();
    const whole = rest.lastIndexOf("\n\n") + 2;
    for (const [, delta = ""] of rest.slice(0, whole).matchAll(/"delta":"([^"]*)"/g)) {
      text += delta;
      for (const time of delta.split(" ")) if (time) late.push(at - Number(time));
    }
    rest = rest.slice(whole);
  }
  return { text, late };
}

const quantile = (values: number[], part: number) =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;
const hash = (text: string) => createHash("sha256").update(text).digest("hex");

await withServers(wordMs, async (one, two) => {
  const token = await signUp(one.url, "ann");
  const late: number[] = [];
  let connections = 0;
  const watch = setInterval(async () => {
    const { rows } = await database.pool.query(
      "select count(*)::int from pg_stat_activity where application_name = 'chatkeep' and pid <> pg_backend_pid()",
    );
    connections = Math.max(connections, rows[0].count);
  }, 500);
  const { result, cost } = await counted(() =>
    Promise.all(
      Array.from({ length: runs }, async (_, index) => {
        const id = randomUUID();
        const [here, there] = index % 2 ? [one, two] : [two, one];
        await pause((index / runs) * rampMs);
        const first = follow(here.url, "/api/chat", token, { id, message: question(`clock ${words}`) });
        await first.begun;
        const others = Array.from({ length: followers / runs }, (_, number) => {
          const isElsewhere = number % 2 === 0;
          const { ended } = follow((isElsewhere ? there : here).url, `/api/chat/${id}/stream`, token);
          return ended.then((pieces) => ({ isElsewhere, pieces }));
        });
        const pieces = await first.ended;
        return { id, there, all: [{ isElsewhere: false, pieces }, ...(await Promise.all(others))] };
      }),
    ),
  );
  clearInterval(watch);
  let same = 0;
  for (const { id, there, all } of result) {
    const seen = all.map(({ isElsewhere, pieces }) => ({ isElsewhere, ...read(pieces) }));
    // The first that a follower gets is older than its question.
    for (const { isElsewhere, late: each } of seen) if (isElsewhere) late.push(...each.slice(-words / 2));
    const response = await call(there.url, `/api/conversations/${id}/messages`, undefined, token);
    const { items } = (await response.json()) as { items: { content: string }[] };
    const hashes = new Set([...seen.map(({ text }) => text), items[1]?.content ?? ""].map(hash));
    if (hashes.size === 1 && seen[0]?.text.match(/\d+ /g)?.length === words) same += 1;
  }
  console.log(
    `${runs} replies of ${words} words, ${1_000 / wordMs} a second each, on two servers; ${followers} followers:`,
  );
  console.log(`  whole, once and equal for every follower and in the database: ${same} of ${runs}`);
  console.log(
    `  from the model to a follower on the other server: p50 ${quantile(late, 0.5)} ms, p95 ${quantile(late, 0.95)} ms, p99 ${quantile(late, 0.99)} ms`,
  );
  const chunks = runs * words;
  console.log(
    `  statements for ${chunks} chunks: ${cost.pulses} to store (${(cost.pulses / chunks).toFixed(4)} a chunk), ${cost.rings} rings, ${cost.reads} to follow, ${cost.all} in all (${(cost.all / chunks).toFixed(3)} a chunk)`,
  );
  console.log(`  connections of both servers: ${connections} at most`);
});

await withServers(2, async (one) => {
  const token = await signUp(one.url, "bob");
  console.log("one reply alone, by its length:");
  console.log("| words | ms | statements | bytes of WAL | bytes of WAL a word |");
  console.log("|---|---|---|---|---|");
  await (await call(one.url, "/api/chat", { id: randomUUID(), message: question("count 100") }, token)).text();
  for (const length of lengths) {
    const began = performance.now();
    const { cost } = await counted(async () => {
      const id = randomUUID();
      await (await call(one.url, "/api/chat", { id, message: question(`count ${length}`) }, token)).text();
    });
    const ms = performance.now() - began;
    console.log(
      `| ${length} | ${ms.toFixed(0)} | ${cost.all} | ${cost.walBytes} | ${(cost.walBytes / length).toFixed(0)} |`,
    );
  }
});
await database.close();
await postgres.stop();
