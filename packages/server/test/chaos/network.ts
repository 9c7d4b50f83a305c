/** A way to the database on which anything can go wrong that goes wrong in networks. */
import { connect, createServer, type Socket } from "node:net";

export interface Network {
  port: number;
  /** Ends all connections. */
  cut(): void;
  /** Half of the next packet, in either direction, is passed on, then its connection ends. */
  cutNextPacket(): void;
  /** The next answer is not passed on, and its connection ends: what was asked is done, and nobody hears of it. */
  loseNextAnswer(): void;
  delay(milliseconds: number): void;
  /** Nothing arrives, not even that a connection has ended. */
  silence(): void;
  /** New connections end at once, as do those that there are. */
  refuse(): void;
  /** Everything as it should be; what waited arrives. */
  heal(): void;
  stop(): Promise<void>;
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function openNetwork(targetPort: number): Promise<Network> {
  const sockets = new Set<Socket>();
  let delayMs = 0;
  let isRefusing = false;
  let silent: PromiseWithResolvers<void> | undefined;
  let armed: "half" | "lost" | undefined;

  const passed = async () => {
    while (silent) await silent.promise;
    if (delayMs > 0) await sleep(delayMs);
  };
  const pass = (from: Socket, to: Socket, isAnswer: boolean) => {
    let last = Promise.resolve();
    const inOrder = (run: () => void) => {
      last = last.then(passed).then(run);
    };
    const deliver = (bytes: Buffer) => {
      if (to.destroyed) return;
      if (!armed || (armed === "lost" && !isAnswer)) return void to.write(bytes);
      const rest = armed === "half" ? bytes.subarray(0, bytes.length >> 1) : bytes.subarray(0, 0);
      armed = undefined;
      to.end(rest, () => to.destroy());
      from.destroy();
    };
    from.on("data", (bytes) => inOrder(() => deliver(bytes)));
    from.on("close", () => inOrder(() => to.destroy()));
  };
  const server = createServer((client) => {
    client.on("error", () => {});
    if (isRefusing) return void client.destroy();
    const target = connect(targetPort, "127.0.0.1");
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.setNoDelay(true).on("close", () => sockets.delete(socket));
      socket.on("error", () => {});
    }
    pass(client, target, false);
    pass(target, client, true);
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const heal = () => {
    delayMs = 0;
    isRefusing = false;
    silent?.resolve();
    silent = undefined;
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    cut,
    cutNextPacket: () => {
      armed = "half";
    },
    loseNextAnswer: () => {
      armed = "lost";
    },
    delay: (milliseconds) => {
      delayMs = milliseconds;
    },
    silence: () => {
      silent ??= Promise.withResolvers();
    },
    refuse: () => {
      isRefusing = true;
      cut();
    },
    heal,
    stop: async () => {
      heal();
      armed = undefined;
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
