/** Two real servers on one PostgreSQL: one of them dies, sleeps, or loses the database in the middle of a reply. */
import { randomUUID } from "node:crypto";
import { migrate } from "chatkeep";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { startPostgres, type ThrowawayPostgres } from "../../chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { migrations } from "../src/migrations.generated.ts";
import { chunksIn, textIn } from "./helpers/models.ts";
import { installedPgBouncer, startPgBouncer } from "./helpers/pgbouncer.ts";
import { call, endServer, question, type RunningServer, signUp, startServer } from "./helpers/servers.ts";
import { numbers, type SpeakingEndpoint, startSpeakingEndpoint } from "./helpers/speaking-endpoint.ts";
import { until } from "./helpers/until.ts";

const leaseMs = 3_000;
let postgres: ThrowawayPostgres;
let endpoint: SpeakingEndpoint;
let database: ReturnType<typeof openPg>;
let servers: RunningServer[] = [];

beforeAll(async () => {
  [postgres, endpoint] = await Promise.all([startPostgres(), startSpeakingEndpoint()]);
  database = openPg({ url: postgres.url, maxConnections: 1 });
  await migrate(database, migrations);
});
afterEach(async () => {
  for (const server of servers) {
    server.process.kill("SIGCONT");
    await endServer(server, "SIGKILL");
  }
  servers = [];
});
afterAll(async () => {
  await database.close();
  await endpoint.stop();
  await postgres.stop();
});

async function startTwo(url = postgres.url) {
  const environment = {
    ...endpoint.environment,
    DATABASE_URL: url,
    CHATKEEP_SECRET: "x".repeat(40),
    CHATKEEP_LEASE_SECONDS: String(leaseMs / 1000),
  };
  const [one, two] = await Promise.all([startServer(environment), startServer(environment)]);
  servers.push(one, two);
  return { one, two, token: await signUp(one.url, randomUUID()) };
}

/** What came of a response before its connection was cut. */
async function readAll(response: Response): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
  } catch {
    // The server was killed.
  }
  return text;
}

/** Asks, and comes back when some of the reply is stored, and so is shown; gives what comes of it. */
async function askFor(what: string, server: RunningServer, id: string, token: string) {
  const response = await call(server.url, "/api/chat", { id, message: question(what) }, token);
  const whole = readAll(response);
  await goesOn(id);
  return { whole };
}

/** Until some more of the replies of a conversation is stored. */
async function goesOn(id: string): Promise<void> {
  const before = await chunksOf(id);
  await until(
    () => chunksOf(id),
    (count) => count > before + 3,
  );
}

async function replyIn(server: RunningServer, id: string, token: string) {
  const response = await call(server.url, `/api/conversations/${id}/messages`, undefined, token);
  const { items } = (await response.json()) as { items: { content: string; status: string; role: string }[] };
  return items.findLast(({ role }) => role === "assistant");
}

async function chunksOf(id: string): Promise<number> {
  const { rows } = await database.pool.query(
    "select count(*)::int from run_chunk join run on run.id = run_id where conversation_id = $1",
    [id],
  );
  return rows[0].count;
}

it("keeps every word that anybody has seen when the server that speaks is killed, and goes on at the other", async () => {
  const { one, two, token } = await startTwo();
  const id = randomUUID();
  const { whole: first } = await askFor("count 1000", one, id, token);
  const following = readAll(await call(two.url, `/api/chat/${id}/stream`, undefined, token));
  await goesOn(id);
  one.process.kill("SIGKILL");
  const seen = textIn(await first);
  const text = await following;
  expect(chunksIn(text).at(-1)).toMatchObject({ type: "error", errorText: expect.stringContaining("has stopped") });
  expect(textIn(text).startsWith(seen)).toBe(true);
  expect(seen).toMatch(/^1 2 3 4 5 /);
  expect(await replyIn(two, id, token)).toMatchObject({ status: "interrupted", content: textIn(text) });
  const next = await call(two.url, "/api/chat", { id, message: question("Are you there?") }, token);
  expect(textIn(await next.text())).toBe("Here I am.");
});

it("lets a server that slept too long write nothing, and stops its model", async () => {
  const { one, two, token } = await startTwo();
  const id = randomUUID();
  const { whole: first } = await askFor("count 1000", one, id, token);
  one.process.kill("SIGSTOP");
  const text = await (await call(two.url, `/api/chat/${id}/stream`, undefined, token)).text();
  const kept = await replyIn(two, id, token);
  expect(kept).toMatchObject({ status: "interrupted", content: textIn(text) });
  const chunks = await chunksOf(id);
  one.process.kill("SIGCONT");
  const seen = await first;
  expect(textIn(seen)).toBe(textIn(text));
  expect(chunksIn(seen).at(-1)?.type).toBe("error");
  expect(endpoint.speaking()).toBe(0);
  expect(await replyIn(two, id, token)).toEqual(kept);
  expect(await chunksOf(id)).toBe(chunks);
  const next = await call(one.url, "/api/chat", { id, message: question("Awake?") }, token);
  expect(textIn(await next.text())).toBe("Here I am.");
});

it("goes on with a reply, whole and once, when the database comes back in time", async () => {
  const { one, two, token } = await startTwo();
  const id = randomUUID();
  const { whole: first } = await askFor("count 120", one, id, token);
  const following = readAll(await call(two.url, `/api/chat/${id}/stream`, undefined, token));
  await postgres.beAway(1_000);
  expect(textIn(await first)).toBe(numbers(120));
  expect(textIn(await following)).toBe(numbers(120));
  expect(await replyIn(two, id, token)).toMatchObject({ status: "complete", content: numbers(120) });
});

it.skipIf(!installedPgBouncer())("does all of it behind PgBouncer in transaction mode", async () => {
  const pooler = await startPgBouncer(postgres.url);
  const { one, two, token } = await startTwo(pooler.url);
  const id = randomUUID();
  const { whole: first } = await askFor("count 60", one, id, token);
  const whole = await (await call(two.url, `/api/chat/${id}/stream`, undefined, token)).text();
  expect(textIn(whole)).toBe(numbers(60));
  expect(await first).toBe(whole);
  const { whole: stopped } = await askFor("count 1000", one, id, token);
  expect((await call(two.url, `/api/chat/${id}/stop`, {}, token)).status).toBe(204);
  expect(chunksIn(await stopped).at(-1)?.type).toBe("abort");
  const { whole: dying } = await askFor("count 1000", one, id, token);
  one.process.kill("SIGKILL");
  const text = await (await call(two.url, `/api/chat/${id}/stream`, undefined, token)).text();
  expect(textIn(text).startsWith(textIn(await dying))).toBe(true);
  expect(await replyIn(two, id, token)).toMatchObject({ status: "interrupted", content: textIn(text) });
  await endServer(two);
  await pooler.stop();
});
