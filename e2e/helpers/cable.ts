/** The network between the browser and the server: it can be cut, which ends every connection, and mended. */
import { connect, createServer, type Socket } from "node:net";

export interface Cable {
  cut(): void;
  mend(): void;
  stop(): Promise<void>;
}

export function startCable(port: number, targetPort: number): Promise<Cable> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(targetPort, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  const mend = () => {
    isCut = false;
  };
  const stop = () =>
    new Promise<void>((done) => {
      cut();
      server.close(() => done());
    });
  return new Promise((ready) => server.listen(port, "127.0.0.1", () => ready({ cut, mend, stop })));
}
