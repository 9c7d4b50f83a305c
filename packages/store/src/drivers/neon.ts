/** chatkeep on Neon, through its serverless driver over WebSockets, which has transactions; its HTTP way has none. */
import { Client, type ClientBase, Pool, type PoolConfig } from "@neondatabase/serverless";
import { drizzle, type NeonDatabase } from "drizzle-orm/neon-serverless";
import { offerUnlimited } from "../unlimited.ts";
import { type Listen, listenOn } from "./listen.ts";
import { Connections } from "./pool.ts";
import { pooledSessionSettings } from "./session-settings.ts";
import { timeouts } from "./timeouts.ts";

export interface NeonOptions {
  /** `postgres://user:password@ep-….neon.tech/database`; the pooled host (`-pooler`) suits servers that come and go. */
  url: string;
  /** Connections at most; 10 when left out. */
  maxConnections?: number;
  /** For how long to wait for a connection, which may have to wake the compute; 15 seconds when left out. */
  connectTimeoutMs?: number;
}

export interface NeonConnection extends AsyncDisposable {
  engine: "neon";
  db: NeonDatabase;
  pool: Pool;
  /** On a connection of its own, to the host without `-pooler`: Neon's pooler passes no notifications on. */
  listen: Listen;
  close(): Promise<void>;
}

/** Whether a URL names a host of Neon's. */
export function isNeonUrl(url: string): boolean {
  return URL.canParse(url) && /\.neon\.(tech|build)$/.test(new URL(url).hostname);
}

/** Opens a pool. Nothing connects before the first statement. */
export function openNeon({
  url,
  maxConnections = 10,
  connectTimeoutMs = timeouts.connectToNeon,
}: NeonOptions): NeonConnection {
  const connection = openPool(url, maxConnections, connectTimeoutMs, timeouts.statement + timeouts.grace);
  offerUnlimited(connection.db, () => openPool(url, 1, connectTimeoutMs, 0));
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
  return { engine: "neon", ...connection, listen, [Symbol.asyncDispose]: connection.close };
}

function openPool(url: string, maxConnections: number, connectTimeoutMs: number, queryTimeoutMs: number) {
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
  return { db: drizzle(pool), pool, close };
}

/** The host of the same database that is not behind Neon's pooler. */
function directUrl(url: string): string {
  const direct = new URL(url);
  direct.hostname = direct.hostname.replace(/-pooler(?=\.)/, "");
  return direct.href;
}
