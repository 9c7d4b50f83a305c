/** chatkeep on PostgreSQL through node-postgres. A dropped connection never ends the process, and nothing waits without a limit. */
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { Client, type ClientBase, Pool } from "pg";
import { offerUnlimited } from "../unlimited.ts";
import { type Listen, listenOn } from "./listen.ts";
import { Connections } from "./pool.ts";
import { pooledSessionSettings, sessionSettings } from "./session-settings.ts";
import { timeouts } from "./timeouts.ts";

export interface PgOptions {
  /**
   * `postgres://user:password@host:port/database`. With `?pgbouncer=true` for a pooler that gives each transaction another
   * connection: then no statement is kept prepared, no setting is sent at the start, and nothing listens.
   */
  url: string;
  /** Connections at most; 10 when left out. */
  maxConnections?: number;
  /** For how long to wait for a connection; 10 seconds when left out. */
  connectTimeoutMs?: number;
  /** For how long a statement may run; 30 seconds when left out. 0 sends no such setting, as some poolers want. */
  statementTimeoutMs?: number;
}

export interface PgConnection extends AsyncDisposable {
  engine: "pg";
  db: NodePgDatabase;
  pool: Pool;
  /** On a connection of its own. Missing behind a pooler. */
  listen: Listen | undefined;
  close(): Promise<void>;
}

/** Opens a pool. Nothing connects before the first statement. */
export function openPg({
  url,
  maxConnections = 10,
  connectTimeoutMs = timeouts.connect,
  statementTimeoutMs = timeouts.statement,
}: PgOptions): PgConnection {
  const isPooled = URL.parse(url)?.searchParams.get("pgbouncer") === "true";
  const connections = new Connections<ClientBase>();
  const limit = statementTimeoutMs && { query_timeout: statementTimeoutMs + timeouts.grace };
  const connection = {
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: timeouts.keepAlive,
    application_name: "chatkeep",
  };
  const pool = new Pool({
    ...connection,
    max: maxConnections,
    ...limit,
    ...(statementTimeoutMs &&
      !isPooled && {
        statement_timeout: statementTimeoutMs,
        idle_in_transaction_session_timeout: statementTimeoutMs,
      }),
    onConnect: async (client: ClientBase) => {
      connections.add(client);
      if (isPooled) prepareNothing(client);
      await client.query(isPooled ? pooledSessionSettings : sessionSettings);
    },
  });
  connections.watch(pool);
  const db = drizzle(pool);
  if (statementTimeoutMs) {
    offerUnlimited(db, () => openPg({ url, maxConnections: 1, connectTimeoutMs, statementTimeoutMs: 0 }));
  }
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= connections.end(pool);
    return closed;
  };
  const listen: Listen = (channel, handlers) =>
    listenOn(new Client({ ...connection, query_timeout: timeouts.statement + timeouts.grace }), channel, handlers);
  return { engine: "pg", db, pool, listen: isPooled ? undefined : listen, close, [Symbol.asyncDispose]: close };
}

/** A statement that was prepared on one connection of a pooler is unknown to the next: it is sent without its name. */
function prepareNothing(client: ClientBase): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  const unnamed = (given: unknown) =>
    given && typeof given === "object" && "name" in given ? { ...given, name: undefined } : given;
  client.query = ((first: unknown, ...rest: unknown[]) => query(unnamed(first), ...rest)) as typeof client.query;
}
