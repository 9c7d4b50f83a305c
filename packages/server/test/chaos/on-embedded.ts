/** One server on its embedded database, killed in the middle of its work again and again. */
import { join } from "node:path";
import { openPglite } from "../../../chatkeep/test/helpers/with-drizzle.ts";
import { keepServer } from "./kept-server.ts";
import { graceMs, type Outcome, readingFrom, type Trial } from "./on-postgres.ts";
import { misread, readBack } from "./read-back.ts";
import { readStored } from "./stored.ts";
import { work } from "./users.ts";
import { verify } from "./verify.ts";

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function tryEmbedded(trial: Trial): Promise<Outcome> {
  const data = join(trial.folder, "embedded");
  const environment = { ...trial.environment, CHATKEEP_DATA: data, CHATKEEP_TRUST_PROXY: "true" };
  const server = await keepServer("embedded", environment, join(trial.folder, "embedded.log"));
  try {
    await server.start();
    let healedAt = Number.POSITIVE_INFINITY;
    const working = work({
      urls: [server.url],
      journal: trial.journal,
      seed: trial.seed,
      users: 3,
      writing: 3,
      asking: 2,
      isOver: () => healedAt < Number.POSITIVE_INFINITY,
      giveUpAt: () => healedAt + graceMs,
    });
    const kill = async () => {
      for (const forMs of trial.plan.embedded) {
        await sleep(forMs);
        await server.kill();
        trial.onFault("embedded database killed", `after ${forMs} ms`);
        await server.start();
      }
      await sleep(500);
    };
    await Promise.all([
      kill().finally(() => {
        healedAt = Date.now();
        trial.onHealed();
      }),
      working,
    ]);
    const read = await readBack(readingFrom(trial, [server]));
    await server.shutDown();
    const { client, close } = await openPglite({ dataDir: join(data, "db") });
    const stored = await readStored(async (statement) => (await client.query<Record<string, unknown>>(statement)).rows);
    await close();
    return {
      findings: verify(trial.journal, stored),
      overwritten: [],
      misread: misread(read, stored),
      serverFaults: server.faults,
    };
  } finally {
    await server.kill();
  }
}
