/** Several servers on one PostgreSQL, each with a network of its own to it, while all of them are troubled. */
import { join } from "node:path";
import { migrate } from "chatkeep";
import { startPostgres, type ThrowawayPostgres } from "../../../chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../../../chatkeep/test/helpers/with-drizzle.ts";
import { migrations } from "../../src/migrations.generated.ts";
import type { Site } from "./client.ts";
import type { Journal } from "./journal.ts";
import { type KeptServer, keepServer } from "./kept-server.ts";
import { type Network, openNetwork } from "./network.ts";
import type { DatabaseFault, Fault, NetworkFault, Plan, ServerFault } from "./plan.ts";
import { misread, readBack } from "./read-back.ts";
import { type Query, readStored, watchEndedReplies } from "./stored.ts";
import { work } from "./users.ts";
import { type Findings, verify } from "./verify.ts";

export interface Trial {
  seed: number;
  forMs: number;
  plan: Plan;
  leaseMs: number;
  journal: Journal;
  /** Of a server that speaks as the model. */
  environment: Record<string, string>;
  folder: string;
  onFault(kind: string, detail: string): void;
  /** Once, when things are well again. */
  onHealed(): void;
}

export interface Outcome {
  findings: Findings;
  overwritten: string[];
  misread: string[];
  serverFaults: string[];
}

/** For requests that were under way when things became well again. */
export const graceMs = 60_000;

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function tryPostgres(trial: Trial): Promise<Outcome> {
  // What a commit waits for is on disk, as in production.
  const postgres = await startPostgres(undefined, ["fsync=on", "full_page_writes=on"]);
  const database = openPg({
    url: postgres.url,
    maxConnections: 2,
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 60_000,
  });
  const query: Query = async (statement) => (await database.pool.query(statement)).rows;
  const networks: Network[] = [];
  const servers: KeptServer[] = [];
  try {
    await migrate(database, migrations);
    for (const [index] of trial.plan.servers.entries()) {
      const network = await openNetwork(postgres.port);
      networks.push(network);
      servers.push(
        await keepServer(
          `server ${index + 1}`,
          environmentOf(trial, network),
          join(trial.folder, `server-${index + 1}.log`),
        ),
      );
    }
    await Promise.all(servers.map((server) => server.start()));
    const watch = watchEndedReplies(query);
    await trouble(trial, servers, networks, postgres, query);
    await settle(query);
    const overwritten = await watch.end();
    const read = await readBack(readingFrom(trial, servers));
    const stored = await readStored(query);
    const findings = verify(trial.journal, stored);
    return {
      findings,
      overwritten,
      misread: misread(read, stored),
      serverFaults: servers.flatMap(({ faults }) => faults),
    };
  } finally {
    await Promise.all(servers.map((server) => server.kill()));
    await Promise.all(networks.map((network) => network.stop()));
    await database.close();
    await postgres.stop();
  }
}

/** Where to read when all is over, within a minute. */
export function readingFrom({ journal }: Trial, servers: readonly KeptServer[]): Site {
  const end = Date.now() + graceMs;
  return { urls: servers.map(({ url }) => url), journal, giveUpAt: () => end };
}

function environmentOf({ environment, leaseMs }: Trial, { port }: Network): Record<string, string> {
  return {
    ...environment,
    DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres`,
    CHATKEEP_SECRET: "x".repeat(40),
    CHATKEEP_LEASE_SECONDS: String(leaseMs / 1_000),
    CHATKEEP_TRUST_PROXY: "true",
  };
}

/** People work while faults happen, and finish what they have begun when these are over. */
async function trouble(
  trial: Trial,
  servers: KeptServer[],
  networks: Network[],
  postgres: ThrowawayPostgres,
  query: Query,
): Promise<void> {
  const endsAt = Date.now() + trial.forMs;
  let healedAt = Number.POSITIVE_INFINITY;
  const working = work({
    urls: servers.map(({ url }) => url),
    journal: trial.journal,
    seed: trial.seed,
    users: 4,
    writing: 4,
    asking: 2,
    isOver: () => Date.now() >= endsAt,
    giveUpAt: () => healedAt + graceMs,
  });
  const { plan } = trial;
  const lanes = [
    ...servers.map((server, index) =>
      inTurn(trial, endsAt, plan.servers[index] ?? [], (fault) => troubleServer(server, fault)),
    ),
    ...networks.map((network, index) =>
      inTurn(trial, endsAt, plan.networks[index] ?? [], (fault) => troubleNetwork(network, fault)),
    ),
    inTurn(trial, endsAt, plan.database, (fault) => troubleDatabase(postgres, query, fault)),
  ];
  await Promise.all([
    Promise.all(lanes).finally(() => {
      healedAt = Date.now();
      trial.onHealed();
    }),
    working,
  ]);
}

async function inTurn<Kind extends string>(
  { onFault }: Trial,
  endsAt: number,
  faults: readonly Fault<Kind>[],
  happen: (fault: Fault<Kind>) => Promise<unknown>,
): Promise<void> {
  for (const fault of faults) {
    if (Date.now() + fault.pauseMs >= endsAt) return;
    await sleep(fault.pauseMs);
    onFault(fault.kind, String((await happen(fault)) ?? `for ${fault.forMs} ms`));
  }
}

async function troubleServer(server: KeptServer, { kind, forMs }: Fault<ServerFault>): Promise<void> {
  switch (kind) {
    case "server killed":
      await server.kill();
      await sleep(forMs);
      return await server.start();
    case "server shut down":
      await server.shutDown();
      await sleep(forMs);
      return await server.start();
    case "server paused":
      server.pause();
      await sleep(forMs);
      return server.wake();
  }
}

async function troubleNetwork(network: Network, { kind, forMs, choice }: Fault<NetworkFault>): Promise<void> {
  switch (kind) {
    case "connections cut":
      return network.cut();
    case "packet cut in two":
      return network.cutNextPacket();
    case "answer lost":
      return network.loseNextAnswer();
    case "packets delayed":
      network.delay(5 + 10 * choice);
      break;
    case "network silent":
      network.silence();
      break;
    case "connections refused":
      network.refuse();
  }
  await sleep(forMs);
  // After a silence either what waited arrives late, or it never does.
  if (kind === "network silent" && choice < 5) network.cut();
  network.heal();
}

const connections = "from pg_stat_activity where application_name = 'chatkeep' and pid <> pg_backend_pid()";

async function troubleDatabase(
  postgres: ThrowawayPostgres,
  query: Query,
  { kind, forMs, choice }: Fault<DatabaseFault>,
): Promise<string | undefined> {
  switch (kind) {
    case "all connections terminated": {
      const ended = await query(`select pg_terminate_backend(pid) ${connections}`).catch(() => []);
      return `${ended.length} of them`;
    }
    case "connection of the database paused": {
      // One that is in the middle of a transaction, if there is one: it has locks.
      const found = await query(`select pid ${connections} order by xact_start nulls last, pid limit 10`).catch(
        () => [],
      );
      const pid = Number(found[choice % Math.max(1, found.length)]?.["pid"]);
      if (!pid) return "there was none";
      process.kill(pid, "SIGSTOP");
      await sleep(forMs);
      process.kill(pid, "SIGCONT");
      return undefined;
    }
    case "database crashed":
      await postgres.crash();
      return undefined;
    case "database restarted":
      await postgres.beAway(forMs);
      return undefined;
  }
}

/** Until every run has ended, as the servers see to, or far longer than that may take. */
async function settle(query: Query): Promise<void> {
  for (let tries = 0; tries < 120; tries += 1) {
    const [row] = await query("select count(*)::int as running from run where status = 'running'");
    if (row?.["running"] === 0) return;
    await sleep(250);
  }
}
