/** LISTEN on a connection of its own, which node-postgres and Neon's driver, its fork, both have. */
import type { ListenHandlers, Listening } from "../sql/connection.ts";
import { endClient } from "./pool.ts";

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
  let isOver = false;
  const close = () => {
    isOver = true;
    return endClient(client);
  };
  const lost = () => {
    if (!isOver) onLost();
    isOver = true;
  };
  client.on("notification", ({ payload }) => {
    try {
      onNotify(payload ?? "");
    } catch {
      // Nobody is above an event handler: what it throws would end the process.
    }
  });
  client.on("error", lost);
  client.on("end", lost);
  try {
    await client.connect();
    await client.query(`listen ${channel}`);
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}
