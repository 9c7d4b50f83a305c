/** chatkeep on PostgreSQL through node-postgres. A dropped connection never ends the process, and nothing waits without a limit. */
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { Pool } from "pg";

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
  connectTimeoutMs = 10_000,
  statementTimeoutMs = 30_000,
}: PgOptions): PgConnection {
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: "chatkeep",
    ...(statementTimeoutMs && {
      statement_timeout: statementTimeoutMs,
      // For a server that does not answer at all, and so cannot end the statement itself.
      query_timeout: statementTimeoutMs + 5_000,
      idle_in_transaction_session_timeout: statementTimeoutMs,
    }),
  });
  ignoreDroppedConnections(pool);
  const close = () => pool.end();
  return { engine: "pg", db: drizzle(pool), pool, close, [Symbol.asyncDispose]: close };
}

/** A lost connection is told to whoever has a statement on it; without these listeners it would also end the process. */
function ignoreDroppedConnections(pool: Pool): void {
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
}
