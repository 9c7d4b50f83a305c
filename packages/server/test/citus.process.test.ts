/** Two servers on the Citus cluster that `TEST_CITUS_URL` leads to, as an operator sets it up; says what it did. */
import { randomUUID } from "node:crypto";
import { distributeTables } from "chatkeep";
import { openPg } from "chatkeep/pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCitusDatabase } from "../../chatkeep/test/helpers/citus.ts";
import { examine } from "../src/commands/doctor.ts";
import { migrateDatabase, planDatabase } from "../src/commands/migrate.ts";
import { models } from "../src/models/index.ts";
import { textIn } from "./helpers/models.ts";
import { call, endServer, question, type RunningServer, signUp, startServer } from "./helpers/servers.ts";
import { type SpeakingEndpoint, startSpeakingEndpoint } from "./helpers/speaking-endpoint.ts";

const source = process.env["TEST_CITUS_URL"] ?? "";

describe.skipIf(source === "")("two servers on a Citus cluster", () => {
  let url: string;
  let endpoint: SpeakingEndpoint;
  let servers: RunningServer[];
  const start = () =>
    startServer({
      ...endpoint.environment,
      DATABASE_URL: url,
      CHATKEEP_SECRET: "x".repeat(40),
      CHATKEEP_LEASE_SECONDS: "3",
    });

  beforeAll(async () => {
    url = await makeCitusDatabase(source, `servers_${randomUUID().replaceAll("-", "")}`, "empty");
    const config = { engine: "pg" as const, url };
    {
      await using empty = openPg({ url, maxConnections: 1 });
      await expect(distributeTables(empty, models)).rejects.toThrow(/There is no table conversation to distribute/);
    }
    expect(await planDatabase(config, { distributed: true })).toMatchObject({ distributed: true });
    expect(await migrateDatabase(config, { distributed: true })).toMatchObject({ distributed: true });
    expect(await migrateDatabase(config)).toEqual({ applied: [], distributed: true });
    {
      await using spread = openPg({ url, maxConnections: 1 });
      await expect(distributeTables(spread, models, ["bookmark"])).rejects.toThrow(/no table bookmark/);
    }
    endpoint = await startSpeakingEndpoint();
    servers = await Promise.all([start(), start()]);
  });
  afterAll(async () => {
    for (const server of servers ?? []) await endServer(server, "SIGKILL");
    await endpoint?.stop();
  });

  it("answer what the other has stored, go on with what it leaves, and keep each user on one node", async () => {
    const [one, two] = servers as [RunningServer, RunningServer];
    const read = async (server: RunningServer, path: string, token: string) =>
      (await (await call(server.url, path, undefined, token)).json()) as { items: { id: string; status: string }[] };
    const people = await Promise.all(Array.from({ length: 8 }, (_, at) => signUp(one.url, `person-${at}`)));
    const chats = await Promise.all(
      people.map(async (token) => {
        const id = randomUUID();
        const answer = await call(one.url, "/api/chat", { id, message: question("three words") }, token);
        expect(textIn(await answer.text())).not.toBe("");
        expect((await read(two, "/api/conversations", token)).items).toMatchObject([{ id }]);
        expect((await read(two, `/api/conversations/${id}/messages`, token)).items).toHaveLength(2);
        expect((await read(two, "/api/search?text=words", token)).items.length).toBeGreaterThan(0);
        return { id, token };
      }),
    );
    const [first] = chats as [(typeof chats)[number]];
    for (const { id } of chats.slice(1)) {
      expect((await call(two.url, `/api/conversations/${id}`, undefined, first.token)).status).toBe(404);
    }
    const left = randomUUID();
    void call(one.url, "/api/chat", { id: left, message: question("count 500") }, first.token)
      .then((answer) => answer.text())
      .catch(() => {});
    await using database = openPg({ url, maxConnections: 1 });
    const begun = "select count(*) from run where conversation_id = $1::uuid";
    await expect.poll(async () => (await database.query(begun, [left]))[0]?.[0]).toBe("1");
    await endServer(one, "SIGKILL");
    const lastOf = async () => (await read(two, `/api/conversations/${left}/messages`, first.token)).items.at(-1);
    await expect.poll(async () => (await lastOf())?.status).toBe("interrupted");
    const nodes = await database.query(`
      select s.nodename || ':' || s.nodeport, count(distinct u.id)
      from "user" u
      join citus_shards s on s.table_name = 'conversation'::regclass
        and s.shardid = get_shard_id_for_distribution_column('conversation', u.id)
      group by 1 order by 1`);
    // biome-ignore lint/suspicious/noConsole: whoever has a cluster wants to see what was done on it
    console.log("Citus: 8 users asked through one server and were read through the other; users by node:", nodes);
    const { checks } = await examine({ engine: "pg", url });
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  });
});
