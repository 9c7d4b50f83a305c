/** chatkeep on PostgreSQL through node-postgres. A dropped connection never ends the process, and nothing waits without a limit. */
import { Client, type ClientBase, Pool } from "pg";
import type { ClosableConnection, Connection, Listen } from "../sql/connection.ts";
import { listenOn } from "./listen.ts";
import {
  type FromPgOptions,
  isPgbouncer,
  overPool,
  overPoolOrClient,
  type PgClientLike,
  type PgPoolLike,
} from "./node-postgres.ts";
import { Connections } from "./pool.ts";
import { pooledSessionSettings, sessionSettings } from "./session-settings.ts";
import { timeouts } from "./timeouts.ts";
import { withUrl } from "./with-url.ts";

export type { FromPgOptions, PgClientLike, PgPoolLike };

/** Where the server is, and for how long anything waits. */
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

/** The pool that `openPg` has opened. */
export interface PgConnection extends ClosableConnection, AsyncDisposable {
  readonly engine: "pg";
  readonly pool: Pool;
  /** On a connection of its own. Missing behind a pooler. */
  readonly listen: Listen | undefined;
}

/** Opens a pool. Nothing connects before the first statement. @throws invalid_input when there is no address */
export function openPg(options: PgOptions): PgConnection {
  const {
    url,
    maxConnections = 10,
    connectTimeoutMs = timeouts.connect,
    statementTimeoutMs = timeouts.statement,
  } = withUrl(options, "openPg");
  const pgbouncer = isPgbouncer(url);
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
      !pgbouncer && {
        statement_timeout: statementTimeoutMs,
        idle_in_transaction_session_timeout: statementTimeoutMs,
      }),
    onConnect: async (client: ClientBase) => {
      connections.add(client);
      if (pgbouncer) prepareNothing(client);
      await client.query(pgbouncer ? pooledSessionSettings : sessionSettings);
    },
  });
  connections.watch(pool);
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= connections.end(pool);
    return closed;
  };
  const listen: Listen = (channel, handlers) =>
    listenOn(new Client({ ...connection, query_timeout: timeouts.statement + timeouts.grace }), channel, handlers);
  const openUnlimited = () => openPg({ url, maxConnections: 1, connectTimeoutMs, statementTimeoutMs: 0 });
  return {
    engine: "pg",
    pool,
    ...overPool(pool, { pgbouncer }),
    listen: pgbouncer ? undefined : listen,
    openUnlimited,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * chatkeep on a pool or a client of node-postgres that the host has, of whatever version. On a client, where the host may have
 * begun a transaction, chatkeep makes savepoints only in that one. Listening keeps one connection of a pool; a client, and a pool
 * of one, cannot listen.
 * @throws invalid_input when it is neither
 */
export function fromPg(poolOrClient: PgPoolLike | PgClientLike, options?: FromPgOptions): Connection {
  return overPoolOrClient(poolOrClient, options, "fromPg");
}

/** A statement that was prepared on one connection of a pooler is unknown to the next: it is sent without its name. */
function prepareNothing(client: ClientBase): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  const unnamed = (given: unknown) =>
    given && typeof given === "object" && "name" in given ? { ...given, name: undefined } : given;
  client.query = ((first: unknown, ...rest: unknown[]) => query(unnamed(first), ...rest)) as typeof client.query;
}
