/** `npm run conformance:table`: runs the suite on every engine, and writes what came out into docs/conformance.md. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conformanceGroups } from "chatkeep/testing";

interface Report {
  testResults: { assertionResults: { title: string; status: string; ancestorTitles: string[] }[] }[];
}

const page = new URL("../../../docs/conformance.md", import.meta.url);
const engines = { pglite: "PGlite", pg18: "PostgreSQL 18", pg15: "PostgreSQL 15", neon: "Neon driver" };
const signs: Record<string, string> = {
  passed: "passed",
  skipped: "declared",
  pending: "declared",
  failed: "**failed**",
};

function outcomes(engine: string): Map<string, string> {
  const file = join(tmpdir(), `chatkeep-conformance-${process.pid}.json`);
  const suite = "packages/chatkeep/test/conformance.test.ts";
  spawnSync("npx", ["vitest", "run", "--project", engine, suite, "--reporter=json", `--outputFile=${file}`]);
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  rmSync(file);
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  return new Map(results.map(({ title, status }) => [title.split(" ")[0] ?? "", signs[status] ?? status]));
}

const columns = Object.entries(engines).map(([engine, name]) => {
  console.error(`running the suite on ${name} …`);
  return { name, outcome: outcomes(engine) };
});
const lines = conformanceGroups.flatMap(({ name, cases }) => [
  `### ${name}`,
  "",
  `| Case | | ${columns.map((column) => column.name).join(" | ")} |`,
  `|---|---|${columns.map(() => "---|").join("")}`,
  ...cases.map(
    ({ id, title }) =>
      `| ${id} | ${title} | ${columns.map(({ outcome }) => outcome.get(id) ?? "not run").join(" | ")} |`,
  ),
  "",
]);
const [before, , after] = readFileSync(page, "utf8").split(/(?<=<!-- cases -->\n)|(?=<!-- end of cases -->)/);
writeFileSync(page, `${before}${lines.join("\n")}${after}`);
