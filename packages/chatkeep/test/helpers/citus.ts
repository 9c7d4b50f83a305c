/** A database of its own on the Citus cluster that `TEST_CITUS_URL` leads to, whose tables are spread over its nodes. */
import { type Connection, distributeTables, migrate } from "chatkeep";
import { openPg } from "chatkeep/pg";
import { distribute } from "../../../server/src/distribute.ts";
import { migrations } from "../../../server/src/migrations.generated.ts";
import type { Template } from "./engines.ts";
import { models, ownMigrations } from "./people.ts";

/** Of each table. */
const shards = 4;

export async function makeCitusDatabase(source: string, name: string, template: Template): Promise<string> {
  await using admin = openPg({ url: source, maxConnections: 1 });
  const rows = await admin.query("select nodename, nodeport, groupid::text from pg_dist_node order by groupid");
  const addressOf = (host: unknown, port: unknown, database: string) => {
    const url = new URL(source);
    [url.hostname, url.port, url.pathname] = [String(host), String(port), database];
    return url.href;
  };
  for (const [host, port] of rows) {
    {
      await using node = openPg({ url: addressOf(host, port, "postgres"), maxConnections: 1 });
      await node.query(`create database ${name}`);
    }
    await using inside = openPg({ url: addressOf(host, port, name), maxConnections: 1 });
    await inside.query("create extension citus");
  }
  const url = addressOf(rows[0]?.[0], rows[0]?.[1], name);
  await using coordinator = openPg({ url, maxConnections: 1 });
  for (const [host, port, group] of rows) {
    const join = group === "0" ? "citus_set_coordinator_host" : "citus_add_node";
    await coordinator.query(`select ${join}($1::text, $2::int)`, [String(host), Number(port)]);
  }
  await coordinator.query(`alter database ${name} set citus.shard_count = ${shards}`);
  await prepare[template](coordinator);
  return url;
}

const prepare: Record<Template, (connection: Connection) => Promise<void>> = {
  store: async (connection) => {
    await migrate(connection, ownMigrations);
    await distributeTables(connection, models);
  },
  server: async (connection) => {
    await migrate(connection, migrations);
    await distribute(connection);
  },
  empty: async () => {},
};
