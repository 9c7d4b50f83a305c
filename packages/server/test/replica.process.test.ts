/** A server that reads from a standby, as an operator sets it up. */
import { migrate } from "chatkeep";
import { openPg } from "chatkeep/pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startPostgres, type ThrowawayPostgres } from "../../chatkeep/test/helpers/throwaway-postgres.ts";
import { examine } from "../src/commands/doctor.ts";
import { migrations } from "../src/migrations.generated.ts";
import { call, endServer, question, signUp, startServer } from "./helpers/servers.ts";

let primary: ThrowawayPostgres;
let standby: ThrowawayPostgres;

beforeAll(async () => {
  primary = await startPostgres();
  {
    await using database = openPg({ url: primary.url });
    await migrate(database, migrations);
  }
  standby = await primary.startStandby();
});
afterAll(async () => {
  await standby?.stop();
  await primary?.stop();
});

const environment = () => ({
  DATABASE_URL: primary.url,
  DATABASE_REPLICA_URL: standby.url,
  CHATKEEP_SECRET: "x".repeat(40),
});

it("answers a question, lists, reads and finds it at once, from the standby", async () => {
  const server = await startServer(environment());
  await using watching = openPg({ url: standby.url, maxConnections: 1 });
  try {
    const token = await signUp(server.url, "ann");
    const id = crypto.randomUUID();
    await (await call(server.url, "/api/chat", { id, message: question("Which bread rises?") }, token)).text();
    const read = async (path: string) =>
      (await (await call(server.url, path, undefined, token)).json()) as { items: unknown[] };
    expect((await read("/api/conversations")).items).toMatchObject([{ id }]);
    expect((await read(`/api/conversations/${id}/branch`)).items).toHaveLength(2);
    expect((await read("/api/search?text=rises")).items.length).toBeGreaterThan(0);
    const looks = async () => {
      await read("/api/conversations");
      const [row] = await watching.query(
        "select coalesce(sum(idx_scan), 0) from pg_stat_user_tables where relname = 'conversation'",
      );
      return Number(row?.[0]);
    };
    await expect.poll(looks).toBeGreaterThan(0);
    await standby.beAway(0);
    expect((await read("/api/conversations")).items).toMatchObject([{ id }]);
  } finally {
    await endServer(server);
  }
});

it("is examined by doctor", async () => {
  const replicaOf = async (replicaUrl: string) =>
    (await examine({ engine: "pg", url: primary.url, replicaUrl })).checks.find(({ name }) => name === "replica");
  expect(await replicaOf(standby.url)).toMatchObject({
    ok: true,
    found: expect.stringMatching(/^follows, [\d.]+ s behind/),
  });
  expect(await replicaOf(primary.url)).toMatchObject({
    ok: false,
    found: expect.stringMatching(/^leads to no standby/),
  });
  const nowhere = "postgres://somebody:secret@127.0.0.1:1/none";
  const found = await replicaOf(nowhere);
  expect(found).toMatchObject({ ok: false, found: expect.stringMatching(/^cannot be asked \(ECONNREFUSED\)/) });
  expect(found?.found).not.toContain("secret");
});
