/** A way to a server that falls silent: connections stay open, and are taken, and nothing comes through any more. */
import { connect, createServer, type Socket } from "node:net";

export interface SilentProxy {
  port: number;
  fallSilent(): void;
  /** What clients have said since, and nobody has heard. */
  unheard(): number;
  stop(): Promise<void>;
}

export function startSilentProxy(targetPort: number): Promise<SilentProxy> {
  const sockets = new Set<Socket>();
  let isSilent = false;
  let unheard = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true).on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    if (isSilent) {
      unheard += 1;
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    keep(target);
    client.on("data", (bytes) => {
      if (isSilent) unheard += 1;
      else target.write(bytes);
    });
    target.on("data", (bytes) => isSilent || client.write(bytes));
    client.on("close", () => target.destroy());
    target.on("close", () => isSilent || client.destroy());
  });
  const stop = () =>
    new Promise<void>((done) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => done());
    });
  return new Promise((ready) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      ready({
        port,
        stop,
        unheard: () => unheard,
        fallSilent: () => {
          isSilent = true;
        },
      });
    });
  });
}
