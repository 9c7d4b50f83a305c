/** chatkeep over HTTP, with sign-in, checks and JSON, beside a bare Hono route that runs the hand-written statement. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { migrate } from "chatkeep";
import { sql } from "drizzle-orm";
import { type Drizzle, openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import { migrations } from "../packages/server/src/migrations.generated.ts";
import { call, endServer, signUp, startServer } from "../packages/server/test/helpers/servers.ts";
import { type Counter, compare, type Scale } from "./measure.ts";
import { header, rowOf, type Section } from "./report.ts";
import { addChats, sample } from "./sample.ts";

interface HttpOptions {
  url: string;
  db: Drizzle;
  counter: Counter;
  scale: Scale;
  show(section: Section): void;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Sends a request and reads its answer to the end. */
function send(url: string, token: string, body?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) };
    const asking = request(url, { agent, method: body ? "POST" : "GET", headers }, (response) => {
      if ((response.statusCode ?? 500) >= 300) reject(new Error(`${url} answered ${response.statusCode}`));
      response.resume().on("end", resolve).on("error", reject);
    });
    asking.on("error", reject).end(body);
  });
}

export async function measureHttp({ url, db, counter, scale, show }: HttpOptions): Promise<void> {
  const own = new URL(url);
  own.pathname = "/served";
  await db.execute(sql.raw("create database served"));
  const served = openPg({ url: own.href, maxConnections: 2 });
  await migrate(served, migrations);
  const server = await startServer({ DATABASE_URL: own.href, CHATKEEP_SECRET: "x".repeat(40), CHATKEEP_LOG: "info" });
  const token = await signUp(server.url, "ann");
  const response = await call(server.url, "/api/auth/get-session", undefined, token);
  const { user } = (await response.json()) as { user: { id: string } };
  const chats = await addChats(served.db, user.id, 1_000, 2);
  const [long] = await addChats(served.db, user.id, 1, 10_000);
  await served.db.execute(sql`vacuum analyze`);
  const bare = fork(fileURLToPath(new URL("bare-server.ts", import.meta.url)), [own.href, user.id], {
    execArgv: ["-C", "chatkeep-source"],
  });
  const [port] = (await once(bare, "message")) as [number];
  const body = JSON.stringify({
    messages: [
      { role: "user", content: sample.question },
      { role: "assistant", content: sample.answer },
    ],
  });
  let next = 0;
  const paths = {
    "save a turn": () => {
      next = (next + 7) % chats.length;
      return `/api/conversations/${chats[next]?.id}/messages`;
    },
    "last 50 of 10,000": () => `/api/conversations/${long?.id}/messages`,
    "list 20 of 1,001": () => "/api/conversations",
  };
  const table: string[][] = [header];
  for (const callers of [1, 16]) {
    for (const [what, path] of Object.entries(paths)) {
      const given = what === "save a turn" ? body : undefined;
      const contenders = [
        { name: "a bare route", run: () => send(`http://127.0.0.1:${port}${path()}`, token, given) },
        { name: "**chatkeep**", run: () => send(server.url + path(), token, given) },
      ];
      const figures = await compare(contenders, { callers, rounds: scale.rounds, roundMs: scale.roundMs, counter });
      const name = `${what}, ${callers} ${callers === 1 ? "caller" : "callers"}`;
      table.push(...figures.map((each) => rowOf(name, each)));
    }
  }
  show({
    title: "Over HTTP",
    text: "Two servers in processes of their own; the CPU of the client is that of who asks. The bare route knows no users, checks nothing and logs nothing.",
    table,
  });
  bare.kill();
  agent.destroy();
  await endServer(server);
  await served.close();
}
