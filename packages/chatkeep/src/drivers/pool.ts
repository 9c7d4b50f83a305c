/** What pools of node-postgres and of Neon's driver, its fork, need to be left alone: no dropped connection ends the process, none that is no good is used again, and closing has an end. */
import { timeouts } from "./timeouts.ts";

interface PoolClient {
  on(event: "error", listener: () => void): unknown;
  once(event: "end", listener: () => void): unknown;
}

/** The client's connection, which the types of the drivers leave out. */
interface Inside {
  connection: {
    on(event: "errorMessage", listener: (message: { code?: string }) => void): unknown;
    stream: { destroy(): unknown };
  };
}

interface Pool<Client> {
  on(event: "error", listener: () => void): unknown;
  on(event: "acquire", listener: (client: Client) => void): unknown;
  on(event: "release", listener: (error: unknown, client: Client) => void): unknown;
  end(): Promise<void>;
}

/** The connection, its server or its login is not what it was. */
const spoiling = /^(08|25|28|3D|53|57P)/;
/** So are all other connections to the same server: it is a standby now, or shuts down. */
const failover = /^(25006|57P0[1235])/;

/** Whether a server's error says that the connection that it came on is no good any more; a transaction that has failed is. */
export function isSpoiling(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && spoiling.test(code) && !/^25P0[12]/.test(code);
}

export class Connections<Client extends PoolClient> {
  #all = new Set<Client>();
  #inUse = new Set<Client>();
  #spoilt = new WeakSet<Client>();

  /** To be told of each connection before anything else uses it. */
  add(client: Client): void {
    this.#all.add(client);
    client.on("error", () => {});
    client.once("end", () => this.#all.delete(client));
    insideOf(client).on("errorMessage", ({ code = "" }) => {
      if (spoiling.test(code)) this.#spoilt.add(client);
      if (failover.test(code)) this.#cut(({ isIdle }) => isIdle);
    });
  }

  watch(pool: Pool<Client>): void {
    pool.on("error", () => {});
    pool.on("acquire", (client) => this.#inUse.add(client));
    pool.on("release", (error, client) => {
      this.#inUse.delete(client);
      if (error || this.#spoilt.has(client)) cut(client);
    });
  }

  /** Lets statements end that soon do, and cuts off the others. */
  async end(pool: Pool<Client>): Promise<void> {
    await within(timeouts.grace, pool.end());
    this.#cut(() => true);
  }

  #cut(which: (client: { isIdle: boolean }) => boolean): void {
    for (const client of this.#all) if (which({ isIdle: !this.#inUse.has(client) })) cut(client);
  }
}

/** Says goodbye, which a silent server does not answer. */
export async function endClient(client: { end(): Promise<unknown> }): Promise<void> {
  await within(
    timeouts.goodbye,
    client.end().catch(() => {}),
  );
  cut(client);
}

function cut(client: object): void {
  insideOf(client).stream.destroy();
}

function insideOf(client: object): Inside["connection"] {
  return (client as Inside).connection;
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
