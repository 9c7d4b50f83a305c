/**
 * `npm run bench:stores`: runs the conformance suite against other stores as npm has them, each in a process of its own with a
 * limit of time, and writes docs/conformance-of-others.md. `-- mastra-pg` runs one store and prints what failed and why,
 * `-- mastra-pg --only "P1.[1-4] "` some of its cases; `-- --page` writes the page from the
 * reports of the last run;
 * `-- --seed 5 --rounds 20` as in the suite.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startVitest } from "vitest/node";
import { type Outcome, writePage } from "./page.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    child: { type: "string" },
    output: { type: "string" },
    reports: { type: "string", default: join(tmpdir(), "chatkeep-stores") },
    page: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "20" },
    seed: { type: "string", default: "20261126" },
  },
});
const folder = fileURLToPath(new URL(".", import.meta.url));
const limitMs = 25 * 60_000;

interface Report {
  testResults: { assertionResults: { title: string; status: string; failureMessages: string[] }[] }[];
}

if (flags.child) await runSuite(flags.child, flags.output ?? "");
else runAll();

/** In a process of its own: vitest on `suite.ts`. */
async function runSuite(store: string, output: string): Promise<void> {
  const conditions = ["chatkeep-source"];
  const vitest = await startVitest(
    "test",
    [],
    {
      root: folder,
      config: false,
      include: ["suite.ts"],
      watch: false,
      pool: "forks",
      execArgv: ["-C", "chatkeep-source"],
      testTimeout: 60_000,
      testNamePattern: flags.only,
      hookTimeout: 120_000,
      reporters: ["json"],
      outputFile: output,
      // A driver that throws where nobody can catch it harms the process, and not the case that has passed by then.
      dangerouslyIgnoreUnhandledErrors: true,
      provide: { store, rounds: Number(flags.rounds), seed: Number(flags.seed) },
    },
    { resolve: { conditions }, ssr: { resolve: { conditions, externalConditions: conditions } } },
  );
  await vitest.close();
  process.exit();
}

function runAll(): void {
  const known = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory());
  const names = known.map(({ name }) => name).filter((name) => existsSync(join(folder, name, "adapter.ts")));
  const wanted = positionals.length > 0 ? positionals : names;
  const outcomes: Outcome[] = [];
  mkdirSync(flags.reports, { recursive: true });
  for (const store of wanted) {
    const output = join(flags.reports, `${store}.json`);
    if (!flags.page) runStore(store, output);
    const report = JSON.parse(readFileSync(output, "utf8")) as Report;
    const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    const ofCase = new Map(results.map((each) => [each.title.split(" ")[0] ?? "", each]));
    outcomes.push({ store, results: new Map([...ofCase].map(([id, { status }]) => [id, status])) });
    const passed = results.filter(({ status }) => status === "passed").length;
    const failed = results.filter(({ status }) => status === "failed");
    console.error(`${store}: ${passed} kept, ${failed.length} not`);
    for (const { title, failureMessages } of failed) {
      console.error(`  ${title}\n    ${failureMessages.join("\n").slice(0, 1_000).replaceAll("\n", "\n    ")}`);
    }
  }
  if (positionals.length === 0) void writePage(outcomes, `--seed ${flags.seed} --rounds ${flags.rounds}`);
}

/** In a process of its own, with a limit of time; leaves its report. */
function runStore(store: string, output: string): void {
  install(store);
  rmSync(output, { force: true });
  console.error(`running the suite on ${store} …`);
  const self = [fileURLToPath(import.meta.url), "--child", store, "--output", output];
  const options = ["--rounds", flags.rounds, "--seed", flags.seed, "--only", flags.only];
  spawnSync(process.execPath, ["-C", "chatkeep-source", ...self, ...options], {
    stdio: "ignore",
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  if (!existsSync(output)) throw new Error(`The suite on ${store} did not end within ${limitMs / 60_000} minutes.`);
}

/** The packages of a folder, from its own lock file. */
function install(store: string): void {
  if (existsSync(join(folder, store, "node_modules"))) return;
  console.error(`installing the packages of ${store} …`);
  const { status } = spawnSync("npm", ["ci", "--legacy-peer-deps"], { cwd: join(folder, store), stdio: "inherit" });
  if (status !== 0) throw new Error(`npm ci failed in bench/stores/${store}.`);
}
