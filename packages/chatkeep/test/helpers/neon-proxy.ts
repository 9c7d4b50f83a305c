/** What stands in front of Neon's databases, in small: WebSockets in, PostgreSQL's own protocol out. */
import { createServer } from "node:http";
import { connect } from "node:net";
import { neonConfig } from "@neondatabase/serverless";
import { WebSocketServer } from "ws";

/** Starts the proxy on loopback and gives its port. The query that the driver sends is ignored: the target is fixed. */
export function startNeonProxy(targetPort: number): Promise<{ port: number; stop(): Promise<void> }> {
  const server = createServer((_request, response) => response.writeHead(426).end());
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    const tcp = connect(targetPort, "127.0.0.1").setNoDelay(true);
    socket.on("message", (bytes: Buffer) => tcp.write(bytes));
    socket.on("close", () => tcp.end());
    socket.on("error", () => tcp.destroy());
    tcp.on("data", (bytes) => socket.send(bytes));
    tcp.on("close", () => socket.close());
    tcp.on("error", () => socket.close());
  });
  const stop = () =>
    new Promise<void>((done) => {
      for (const client of sockets.clients) client.terminate();
      server.close(() => done());
    });
  return new Promise((ready) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      ready({ port: typeof address === "object" && address ? address.port : 0, stop });
    });
  });
}

/** Points the driver at the proxy. @see https://github.com/neondatabase/serverless/blob/main/CONFIG.md */
export function useNeonProxy(port: number): void {
  neonConfig.wsProxy = () => `127.0.0.1:${port}/v2`;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineTLS = false;
  neonConfig.pipelineConnect = false;
}
