/** What came of a run, as a table, and what was wrong in words. */
import type { Journal } from "./journal.ts";
import type { Outcome } from "./on-postgres.ts";

export interface Part {
  name: string;
  journal: Journal;
  faults: ReadonlyMap<string, number>;
  outcome: Outcome;
  seconds: number;
}

const named = 5;

/** Whether everything is as it was promised. */
export function isSound(part: Part): boolean {
  return faultsOf(part).every(([, list]) => list.length === 0);
}

/** All that must be empty. */
function faultsOf({ journal, outcome }: Part): [kind: string, list: readonly string[]][] {
  const { findings, overwritten, misread, serverFaults } = outcome;
  return [
    ...(Object.entries(findings) as [string, string[]][]),
    ["overwritten", overwritten],
    ["misread", misread],
    ["servers at fault", serverFaults],
    ["wrong answers", [...journal.refusals].flatMap(([what, count]) => Array<string>(count).fill(what))],
    ["never answered", Array<string>(journal.gaveUp).fill("a request, though all was well again for a minute")],
  ];
}

export function report(parts: readonly Part[]): string {
  const kinds = [...new Set(parts.flatMap(({ faults }) => [...faults.keys()]))];
  const table: [string, ...(string | number)[]][] = [
    ["", ...parts.map(({ name }) => name)],
    ["seconds", ...parts.map(({ seconds }) => seconds.toFixed(0))],
    ...kinds.map((kind): [string, ...number[]] => [kind, ...parts.map(({ faults }) => faults.get(kind) ?? 0)]),
    ["faults", ...parts.map(({ faults }) => sum([...faults.values()]))],
    ...figures.map(([name, figure]): [string, ...number[]] => [name, ...parts.map((part) => figure(part.journal))]),
    ...Object.keys(Object.fromEntries(parts.flatMap(faultsOf))).map((kind): [string, ...number[]] => [
      kind.toUpperCase(),
      ...parts.map((part) => faultsOf(part).find(([name]) => name === kind)?.[1].length ?? 0),
    ]),
  ];
  return [lines(table), ...parts.map(wordsOf)].filter(Boolean).join("\n\n");
}

const figures: [name: string, figure: (journal: Journal) => number][] = [
  ["requests cut off or too slow", ({ requestsCut }) => requestsCut],
  ["requests told to come later", ({ requestsRefused }) => requestsRefused],
  ["streams cut off", ({ streamsCut }) => streamsCut],
  ["stops", ({ stops }) => stops],
  ["pairs acknowledged", pairsOf],
  ["questions acknowledged", ({ questions }) => questions.filter(({ isAcknowledged }) => isAcknowledged).length],
  [
    "conversations acknowledged",
    ({ conversations }) => [...conversations.values()].filter(({ isAcknowledged }) => isAcknowledged).length,
  ],
  ["replies followed to their end", ({ followed }) => followed],
];

function pairsOf({ appends }: Journal): number {
  return sum(appends.map(({ isAcknowledged, messages }) => (isAcknowledged ? messages.length / 2 : 0)));
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

function lines(table: readonly (readonly (string | number)[])[]): string {
  const widths = [0, 1, 2].map((column) => Math.max(0, ...table.map((row) => String(row[column] ?? "").length)));
  return table
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? String(cell).padEnd(widths[0] ?? 0) : String(cell).padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

/** The first of each kind, and how often the same was seen. */
function wordsOf(part: Part): string {
  const words = faultsOf(part).flatMap(([kind, list]) => {
    const counted = [...Map.groupBy(list, (each) => each)].map(([what, all]) =>
      all.length > 1 ? `${what} (${all.length} times)` : what,
    );
    const rest = counted.length > named ? [`… and ${counted.length - named} more`] : [];
    return [...counted.slice(0, named), ...rest].map((what) => `${part.name}, ${kind}: ${what}`);
  });
  return words.join("\n");
}
