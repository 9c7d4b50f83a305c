/** A way to the database that can lose an answer: the statement arrives and is committed, and nobody hears of it. */
import { connect, createServer, type Socket } from "node:net";

export interface LossyProxy {
  port: number;
  /** Cuts the connection that has the next answer for somebody, before it is passed on. */
  loseNextAnswer(): void;
  stop(): Promise<void>;
}

/** Which answer is lost, where it is not the next one: that to a statement with these words, or one of the answers after. */
export interface LostAnswer {
  to: RegExp;
  /** 1 is the first on that connection after the statement was sent. */
  nth: number;
}

export function startLossyProxy(targetPort: number, lost?: LostAnswer): Promise<LossyProxy> {
  let isArmed = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    for (const socket of [client, target]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    }
    let left = lost ? Number.POSITIVE_INFINITY : 1;
    client
      .on("data", (bytes) => {
        if (isArmed && left === Number.POSITIVE_INFINITY && lost?.to.test(bytes.toString("latin1"))) left = lost.nth;
        target.write(bytes);
      })
      .on("close", () => target.destroy());
    target
      .on("close", () => client.destroy())
      .on("data", (bytes) => {
        if (isArmed) left -= 1;
        if (!isArmed || left > 0) return client.write(bytes);
        isArmed = false;
        client.destroy();
        return false;
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
      const port = typeof address === "object" && address ? address.port : 0;
      ready({
        port,
        stop,
        loseNextAnswer: () => {
          isArmed = true;
        },
      });
    });
  });
}
