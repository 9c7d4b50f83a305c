/** A way to a database that can be cut for as long as one wants, or be silent: then connections stay, and nothing passes. */
import { connect, createServer, type Socket } from "node:net";

export interface CutProxy {
  port: number;
  cut(): void;
  silence(): void;
  /** Of a silence the old connections do not recover. */
  restore(): void;
  stop(): Promise<void>;
}

export async function startCutProxy(targetPort: number): Promise<CutProxy> {
  let isCut = false;
  let isSilent = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    if (isSilent) {
      sockets.add(client.on("error", () => {}));
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.setNoDelay(true).on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    client.pipe(target).on("close", () => client.destroy());
    target.pipe(client).on("close", () => target.destroy());
  });
  const endAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    cut: () => {
      isCut = true;
      endAll();
    },
    silence: () => {
      isSilent = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    restore: () => {
      isCut = false;
      isSilent = false;
    },
    stop: async () => {
      endAll();
      await new Promise((done) => server.close(done));
    },
  };
}
