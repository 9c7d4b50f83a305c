/**
 * The chaos run: real servers and databases, which are killed, paused, cut off and restarted while people write and read.
 * `node -C chatkeep-source packages/server/test/chaos/run.ts --seconds 120 --seed 7`; fails when anything acknowledged is not as it was.
 */
import { cpSync } from "node:fs";
import { parseArgs } from "node:util";
import { temporaryFolder } from "../helpers/servers.ts";
import { startSpeakingEndpoint } from "../helpers/speaking-endpoint.ts";
import { Journal } from "./journal.ts";
import { tryEmbedded } from "./on-embedded.ts";
import { type Outcome, type Trial, tryPostgres } from "./on-postgres.ts";
import { planChaos } from "./plan.ts";
import { isSound, type Part, report } from "./report.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000_000)) },
    servers: { type: "string", default: "3" },
    logs: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const seconds = Number(values.seconds);
const leaseMs = 2_000;
const again = `npm run test:chaos -- --seconds ${seconds} --seed ${seed}`;
const print = (text: string) => void process.stdout.write(`${text}\n`);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
const folder = temporaryFolder();
process.on("exit", () => folder.remove());

print(`chaos of ${seconds} seconds, seed ${seed}`);
const endpoint = await startSpeakingEndpoint();
const plan = planChaos(seed, { servers: Number(values.servers), forMs: seconds * 1_000, leaseMs });
const parts: Part[] = [];
for (const [name, attempt] of [
  ["PostgreSQL", tryPostgres],
  ["embedded", tryEmbedded],
] as const) {
  parts.push(await tryPart(name, attempt));
}
await endpoint.stop();
if (values.logs) cpSync(folder.path, values.logs, { recursive: true, filter: (path) => !path.includes("embedded/") });
print(report(parts));
print(`\nThe same faults again: ${again}`);
process.exit(parts.every(isSound) ? 0 : 1);

async function tryPart(name: string, attempt: (trial: Trial) => Promise<Outcome>): Promise<Part> {
  const journal = new Journal();
  const faults = new Map<string, number>();
  const began = Date.now();
  const note = (text: string) =>
    values.verbose && print(`${((Date.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
  const trial: Trial = {
    seed,
    forMs: seconds * 1_000,
    plan,
    leaseMs,
    journal,
    environment: endpoint.environment,
    folder: folder.path,
    onFault: (kind, detail) => {
      faults.set(kind, (faults.get(kind) ?? 0) + 1);
      note(`${kind}, ${detail}`);
    },
    onHealed: () => note("well again"),
  };
  const outcome = await attempt(trial);
  return { name, journal, faults, outcome, seconds: (Date.now() - began) / 1_000 };
}
