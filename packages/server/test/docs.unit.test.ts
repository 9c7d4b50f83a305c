import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createApp, createAuth, createLog, createOfflineModel } from "@chatkeep/server";
import { createStore, limits, statusOf } from "chatkeep";
import { isTable } from "drizzle-orm";
import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import { expect, it } from "vitest";
// @ts-expect-error plain JavaScript, for whatever Node there is
import { quoted } from "../../../scripts/shell.mjs";
import { openPglite } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { environment } from "../src/commands/environment.ts";
import { readConfig } from "../src/config.ts";
import * as schema from "../src/models/index.ts";
import { models } from "../src/models/index.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (path: string) => readFileSync(root + path, "utf8");

const guides = readdirSync(`${root}docs/guide`).map((name) => `docs/guide/${name}`);

const sampleOf = (path: string) => /```ts\n([\s\S]*?)```/.exec(read(path))?.[1] ?? "";

it.each([
  ["packages/chatkeep/README.md", 16, "How do I bake bread?\n"],
  ["packages/server/README.md", 20, "200\n"],
])("the sample of %s runs", (path, lines, output) => {
  const sample = sampleOf(path);
  const code = sample.split("\n").filter((line) => line.trim() !== "");
  expect(code.length).toBeLessThanOrEqual(lines);
  // Node 22, which the packages allow, cannot read it.
  expect(sample).not.toMatch(/^\s*(await )?using /m);
  mkdirSync(`${root}.cache`, { recursive: true });
  const file = `${root}.cache/readme-${process.pid}.ts`;
  writeFileSync(file, sample);
  const { stdout, stderr } = spawnSync(process.execPath, ["-C", "chatkeep-source", file], { encoding: "utf8" });
  rmSync(file);
  expect([stdout, stderr]).toEqual([output, ""]);
});

it("the route of README.md is that of the guide, where it is type-checked", () => {
  const route = sampleOf("README.md");
  expect(route.split("\n").filter(Boolean).length).toBeLessThanOrEqual(10);
  expect(read("docs/guide/replies.md")).toContain(route);
});

it("what is started on Windows has its words quoted for the shell there", () => {
  const words = ["serve", "C:\\My Chats\\a.jsonl", 'say "hi"', "C:\\My Chats\\", "a&b", ""];
  expect(words.map((word) => quoted(word, true))).toEqual([
    "serve",
    '"C:\\My Chats\\a.jsonl"',
    '"say \\"hi\\""',
    '"C:\\My Chats\\\\"',
    '"a&b"',
    '""',
  ]);
  expect(words.map((word) => quoted(word, false))).toEqual(words);
});

it("every link of the documentation leads somewhere", () => {
  const pages = [
    "README.md",
    "llms.txt",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "packages/chatkeep/README.md",
    "packages/server/README.md",
    "SECURITY.md",
    "bench/README.md",
    ...guides,
    ...readdirSync(`${root}docs/decisions`).map((name) => `docs/decisions/${name}`),
    ...readdirSync(`${root}docs`)
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ];
  for (const page of pages) {
    for (const [, link = ""] of read(page).matchAll(/\]\(([^)#\s]+)\)/g)) {
      // On npm a link must be whole; it leads to this repository all the same.
      const path = link.replace("https://github.com/chatkeep/chatkeep/blob/main/", `file://${root}`);
      if (/^https?:/.test(path)) continue;
      const target = new URL(path, `file://${root}${page}`);
      expect([page, link, existsSync(target)]).toEqual([page, link, true]);
    }
  }
});

it("llms.txt has a title, a summary, and every page of the documentation with a sentence", () => {
  const text = read("llms.txt");
  expect(text).toMatch(/^# chatkeep\n\n> .+\n/);
  const links = text.split("\n").filter((line) => line.startsWith("- "));
  expect(links.filter((line) => !/^- \[[^\]]+\]\([^)]+\): \S/.test(line))).toEqual([]);
  const pages = readdirSync(`${root}docs`).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : []));
  const missing = [...pages, ...guides].filter((page) => !page.endsWith("README.md") && !text.includes(`(${page})`));
  expect(missing).toEqual([]);
});

it("errors.md has every code with its status, and none that does not exist", () => {
  const rows = [...read("docs/errors.md").matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  expect(Object.fromEntries(rows)).toEqual(statusOf);
});

it("errors.md has the limits", () => {
  const text = read("docs/errors.md");
  expect(text).toContain(`title | ${limits.titleCharacters} characters`);
  expect(text).toContain(`${limits.messageBytes / 1024 / 1024} MiB each`);
  expect(text).toContain(`| ${limits.messagesPerAppend} |`);
  expect(text).toContain(
    `1 to ${limits.pageSize}, of messages 1 to ${limits.messagePageSize}; ${limits.conversationsPerPage} conversations, ${limits.messagesPerPage} messages`,
  );
});

it("schema.md names every table and column", () => {
  const text = read("docs/schema.md");
  const sections = new Map(
    text
      .split(/^\*\*(?=\w+\*\*)/m)
      .slice(1)
      .map((section) => [section.split("**")[0], section]),
  );
  for (const table of Object.values<unknown>(schema)) {
    if (!isTable(table)) continue;
    const { name, columns } = getTableConfig(table as PgTable);
    for (const column of columns)
      expect([name, sections.get(name) ?? ""]).toEqual([name, expect.stringContaining(`\`${column.name}\``)]);
  }
});

it("http-api.md names every route of the OpenAPI document, and none that does not exist", async () => {
  await using database = await openPglite();
  const { db } = database;
  const log = createLog("silent");
  const auth = createAuth({ db, secret: "x".repeat(32), url: "http://chatkeep.test", log });
  const { app } = createApp({
    connection: database,
    db,
    store: createStore(database, models),
    auth,
    log,
    url: "http://chatkeep.test",
    model: createOfflineModel(),
  });
  const { paths } = (await (await app.request("/openapi.json")).json()) as { paths: Record<string, object> };
  const real = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const told = [...read("docs/http-api.md").matchAll(/\b(GET|POST|PUT|PATCH|DELETE) (\/[\w/{}.-]+)/g)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  expect([...new Set(told)].filter((route) => route !== "GET /openapi.json").sort()).toEqual(real.sort());
});

it("deploy.md and --help have every setting", () => {
  const source = read("packages/server/src/config.ts") + read("packages/server/src/config-models.ts");
  const settings = [...source.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name);
  expect(settings.length).toBeGreaterThan(8);
  for (const name of settings) expect(read("docs/deploy.md")).toContain(`\`${name}\``);
  const helped = new Set(environment.match(/\b[A-Z][A-Z_]{3,}\b/g));
  expect(settings.filter((name) => !helped.has(name ?? ""))).toEqual([]);
  expect(readConfig({}, {}).port).toBe(3000);
});
