/**
 * `npm run bench:first-word`: from the question to the first word, with a database that is 20 ms away and a model that answers at
 * once, in a chat that is new and in one that is old, beside asking the model directly.
 */
import { randomUUID } from "node:crypto";
import { migrate } from "chatkeep";
import { startSlowProxy } from "../packages/chatkeep/test/helpers/slow-proxy.ts";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import { migrations } from "../packages/server/src/migrations.generated.ts";
import { endServer, question, signUp, startServer } from "../packages/server/test/helpers/servers.ts";
import { startSpeakingEndpoint } from "../packages/server/test/helpers/speaking-endpoint.ts";
import { median } from "./measure.ts";

const [roundTripMs, rounds] = [20, 25];

const postgres = await startPostgres(undefined, ["fsync=on", "full_page_writes=on"]);
const database = openPg({ url: postgres.url, maxConnections: 1 });
await migrate(database, migrations);
const proxy = await startSlowProxy(Number(new URL(postgres.url).port), roundTripMs);
const far = new URL(postgres.url);
far.port = String(proxy.port);
const endpoint = await startSpeakingEndpoint(0);
const server = await startServer({
  ...endpoint.environment,
  DATABASE_URL: far.href,
  CHATKEEP_SECRET: "x".repeat(40),
});

/** Until the first piece of an answer that has a word in it. */
async function firstWord(url: string, body: object, token: string, word: RegExp): Promise<number> {
  const began = performance.now();
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  let text = "";
  let ms = Number.NaN;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(piece);
    if (Number.isNaN(ms) && word.test(text)) ms = performance.now() - began;
  }
  if (Number.isNaN(ms)) throw new Error(`no word came: ${text}`);
  return ms;
}

try {
  const token = await signUp(server.url, "ann");
  const old = randomUUID();
  const ask = (id: string) =>
    firstWord(`${server.url}/api/chat`, { id, message: question("Hello") }, token, /text-delta/);
  const asking: [name: string, ask: () => Promise<number>][] = [
    [
      "the model, directly",
      () =>
        firstWord(
          `${endpoint.environment["OPENAI_BASE_URL"]}/chat/completions`,
          { model: "slow", stream: true, messages: [{ role: "user", content: "Hello" }] },
          token,
          /Here/,
        ),
    ],
    ["in a new chat", () => ask(randomUUID())],
    ["in an old chat", () => ask(old)],
  ];
  const found = asking.map(([name]) => ({ name, all: [] as number[] }));
  // The first three rounds are for the compiler and the pool.
  for (let round = -3; round < rounds; round += 1) {
    for (const [index, [, once]] of asking.entries()) {
      const ms = await once();
      if (round >= 0) found[index]?.all.push(ms);
    }
  }
  console.log(`A round trip to the database takes ${roundTripMs} ms; ${rounds} questions each.\n`);
  for (const { name, all } of found) {
    const [p50, slowest] = [median(all), Math.max(...all)];
    console.log(`${name.padEnd(22)} ${p50.toFixed(0).padStart(5)} ms   (slowest ${slowest.toFixed(0)} ms)`);
  }
} finally {
  await endServer(server);
  await endpoint.stop();
  await proxy.stop();
  await database.close();
  await postgres.stop();
}
