/** The code of docs/guide/replies.md type-checks: each block is the file that its fence names, in a host with a sign-in and tables of its own. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = join(root, `.cache/guide-replies-${process.pid}`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the host has already, and what is not installed here. */
const host = {
  "lib/auth.ts": "export const userIdOf = (request: Request) => request.headers.get('x-user') ?? undefined;",
  "lib/tools.ts": "export const tools = {};",
  "lib/database.ts": "import { openPg } from 'chatkeep/pg'; export const connection = openPg({ url: '' });",
  "lib/tables.ts": `import { chatTables } from "chatkeep";
    export const tables = chatTables({ user: { table: "user", column: "id", type: "uuid" } });`,
  "next.d.ts":
    "declare module 'next/server' { export function after(task: Promise<unknown> | (() => unknown)): void; }",
};

it("the code of docs/guide/replies.md type-checks", () => {
  const text = readFileSync(join(root, "docs/guide/replies.md"), "utf8");
  const blocks = [...text.matchAll(/```tsx? file=(\S+)\n([\s\S]*?)```/g)].map(([, path = "", code = ""]) => [
    path,
    code,
  ]);
  expect(blocks.length).toBe([...text.matchAll(/```tsx?\b/g)].length);
  const files: Record<string, string> = { ...host, ...Object.fromEntries(blocks) };
  rmSync(folder, { recursive: true, force: true });
  for (const [path, code] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), code);
  }
  const compilerOptions = {
    noEmit: true,
    composite: false,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: false,
    rootDir: "../..",
  };
  const config = { extends: "../../tsconfig.base.json", compilerOptions, include: ["."] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const { stdout } = spawnSync("npx", ["tsc", "-p", folder], { cwd: root, encoding: "utf8" });
  expect(stdout).toBe("");
});

it("a route of Next.js has ten lines at most", () => {
  const text = readFileSync(join(root, "docs/guide/replies.md"), "utf8");
  const [, route = ""] = /file=app\S+\n([\s\S]*?)```/.exec(text) ?? [];
  expect(route.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(10);
});
