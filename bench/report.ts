/** Results as tables of Markdown between two marks of README.md, and as a plot. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Figures } from "./measure.ts";

export interface Section {
  title: string;
  /** What was done, and how to read the table. */
  text?: string;
  table: string[][];
}

const marks = ["<!-- results of npm run bench: begin -->", "<!-- end -->"] as const;
const readme = new URL("README.md", import.meta.url);

export const header = [
  "",
  "per second",
  "to the first",
  "p50",
  "p99",
  "statements",
  "CPU client",
  "CPU database",
  "WAL bytes",
];

export function rowOf(what: string, figures: Figures): string[] {
  const { name, perSecond, ratio, p50Us, p99Us, statements, clientCpuUs, databaseCpuUs, walBytes } = figures;
  return [
    `${what}${what && ", "}${name}`,
    whole(perSecond),
    ratio.toFixed(2),
    time(p50Us),
    time(p99Us),
    statements === undefined ? "" : statements.toFixed(2),
    time(clientCpuUs),
    databaseCpuUs === undefined ? "" : time(databaseCpuUs),
    walBytes === undefined ? "" : whole(walBytes),
  ];
}

export const whole = (value: number) => Math.round(value).toLocaleString("en");

export function time(micros: number): string {
  return micros < 1_000 ? `${micros.toFixed(0)} µs` : `${(micros / 1_000).toFixed(micros < 10_000 ? 1 : 0)} ms`;
}

export function printSection({ title, text, table }: Section): void {
  console.log(`\n${title}${text ? `\n${text}` : ""}`);
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table) {
    console.log(
      row.map((cell, column) => (column ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[0] ?? 0))).join("  "),
    );
  }
}

export function writeReadme(introduction: string, sections: readonly Section[]): void {
  const [begin, end] = marks;
  const text = readFileSync(readme, "utf8");
  const [before, rest = ""] = text.split(begin);
  const after = rest.slice(rest.indexOf(end) + end.length);
  const body = sections.map(({ title, text: words, table: [head = [], ...rows] }) => {
    const lines = [head, head.map((_, column) => (column ? "---:" : "---")), ...rows];
    return `### ${title}\n\n${words ? `${words}\n\n` : ""}${lines.map((row) => `| ${row.join(" | ")} |`).join("\n")}\n`;
  });
  writeFileSync(readme, `${before}${begin}\n\n${introduction}\n\n${body.join("\n")}\n${end}${after}`);
}

export interface Line {
  name: string;
  points: [x: number, y: number][];
}

const colours = ["#8a8a8a", "#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed"];
const [width, height, left, bottom, top, right] = [720, 400, 70, 50, 40, 210];

/** Lines on logarithmic axes, as SVG. */
export function plot(title: string, xTitle: string, yTitle: string, lines: readonly Line[]): string {
  const values = (which: 0 | 1) => lines.flatMap(({ points }) => points.map((point) => Math.log10(point[which])));
  const [minX, maxX] = [Math.min(...values(0)), Math.max(...values(0))];
  const [minY, maxY] = [Math.floor(Math.min(...values(1))), Math.ceil(Math.max(...values(1)))];
  const x = (value: number) => left + ((Math.log10(value) - minX) / (maxX - minX)) * (width - left - right);
  const y = (value: number) => height - bottom - ((Math.log10(value) - minY) / (maxY - minY)) * (height - bottom - top);
  const text = (at: [number, number], words: string, anchor = "middle", rest = "") =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}" ${rest}>${words}</text>`;
  const decades = Array.from({ length: maxY - minY + 1 }, (_, index) => 10 ** (minY + index));
  const steps = [...new Set(lines.flatMap(({ points }) => points.map(([value]) => value)))];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text([left, 22], title, "start", 'font-size="14" font-weight="bold"'),
    ...decades.flatMap((value) => [
      `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" stroke="#e5e7eb"/>`,
      text([left - 8, y(value) + 4], time(value), "end"),
    ]),
    ...steps.map((value) => text([x(value), height - bottom + 18], whole(value))),
    text([(left + width - right) / 2, height - 10], xTitle),
    text([left, top - 6], yTitle, "end", 'fill="#6b7280"'),
    ...lines.flatMap(({ name, points }, index) => {
      const colour = colours[index % colours.length];
      const place = 60 + index * 20;
      return [
        `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ")}"/>`,
        ...points.map(([a, b]) => `<circle cx="${x(a).toFixed(1)}" cy="${y(b).toFixed(1)}" r="3" fill="${colour}"/>`),
        `<line x1="${width - right + 14}" x2="${width - right + 34}" y1="${place}" y2="${place}" stroke="${colour}" stroke-width="2"/>`,
        text([width - right + 40, place + 4], name, "start"),
      ];
    }),
    "</svg>",
    "",
  ].join("\n");
}
