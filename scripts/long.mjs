// `npm run test:long`: what npm would get, installed and used, also by the example for Next.js; what
// `npm test` does in a shorter form; then the conformance suite with many
// rounds and two minutes of chaos, again and again with other seeds, for ten minutes or as many as are named.
import { spawnSync } from "node:child_process";

const minutes = Number(process.argv[2] ?? 10);
const engines = ["pglite", "pg18", "pg15", "neon", "walled"].flatMap((engine) => ["--project", engine]);
const chaosSeconds = 120;
const end = Date.now() + minutes * 60_000;

function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, {
    stdio: "inherit",
    env: { ...process.env, ...env },
    shell: process.platform === "win32",
  });
  return status ?? 1;
}

for (const test of ["test:install", "test:next"]) {
  const used = run("npm", ["run", test]);
  if (used !== 0) process.exit(used);
}

// What `npm test` tries with fewer texts, kills and partners.
const whole = [
  "memory.e2e",
  "search.test",
  "patterns.unit",
  "pglite-folder",
  "hosts.conformance",
  "conformance.test",
  "mastra.test",
  "examples.process",
  "rolling.process",
];
const heavy = run("npx", ["vitest", "run", ...whole], { CHATKEEP_LONG: "1" });
if (heavy !== 0) process.exit(heavy);

for (let round = 1; round === 1 || Date.now() < end; round += 1) {
  const seed = Math.floor(Math.random() * 1_000_000_000);
  const left = Math.max(0, Math.round((end - Date.now()) / 60_000));
  console.log(`\nround ${round}, seed ${seed}, ${left} minutes left`);
  const env = { CHATKEEP_CONFORMANCE_ROUNDS: "40", CHATKEEP_CONFORMANCE_SEED: String(seed) };
  const suite = run("npx", ["vitest", "run", ...engines, "packages/chatkeep/test/conformance.test.ts"], env);
  if (suite !== 0) {
    const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    console.error(`\nTo see it again: ${set.join(" ")} npx vitest run packages/chatkeep/test/conformance.test.ts`);
    process.exit(suite);
  }
  // It says itself how it is seen again.
  const args = ["run", "test:chaos", "--", "--seconds", String(chaosSeconds), "--seed", String(seed)];
  const chaos = run("npm", args);
  if (chaos !== 0) process.exit(chaos);
}
