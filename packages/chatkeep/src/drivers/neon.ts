/** chatkeep on Neon, through its serverless driver over WebSockets, which has transactions; its HTTP way has none. */
import { Client, type ClientBase, Pool, type PoolConfig } from "@neondatabase/serverless";
import type { ClosableConnection, Connection, Listen } from "../sql/connection.ts";
import { listenOn } from "./listen.ts";
import { type FromPgOptions, overPool, overPoolOrClient, type PgClientLike, type PgPoolLike } from "./node-postgres.ts";
import { Connections } from "./pool.ts";
import { pooledSessionSettings } from "./session-settings.ts";
import { timeouts } from "./timeouts.ts";
import { withUrl } from "./with-url.ts";

export type { FromPgOptions, PgClientLike, PgPoolLike };

/** Where the database is, and for how long a connection is waited for. A statement may take 35 seconds. */
export interface NeonOptions {
  /** `postgres://user:password@ep-….neon.tech/database`; the pooled host (`-pooler`) suits servers that come and go. */
  url: string;
  /** Connections at most; 10 when left out. */
  maxConnections?: number;
  /** For how long to wait for a connection, which may have to wake the compute; 15 seconds when left out. */
  connectTimeoutMs?: number;
}

/** The pool that `openNeon` has opened. */
export interface NeonConnection extends ClosableConnection, AsyncDisposable {
  readonly engine: "neon";
  readonly pool: Pool;
  /** On a connection of its own, to the host without `-pooler`: Neon's pooler passes no notifications on. */
  readonly listen: Listen;
}

/** Whether a URL names a host of Neon's. */
export function isNeonUrl(url: string): boolean {
  return URL.canParse(url) && /\.neon\.(tech|build)$/.test(new URL(url).hostname);
}

/** Opens a pool. Nothing connects before the first statement. @throws invalid_input when there is no address */
export function openNeon(options: NeonOptions): NeonConnection {
  const { url, connectTimeoutMs = timeouts.connectToNeon } = withUrl(options, "openNeon");
  const { pool, close } = openPool(options, timeouts.statement + timeouts.grace);
  const listen: Listen = (channel, handlers) =>
    listenOn(
      new Client({
        connectionString: directUrl(url),
        connectionTimeoutMillis: connectTimeoutMs,
        query_timeout: timeouts.statement + timeouts.grace,
      }),
      channel,
      handlers,
    );
  const openUnlimited = () => {
    const unlimited = openPool({ ...options, maxConnections: 1 }, 0);
    return { ...overPool(unlimited.pool), close: unlimited.close };
  };
  return {
    engine: "neon",
    pool,
    ...overPool(pool),
    listen,
    openUnlimited,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * chatkeep on a `Pool` or a `Client` of Neon's driver that the host has, of whatever version. On a client, where the host may have
 * begun a transaction, chatkeep makes savepoints only in that one. Listening keeps one connection of a pool, and hears nothing
 * through Neon's pooler (`-pooler` in the host): there it is left out.
 * @throws invalid_input when it is neither; what `neon(url)` gives goes over HTTP, which has no transactions
 */
export function fromNeon(poolOrClient: PgPoolLike | PgClientLike, options?: FromPgOptions): Connection {
  const connection = overPoolOrClient(poolOrClient, options, "fromNeon");
  const url = "options" in poolOrClient ? (poolOrClient.options?.connectionString ?? "") : "";
  return directUrl(url) === url ? connection : { ...connection, listen: undefined };
}

function openPool(
  { url, maxConnections = 10, connectTimeoutMs = timeouts.connectToNeon }: NeonOptions,
  queryTimeoutMs: number,
) {
  const connections = new Connections<ClientBase>();
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    // Neon's pooler takes no settings at the start of a connection, so this side keeps the time.
    ...(queryTimeoutMs && { query_timeout: queryTimeoutMs }),
    onConnect: async (client: ClientBase) => {
      connections.add(client);
      await client.query(pooledSessionSettings);
    },
  } as PoolConfig);
  connections.watch(pool);
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= connections.end(pool);
    return closed;
  };
  return { pool, close };
}

/** The host of the same database that is not behind Neon's pooler. */
function directUrl(url: string): string {
  if (!/-pooler\./.test(url)) return url;
  const direct = new URL(url);
  direct.hostname = direct.hostname.replace(/-pooler(?=\.)/, "");
  return direct.href;
}
