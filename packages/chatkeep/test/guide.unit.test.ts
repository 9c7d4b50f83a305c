/**
 * The code of every page of docs/guide type-checks. A block whose fence says `file=path` is that file, in a host with a sign-in and
 * tables of its own; one without is a file by itself; one that says `run` also runs, and ends without an error.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = join(root, `.cache/guide-${process.pid}`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Block {
  page: string;
  path: string;
  runs: boolean;
  code: string;
}

const pages = readdirSync(join(root, "docs/guide")).map((name) => name.replace(".md", ""));
const blocks = pages.flatMap(blocksOf);

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, `docs/guide/${page}.md`), "utf8");
  return [...text.matchAll(/^```(tsx?)\b(.*)\n([\s\S]*?)^```/gm)].map(([, language, words = "", code = ""], index) => {
    const path = /file=(\S+)/.exec(words)?.[1] ?? `block-${index + 1}.${language}`;
    return { page, path, runs: /\brun\b/.test(words), code: `${code}\nexport {};\n` };
  });
}

/** What a host has already. */
const host = {
  "lib/auth.ts": "export const userIdOf = (request: Request) => request.headers.get('x-user') ?? undefined;",
  "lib/tools.ts": "export const tools = {};",
  "lib/database.ts": "import { openPg } from 'chatkeep/pg'; export const connection = openPg({ url: '' });",
  "lib/tables.ts": `import { chatTables } from "chatkeep";
    export const tables = chatTables({ user: { table: "user", column: "id", type: "uuid" } });`,
  "lib/prisma.ts": `import type { PrismaLike } from "chatkeep/prisma";
    export declare const prisma: PrismaLike & { $transaction<R>(work: (tx: PrismaLike) => Promise<R>): Promise<R> };`,
};

/** Of what is not installed here, as much as the pages use, by its own documentation. */
const notInstalled = `
  declare module "next/server" {
    export function after(task: Promise<unknown> | (() => unknown)): void;
  }
  declare module "next/headers" {
    export function headers(): Promise<Headers>;
  }
  declare module "next/navigation" {
    export function notFound(): never;
  }
  declare module "express" {
    import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
    export interface Request extends IncomingMessage { params: Record<string, string>; body: unknown }
    export interface Response extends ServerResponse { status(code: number): Response; json(body: unknown): Response }
    type Handler = (request: Request, response: Response, next: (error?: unknown) => void) => unknown;
    type ErrorHandler = (error: unknown, request: Request, response: Response, next: (error?: unknown) => void) => unknown;
    interface Express extends RequestListener {
      (request: IncomingMessage, response: ServerResponse): void;
      use(path: string, handler: Handler): Express;
      use(handler: ErrorHandler): Express;
      get(path: string, handler: Handler): Express;
      listen(port: number): unknown;
    }
    export default function express(): Express;
  }
  declare module "fastify" {
    import type { IncomingMessage, ServerResponse } from "node:http";
    interface Request { raw: IncomingMessage; body?: unknown }
    interface Reply { raw: ServerResponse; hijack(): unknown }
    interface Fastify {
      all(path: string, handler: (request: Request, reply: Reply) => unknown): Fastify;
      listen(options: { port: number }): Promise<string>;
    }
    export default function fastify(): Fastify;
  }
  declare module "next-auth" {
    type Session = { user?: { id?: string } };
    export default function NextAuth(config: object): { auth(): Promise<Session | null> };
  }
  declare module "@clerk/backend" {
    export function createClerkClient(options: { secretKey?: string; publishableKey?: string }): {
      authenticateRequest(request: Request): Promise<{ isAuthenticated: boolean; toAuth(): { userId: string | null } | null }>;
    };
  }
`;

it("the code of the guide type-checks", () => {
  for (const page of pages) for (const [path, code] of Object.entries(host)) write(join(page, path), code);
  // What is made once on one page is there on all of them.
  for (const block of blocks.filter(({ page, path }) => page === "replies" && path.startsWith("lib/")))
    for (const page of pages) write(join(page, block.path), block.code);
  for (const { page, path, code } of blocks) write(join(page, path), code);
  write("not-installed.d.ts", notInstalled);
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(join(root, "packages/server/node_modules/better-auth"), join(folder, "node_modules/better-auth"));
  const compilerOptions = {
    noEmit: true,
    composite: false,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: false,
    lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"],
    jsx: "react-jsx",
    rootDir: "../..",
  };
  const config = { extends: "../../tsconfig.base.json", compilerOptions, include: ["."] };
  write("tsconfig.json", JSON.stringify(config));
  const { stdout } = spawnSync("npx", ["tsc", "-p", folder], { cwd: root, encoding: "utf8" });
  // Of the pages only: the library's own code is checked elsewhere, without the types of a browser.
  expect(stdout.split("\n").filter((line) => line.startsWith(".cache/"))).toEqual([]);
}, 60_000);

it.each(blocks.filter(({ runs }) => runs).map(({ page, path }) => [`${page}.md`, join(page, path)]))(
  "the code of %s that says so runs",
  (_page, path) => {
    const file = join(folder, path);
    const { stderr, status } = spawnSync(process.execPath, ["-C", "chatkeep-source", file], { encoding: "utf8" });
    expect([stderr, status]).toEqual(["", 0]);
  },
);

it("the pages of the guide are all in its index", () => {
  const index = readFileSync(join(root, "docs/guide/README.md"), "utf8");
  const missing = pages.filter((page) => page !== "README" && !index.includes(`(${page}.md)`));
  expect(missing).toEqual([]);
});

it("a route of Next.js has ten lines at most", () => {
  for (const { path, code } of blocks.filter(({ path }) => path.endsWith("route.ts"))) {
    const lines = code.replace("\nexport {};\n", "").split("\n");
    expect([path, lines.filter((line) => line.trim() !== "").length <= 10]).toEqual([path, true]);
  }
});

function write(path: string, code: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), code);
}
