/** How long a process needs until it has read a chat, what memory it has then, and what a streamed reply costs. */
import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { migrate } from "chatkeep";
import type { Pool } from "pg";
import { openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import { migrations } from "../packages/server/src/migrations.generated.ts";
import {
  call,
  endServer,
  question,
  type RunningServer,
  signUp,
  startServer,
  temporaryFolder,
} from "../packages/server/test/helpers/servers.ts";
import { startSpeakingEndpoint } from "../packages/server/test/helpers/speaking-endpoint.ts";
import { median, type Scale } from "./measure.ts";
import type { Section } from "./report.ts";

interface StartOptions {
  url: string;
  pool: Pool;
  scale: Scale;
  show(section: Section): void;
}

const wordMs = 5;

export async function measureStart({ url, pool, scale, show }: StartOptions): Promise<void> {
  const own = new URL(url);
  own.pathname = "/started";
  await pool.query("create database started");
  const database = openPg({ url: own.href, maxConnections: 1 });
  await migrate(database, migrations);
  await database.close();
  const rounds = scale.isWhole ? 5 : 2;
  const folder = temporaryFolder();
  const served = { DATABASE_URL: own.href, CHATKEEP_SECRET: "x".repeat(40) };
  const starts: [name: string, start: () => Promise<{ ms: number; megabytes: number }>][] = [
    ["the library on PostgreSQL, until it has read", () => startLibrary(own.href)],
    ["the server on PostgreSQL, until it is ready", () => startOnce(served)],
    ["the server on its embedded database", () => startOnce({ CHATKEEP_DATA: folder.path })],
  ];
  const table = [["", "cold start", "memory"]];
  for (const [name, start] of starts) {
    const results = [];
    for (let round = 0; round <= rounds; round += 1) results.push(await start());
    // The first one of the embedded database also makes it.
    const [, ...later] = results;
    table.push([
      name,
      `${median(later.map(({ ms }) => ms)).toFixed(0)} ms`,
      `${median(later.map(({ megabytes }) => megabytes)).toFixed(0)} MB`,
    ]);
  }
  folder.remove();
  show({
    title: "Cold start and memory",
    text: "Node's own start included; memory is what the process has resident when it is ready.",
    table,
  });
  show(await measureReply(served, pool, scale.isWhole ? 2_000 : 400));
}

async function startLibrary(url: string): Promise<{ ms: number; megabytes: number }> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    ["-C", "chatkeep-source", fileURLToPath(new URL("first-read.ts", import.meta.url)), url],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [text] = (await once(child.stdout, "data")) as [Buffer];
  const ms = performance.now() - began;
  await once(child, "exit");
  return { ms, megabytes: Number(text.toString()) };
}

async function startOnce(environment: Record<string, string>): Promise<{ ms: number; megabytes: number }> {
  const began = performance.now();
  const server = await startServer(environment);
  const ms = performance.now() - began;
  const megabytes = residentOf(server);
  await endServer(server);
  return { ms, megabytes };
}

function residentOf({ process: child }: RunningServer): number {
  return Number(spawnSync("ps", ["-o", "rss=", "-p", String(child.pid)], { encoding: "utf8" }).stdout) / 1_024;
}

/** Everything that the server asks of the database while it answers one question, by kind. */
async function measureReply(environment: Record<string, string>, pool: Pool, words: number): Promise<Section> {
  const endpoint = await startSpeakingEndpoint(wordMs);
  const server = await startServer({ ...environment, ...endpoint.environment });
  try {
    const token = await signUp(server.url, randomUUID());
    const ask = async (what: string) => {
      const body = { id: randomUUID(), message: question(what) };
      await (await call(server.url, "/api/chat", body, token)).text();
    };
    await ask("count 10");
    await pool.query("select pg_stat_statements_reset()");
    const began = performance.now();
    await ask(`count ${words}`);
    const ms = performance.now() - began;
    const { rows } = await pool.query(
      `select sum(calls)::int as all, sum(calls) filter (where query like '%set heartbeat_at = clock_timestamp()%')::int as pulses
       from pg_stat_statements s join pg_database d on d.oid = s.dbid where datname = 'started'`,
    );
    const tenths = ms / 100;
    return {
      title: "A streamed reply",
      text: `${words.toLocaleString("en")} words, one every ${wordMs} ms, to the client that asked.`,
      table: [
        ["", "in all", "each 100 ms"],
        ["time", `${(ms / 1_000).toFixed(1)} s`, ""],
        [
          "statements that store words and keep the lease",
          String(rows[0].pulses),
          (rows[0].pulses / tenths).toFixed(2),
        ],
        ["all statements, from the question to the end", String(rows[0].all), (rows[0].all / tenths).toFixed(2)],
      ],
    };
  } finally {
    await endServer(server);
    await endpoint.stop();
  }
}
