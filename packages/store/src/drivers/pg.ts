/** chatkeep on PostgreSQL through node-postgres. A dropped connection never ends the process, and nothing waits without a limit. */
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { Pool } from "pg";
import { timeouts } from "./timeouts.ts";

export interface PgOptions {
  /** `postgres://user:password@host:port/database` */
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
  close(): Promise<void>;
}

/** Opens a pool. Nothing connects before the first statement. */
export function openPg({
  url,
  maxConnections = 10,
  connectTimeoutMs = timeouts.connect,
  statementTimeoutMs = timeouts.statement,
}: PgOptions): PgConnection {
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: timeouts.keepAlive,
    application_name: "chatkeep",
    ...(statementTimeoutMs && {
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + timeouts.grace,
      idle_in_transaction_session_timeout: statementTimeoutMs,
    }),
  });
  ignoreDroppedConnections(pool);
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= pool.end();
    return closed;
  };
  return { engine: "pg", db: drizzle(pool), pool, close, [Symbol.asyncDispose]: close };
}

/** A lost connection is told to whoever has a statement on it; without these listeners it would also end the process. */
function ignoreDroppedConnections(pool: Pool): void {
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
}
