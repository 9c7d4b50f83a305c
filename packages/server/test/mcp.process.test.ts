/** MCP by the protocol's own conformance suite, and on standard input and output by the SDK's client. */
import { type SpawnSyncReturns, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createAdaptorServer } from "@hono/node-server";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { createStore, migrate } from "chatkeep";
import { mcpHandler } from "chatkeep/mcp";
import { openPglite } from "chatkeep/pglite";
import { drizzle } from "drizzle-orm/pglite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { childEnvironment } from "../../chatkeep/test/helpers/child-environment.ts";
import { migrations } from "../src/migrations.generated.ts";
import { models, user } from "../src/models/index.ts";

const ann = "a0000000-0000-4000-8000-00000000000a";
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "chatkeep-mcp-"));
  await using connection = await openPglite({ dataDir: join(folder, "db") });
  await migrate(connection, migrations);
  await drizzle(connection.client).insert(user).values({ id: ann, name: "Ann", email: "ann@example.com" });
  const mine = createStore(connection, models).forUser(ann);
  await mine.conversations.create({
    id: "c",
    title: "Bread",
    messages: [{ role: "user", content: "How does sourdough rise?" }],
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Result = Pick<SpawnSyncReturns<string>, "status" | "stdout">;

async function run(args: string[]): Promise<Result> {
  const child = spawn(process.execPath, args, { env: childEnvironment, cwd: folder });
  let stdout = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (some) => (stdout += String(some)));
  const [status] = await once(child, "exit");
  return { status: status as number, stdout };
}

it("passes the conformance suite, but for what needs the suite's own tools", async () => {
  await using connection = await openPglite({ dataDir: join(folder, "db") });
  let port = 0;
  const store = createStore(connection, models);
  const http = createAdaptorServer({
    fetch: (request: Request) => mcpHandler({ store, url: `http://localhost:${port}`, getUserId: () => ann })(request),
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  port = (http.address() as AddressInfo).port;
  try {
    const suite = fileURLToPath(import.meta.resolve("@modelcontextprotocol/conformance/dist/index.js"));
    const baseline = fileURLToPath(new URL("mcp-conformance-baseline.yml", import.meta.url));
    const url = `http://localhost:${port}/mcp`;
    const { status, stdout } = await run([suite, "server", "--url", url, "--expected-failures", baseline]);
    expect(status, stdout).toBe(0);
    expect(stdout).toContain("server-initialize");
  } finally {
    await new Promise((resolve) => http.close(resolve));
  }
});

it("serves a program that starts it, on standard input and output", async () => {
  const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
  const client = new Client({ name: "test", version: "1.0.0" });
  const args = ["-C", "chatkeep-source", cli, "mcp", "--user", "ann@example.com"];
  const env = { ...childEnvironment, CHATKEEP_DATA: folder } as Record<string, string>;
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env, cwd: folder }));
  const found = await client.callTool({ name: "search", arguments: { query: "sourdough" } });
  expect(found.structuredContent).toEqual({
    results: [{ id: expect.stringMatching(/^c\//), title: "Bread", url: "" }],
  });
  await client.close();
  const nobody = await run(["-C", "chatkeep-source", cli, "mcp", "--user", "bob@example.com"]);
  expect(nobody.status).not.toBe(0);
});
