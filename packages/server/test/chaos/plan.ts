/** What goes wrong, in which order, when and for how long: all of it from the seed, before anything has begun. */
import { type Random, randomFrom } from "./random.ts";

export type ServerFault = "server killed" | "server shut down" | "server paused";
export type NetworkFault =
  | "connections cut"
  | "packet cut in two"
  | "answer lost"
  | "packets delayed"
  | "network silent"
  | "connections refused";
export type DatabaseFault =
  | "all connections terminated"
  | "connection of the database paused"
  | "database crashed"
  | "database restarted";

export interface Fault<Kind extends string = string> {
  kind: Kind;
  /** After the one before it has passed. */
  pauseMs: number;
  forMs: number;
  /** Which connection, or how it ends, where there is a choice. */
  choice: number;
}

/** Faults of one lane come one after another; lanes know nothing of each other, so that their faults meet. */
export interface Plan {
  servers: Fault<ServerFault>[][];
  networks: Fault<NetworkFault>[][];
  database: Fault<DatabaseFault>[];
  /** Of the embedded database: for how long it runs before it is killed. */
  embedded: number[];
}

type Ranges<Kind extends string> = Record<Kind, [from: number, to: number]>;

export function planChaos(seed: number, options: { servers: number; forMs: number; leaseMs: number }): Plan {
  const { servers, forMs, leaseMs } = options;
  const each = <Result>(make: (index: number) => Result) => Array.from({ length: servers }, (_, index) => make(index));
  const embedded = randomFrom(seed, "embedded");
  return {
    servers: each((index) =>
      lane<ServerFault>(randomFrom(seed, `server ${index}`), forMs, [2_000, 7_000], {
        "server killed": [0, 1_500],
        "server shut down": [0, 500],
        "server paused": [leaseMs + 500, leaseMs + 2_500],
      }),
    ),
    networks: each((index) =>
      lane<NetworkFault>(randomFrom(seed, `network ${index}`), forMs, [1_000, 4_000], {
        "connections cut": [0, 0],
        "packet cut in two": [0, 0],
        "answer lost": [0, 0],
        "packets delayed": [1_000, 2_500],
        "network silent": [500, 5_000],
        "connections refused": [300, 1_500],
      }),
    ),
    database: lane<DatabaseFault>(randomFrom(seed, "database"), forMs, [3_000, 8_000], {
      "all connections terminated": [0, 0],
      "connection of the database paused": [1_000, 5_000],
      "database crashed": [0, 0],
      "database restarted": [200, 2_000],
    }),
    embedded: Array.from({ length: Math.max(3, Math.round(forMs / 12_000)) }, () => embedded.between(200, 2_000)),
  };
}

/** Every kind once before any comes again. */
function lane<Kind extends string>(
  random: Random,
  forMs: number,
  [least, most]: [number, number],
  kinds: Ranges<Kind>,
): Fault<Kind>[] {
  const faults: Fault<Kind>[] = [];
  let left: Kind[] = [];
  for (let atMs = 0; atMs < forMs; ) {
    if (left.length === 0) left = Object.keys(kinds) as Kind[];
    const [kind] = left.splice(random.between(0, left.length - 1), 1) as [Kind];
    const [shortest, longest]: [number, number] = kinds[kind];
    const fault = {
      kind,
      pauseMs: random.between(least, most),
      forMs: random.between(shortest, longest),
      choice: random.between(0, 9),
    };
    faults.push(fault);
    atMs += fault.pauseMs + fault.forMs;
  }
  return faults;
}
