/** LISTEN on a connection of its own, which node-postgres and Neon's driver, its fork, both have. */
import { endClient } from "./pool.ts";

export interface Listening {
  close(): Promise<void>;
}

export interface ListenHandlers {
  /** With what was sent, at most 8,000 bytes. */
  onNotify(payload: string): void;
  /** The connection is gone; what is sent from now on is not heard. */
  onLost(): void;
}

/** Listens on a channel, whose name must be a plain identifier. @throws what the driver throws when it cannot */
export type Listen = (channel: string, handlers: ListenHandlers) => Promise<Listening>;

interface ListeningClient {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<unknown>;
  on(event: "notification", listener: (message: { payload?: string | undefined }) => void): unknown;
  on(event: "error" | "end", listener: () => void): unknown;
}

export async function listenOn(
  client: ListeningClient,
  channel: string,
  { onNotify, onLost }: ListenHandlers,
): Promise<Listening> {
  const close = () => endClient(client);
  client.on("notification", ({ payload }) => {
    try {
      onNotify(payload ?? "");
    } catch {
      // Nobody is above an event handler: what it throws would end the process.
    }
  });
  client.on("error", onLost);
  client.on("end", onLost);
  try {
    await client.connect();
    await client.query(`listen ${channel}`);
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}
