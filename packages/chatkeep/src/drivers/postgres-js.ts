/** chatkeep on PostgreSQL through postgres.js, whose own guesses at types are kept out: values go as text, and text comes back. */
import postgres from "postgres";
import type { ClosableConnection, Connection } from "../sql/connection.ts";
import { isPgbouncer } from "./node-postgres.ts";
import { type FromPostgresJsOptions, overPostgresJs, type PostgresJsLike } from "./over-postgres-js.ts";
import { sessionSettingsByName } from "./session-settings.ts";
import { timeouts } from "./timeouts.ts";
import { withUrl } from "./with-url.ts";

export type { FromPostgresJsOptions, PostgresJsLike };

/** Where the server is, and for how long anything waits. */
export interface PostgresJsOptions {
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

/** The pool that `openPostgresJs` has opened. */
export interface PostgresJsConnection extends ClosableConnection, AsyncDisposable {
  readonly engine: "postgres-js";
  readonly sql: postgres.Sql;
}

/** Opens a pool. Nothing connects before the first statement. @throws invalid_input when there is no address */
export function openPostgresJs(options: PostgresJsOptions): PostgresJsConnection {
  const {
    url,
    maxConnections = 10,
    connectTimeoutMs = timeouts.connect,
    statementTimeoutMs = timeouts.statement,
  } = withUrl(options, "openPostgresJs");
  const pgbouncer = isPgbouncer(url);
  const limit = statementTimeoutMs && {
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
  };
  const sql = postgres(withoutPgbouncer(url), {
    max: maxConnections,
    connect_timeout: connectTimeoutMs / 1_000,
    keep_alive: timeouts.keepAlive / 1_000,
    prepare: !pgbouncer,
    fetch_types: false,
    onnotice: () => {},
    connection: {
      application_name: "chatkeep",
      ...(!pgbouncer && (sessionSettingsByName as Record<string, string>)),
      ...(!pgbouncer && limit),
    },
  });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= sql.end({ timeout: timeouts.grace / 1_000 });
    return closed;
  };
  return {
    engine: "postgres-js",
    sql,
    ...fromPostgresJs(sql, { pgbouncer }),
    openUnlimited: () => openPostgresJs({ url, maxConnections: 1, connectTimeoutMs, statementTimeoutMs: 0 }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * chatkeep on what `postgres(…)` of the host gives, or in a transaction that `sql.begin` or `sql.savepoint` gives, where it makes
 * savepoints only, and on a connection of `sql.reserve()`. Listening has a connection of its own.
 * @throws invalid_input when it is none of these
 */
export function fromPostgresJs(sql: PostgresJsLike, options?: FromPostgresJsOptions): Connection {
  return overPostgresJs(sql, options);
}

/** It would go to the server as a setting, which no server knows. */
function withoutPgbouncer(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed?.searchParams.has("pgbouncer")) return url;
  parsed.searchParams.delete("pgbouncer");
  return parsed.href;
}
