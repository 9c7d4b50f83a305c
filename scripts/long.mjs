// `npm run test:long`: the conformance suite with many rounds, again and again with other seeds, for ten minutes or as many as are named.
import { spawnSync } from "node:child_process";

const minutes = Number(process.argv[2] ?? 10);
const engines = ["pglite", "pg18", "pg15", "neon"].flatMap((engine) => ["--project", engine]);
const end = Date.now() + minutes * 60_000;

for (let run = 1; run === 1 || Date.now() < end; run += 1) {
  const seed = Math.floor(Math.random() * 1_000_000_000);
  const env = { CHATKEEP_CONFORMANCE_ROUNDS: "40", CHATKEEP_CONFORMANCE_SEED: String(seed) };
  console.log(`\nrun ${run}, seed ${seed}, ${Math.max(0, Math.round((end - Date.now()) / 60_000))} minutes left`);
  const { status } = spawnSync("npx", ["vitest", "run", ...engines, "packages/store/test/conformance.test.ts"], {
    stdio: "inherit",
    env: { ...process.env, ...env },
    shell: process.platform === "win32",
  });
  if (status === 0) continue;
  const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  console.error(`\nTo see it again: ${set.join(" ")} npx vitest run packages/store/test/conformance.test.ts`);
  process.exit(status ?? 1);
}
