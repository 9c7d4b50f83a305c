/** chatkeep on PostgreSQL through node-postgres. A dropped connection never ends the process, and nothing waits without a limit. */
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { Client, Pool, type PoolClient } from "pg";
import { type Listen, listenOn } from "./listen.ts";
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
    ...(statementTimeoutMs && { query_timeout: statementTimeoutMs + timeouts.grace }),
    ...(statementTimeoutMs &&
      !isPooled && {
        statement_timeout: statementTimeoutMs,
        idle_in_transaction_session_timeout: statementTimeoutMs,
      }),
  });
  ignoreDroppedConnections(pool);
  if (isPooled) pool.on("connect", prepareNothing);
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= pool.end();
    return closed;
  };
  const listen: Listen = (channel, handlers) => listenOn(new Client(connection), channel, handlers);
  return {
    engine: "pg",
    db: drizzle(pool),
    pool,
    listen: isPooled ? undefined : listen,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A statement that was prepared on one connection of a pooler is unknown to the next: it is sent without its name. */
function prepareNothing(client: PoolClient): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  const unnamed = (given: unknown) =>
    given && typeof given === "object" && "name" in given ? { ...given, name: undefined } : given;
  client.query = ((first: unknown, ...rest: unknown[]) => query(unnamed(first), ...rest)) as typeof client.query;
}

/** A lost connection is told to whoever has a statement on it; without these listeners it would also end the process. */
function ignoreDroppedConnections(pool: Pool): void {
  pool.on("error", () => {});
  pool.on("connect", (client: PoolClient) => client.on("error", () => {}));
}
