/**
 * Where those wait who would wait for a row lock: here, and not on a connection of the pool. One conversation has one statement
 * under way, and one owner a few, so that whoever holds a lock holds up nobody else.
 */
import { UnavailableError } from "../errors.ts";

export interface LanesOptions {
  /** Of one owner at once; 6 when left out. */
  perOwner?: number | undefined;
  /** For one's turn, in milliseconds; 10,000 when left out. */
  maxWaitMs?: number | undefined;
}

/**
 * The queue of changes: one of a conversation at a time, six of a user; the others wait where they hold no
 * connection.
 */
export interface Lanes {
  /** Runs `work` when nothing else of this owner has the key, and few others run; without a key the latter alone. @throws unavailable after `maxWaitMs`; what `work` throws */
  run<Result>(ownerId: string | number, key: string | undefined, work: () => Promise<Result>): Promise<Result>;
}

interface Waiting {
  key: string | symbol;
  start(): void;
}

interface Owner {
  busy: Set<string | symbol>;
  waiting: Waiting[];
}

export function createLanes({ perOwner = 6, maxWaitMs = 10_000 }: LanesOptions = {}): Lanes {
  const owners = new Map<string, Owner>();

  function startNext(ownerKey: string, owner: Owner): void {
    for (const waiting of [...owner.waiting]) {
      if (owner.busy.size >= perOwner) return;
      if (owner.busy.has(waiting.key)) continue;
      owner.waiting.splice(owner.waiting.indexOf(waiting), 1);
      owner.busy.add(waiting.key);
      waiting.start();
    }
    if (owner.busy.size === 0 && owner.waiting.length === 0) owners.delete(ownerKey);
  }

  function turn(ownerKey: string, owner: Owner, key: string | symbol): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        owner.waiting.splice(owner.waiting.indexOf(waiting), 1);
        reject(new UnavailableError("What this user asked for before has not ended yet: try again in a moment."));
      }, maxWaitMs);
      const waiting: Waiting = {
        key,
        start: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      owner.waiting.push(waiting);
      startNext(ownerKey, owner);
    });
  }

  return {
    run: async (ownerId, given, work) => {
      const ownerKey = String(ownerId);
      const key = given ?? Symbol("alone");
      const owner = owners.get(ownerKey) ?? { busy: new Set(), waiting: [] };
      owners.set(ownerKey, owner);
      if (owner.waiting.length === 0 && owner.busy.size < perOwner && !owner.busy.has(key)) owner.busy.add(key);
      else await turn(ownerKey, owner, key);
      try {
        return await work();
      } finally {
        owner.busy.delete(key);
        startNext(ownerKey, owner);
      }
    },
  };
}
