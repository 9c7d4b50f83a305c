/** A way to PostgreSQL as a pooler is one for LISTEN: it is accepted, and no notification ever arrives. */
import { connect, createServer, type Socket } from "node:net";

const notification = "A".charCodeAt(0);

export function startDeafProxy(targetPort: number): Promise<{ port: number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.setNoDelay(true).on("close", () => sockets.delete(socket));
      socket.on("error", () => {});
    }
    let buffered = Buffer.alloc(0);
    client.on("data", (bytes) => target.write(bytes)).on("close", () => target.destroy());
    target.on("close", () => client.destroy());
    target.on("data", (bytes) => {
      buffered = Buffer.concat([buffered, bytes]);
      // Each message of the server's: a letter, four bytes of length that count themselves, the rest.
      while (buffered.length >= 5 && buffered.length > buffered.readInt32BE(1)) {
        const size = buffered.readInt32BE(1) + 1;
        if (buffered[0] !== notification) client.write(buffered.subarray(0, size));
        buffered = buffered.subarray(size);
      }
    });
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
