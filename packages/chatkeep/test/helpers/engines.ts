/** Started once for each vitest project, which is named for its engine: a server if it needs one, and two migrated databases to copy. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, migrate } from "chatkeep";
import { sql } from "drizzle-orm";
import type { TestProject } from "vitest/node";
import { migrations } from "../../../server/src/migrations.generated.ts";
import { startNeonProxy } from "./neon-proxy.ts";
import { ownMigrations } from "./people.ts";
import { installedPostgres15, startPostgres } from "./throwaway-postgres.ts";
import { createLimitedRole, wall } from "./walled.ts";
import { openPg, openPglite } from "./with-drizzle.ts";

/** `store`: a host's user table and the chat tables. `server`: everything that the server has. `empty`: nothing. */
export type Template = "store" | "server" | "empty";

export type EngineName = "pglite" | "pg18" | "pg15" | "neon" | "citus";

declare module "vitest" {
  interface ProvidedContext {
    engine: EngineName;
    /** Row-level security stands before the chats, and the role of stores is no superuser. */
    isWalled: boolean;
    /** The folder of PGlite's dumps, or the URL of PostgreSQL's first database. */
    source: string;
    neonProxyPort: number;
  }
}

const prepare: Record<Exclude<Template, "empty">, (connection: Connection) => Promise<unknown>> = {
  store: (connection) => migrate(connection, ownMigrations),
  server: (connection) => migrate(connection, migrations),
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const isWalled = project.name === "walled";
  const engine = isWalled || project.name === "e2e" ? "pg18" : (project.name as EngineName);
  project.provide("isWalled", isWalled);
  project.provide("engine", engine);
  project.provide("neonProxyPort", 0);
  if (engine === "pglite") return setupPglite(project);
  if (engine === "citus") {
    project.provide("source", process.env["TEST_CITUS_URL"] ?? "");
    return async () => {};
  }
  const postgres = await startPostgres(engine === "pg15" ? installedPostgres15() : undefined);
  project.provide("source", postgres.url);
  if (isWalled) {
    await using admin = openPg({ url: postgres.url });
    await createLimitedRole(admin);
  }
  for (const [name, make] of Object.entries(prepare))
    await setupTemplate(postgres.url, name, isWalled ? walled(make) : make);
  if (engine !== "neon") return postgres.stop;
  const proxy = await startNeonProxy(postgres.port);
  project.provide("neonProxyPort", proxy.port);
  return async () => {
    await proxy.stop();
    await postgres.stop();
  };
}

function walled(make: (connection: Connection) => Promise<unknown>) {
  return async (connection: Connection) => {
    await make(connection);
    await wall(connection);
  };
}

async function setupPglite(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "chatkeep-pglite-"));
  project.provide("source", folder);
  for (const [name, make] of Object.entries({ ...prepare, empty: async () => {} })) {
    await using connection = await openPglite();
    await make(connection);
    const dump = await connection.client.dumpDataDir("none");
    writeFileSync(join(folder, `${name}.tar`), Buffer.from(await dump.arrayBuffer()));
  }
  return async () => rmSync(folder, { recursive: true });
}

async function setupTemplate(
  url: string,
  name: string,
  make: (connection: Connection) => Promise<unknown>,
): Promise<void> {
  const target = new URL(url);
  target.pathname = `template_${name}`;
  {
    await using admin = openPg({ url });
    await admin.db.execute(sql.raw(`create database template_${name}`));
  }
  await using connection = openPg({ url: target.href });
  await make(connection);
}
