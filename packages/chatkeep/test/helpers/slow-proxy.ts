/** A way to PostgreSQL as a far one is: each round trip takes so many milliseconds more. */
import { connect, createServer, type Socket } from "node:net";

export function startSlowProxy(
  targetPort: number,
  roundTripMs: number,
): Promise<{ port: number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const late = (to: Socket) => (bytes: Buffer) => {
    setTimeout(() => to.writable && to.write(bytes), roundTripMs / 2);
  };
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true).on("data", late(other));
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        setTimeout(() => other.destroy(), roundTripMs / 2);
      });
    }
  });
  const stop = () =>
    new Promise<void>((done) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => done());
    });
  return new Promise((ready) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      ready({ port: typeof address === "object" && address ? address.port : 0, stop });
    });
  });
}
