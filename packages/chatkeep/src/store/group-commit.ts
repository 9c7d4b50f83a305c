/**
 * Writes of one kind, of one process, that wait at the same moment share a statement and its commit. A lone one waits for nobody.
 * Those of one conversation go one after another, in the order in which they came.
 */

import { isLockTimeout, isUnavailable } from "../sql/sqlstate.ts";
import { type Context, type GroupCommit, type Grouped, ownedBy } from "./context.ts";

/** What a kind of write has to say. */
export interface GroupedWrites<Write extends Grouped, Result> {
  /** How much one weighs among others. */
  charsOf(write: Write): number;
  /**
   * Stores writes to different conversations in one statement, and gives for each its result, or `undefined` where it stored
   * nothing because something is in the way. It waits for no row of a conversation.
   */
  storeTogether(context: Context, writes: readonly Write[]): Promise<(Result | undefined)[]>;
  /** With every check and every answer. */
  storeAlone(context: Context, write: Write): Promise<Result>;
}

interface Waiting<Write, Result> {
  write: Write;
  since: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** For an id that somebody else is storing, or for a user who is being deleted: in statements of several writes. */
export const lockTimeout = "250ms";

/** Two: while one waits for its commit, the other works. Those of a cluster work on several nodes, and store one write each. */
const shared = { statementsAtOnce: 2, writes: 64 };
const apart = { statementsAtOnce: 8, writes: 1 };
/** After which a statement counts no more: it waits for a lock, or for a database that is away. */
const hangingMs = 250;
const maxChars = 512 * 1024;
/** Who has waited for so long for a database that cannot be reached is told so. */
const maxWaitMs = 5_000;

export function createGroupCommit<Write extends Grouped, Result>(
  context: Context,
  { charsOf, storeTogether, storeAlone }: GroupedWrites<Write, Result>,
): GroupCommit<Write, Result> {
  type One = Waiting<Write, Result>;
  const { statementsAtOnce, writes: maxWrites } = context.isDistributed ? apart : shared;
  /** What waits, by conversation. One that is here and not in `ready` has a write under way. */
  const lines = new Map<string, One[]>();
  const ready = new Set<string>();
  /** Owners of statements that hang: what they hold, a user who is being deleted for one, would be waited for by each further one. */
  const hanging = new Map<string, number>();
  /** But for those that hang. */
  const underWay = new Set<{ some: readonly One[]; since: number }>();
  let isWatching = false;
  let isStarting = false;

  function add(write: Write): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting = { write, since: performance.now(), resolve, reject };
      const key = keyOf(write);
      const line = lines.get(key);
      if (line) {
        line.push(waiting);
        return;
      }
      lines.set(key, [waiting]);
      ready.add(key);
      start();
    });
  }

  /** What is asked for at the same moment goes together. */
  function start(): void {
    if (isStarting || ready.size === 0 || underWay.size >= statementsAtOnce) return;
    isStarting = true;
    queueMicrotask(() => {
      isStarting = false;
      while (underWay.size < statementsAtOnce) {
        const some = take(Math.ceil(ready.size / (statementsAtOnce - underWay.size)));
        if (some.length === 0) return;
        void sendOff(some);
      }
    });
  }

  async function sendOff(some: readonly One[]): Promise<void> {
    const statement = { some, since: performance.now() };
    underWay.add(statement);
    if (!isWatching) watch();
    await store(some);
    if (!underWay.delete(statement)) {
      for (const owner of ownersOf(some)) {
        const others = (hanging.get(owner) ?? 1) - 1;
        if (others > 0) hanging.set(owner, others);
        else hanging.delete(owner);
      }
    }
    start();
  }

  /** A statement that hangs holds up only those that are in it. One timer for all: most are answered long before. */
  function watch(): void {
    isWatching = true;
    setTimeout(() => {
      const before = performance.now() - hangingMs;
      for (const statement of underWay) {
        if (statement.since > before) continue;
        underWay.delete(statement);
        for (const owner of ownersOf(statement.some)) hanging.set(owner, (hanging.get(owner) ?? 0) + 1);
      }
      isWatching = false;
      if (underWay.size > 0) watch();
      start();
    }, hangingMs).unref();
  }

  function take(share: number): One[] {
    const some: One[] = [];
    let chars = 0;
    for (const key of ready) {
      const [first] = lines.get(key) ?? [];
      if (!first || hanging.has(String(first.write.ownerId))) continue;
      chars += charsOf(first.write);
      const isFull = some.length >= Math.min(share, maxWrites) || chars > maxChars;
      if (some.length > 0 && isFull) break;
      lines.get(key)?.shift();
      ready.delete(key);
      some.push(first);
    }
    return some;
  }

  /** Never rejects: each of them is answered, or goes alone. */
  async function store(some: readonly One[]): Promise<void> {
    try {
      const writes = some.map(({ write }) => write);
      const owners = new Set(writes.map(({ ownerId }) => ownerId));
      const stored = await storeTogether(ownedBy(context, [...owners]), writes);
      for (const [index, waiting] of some.entries()) {
        const result = stored[index];
        if (result !== undefined) settle(waiting, () => waiting.resolve(result));
        else void goAlone(waiting);
      }
    } catch (error) {
      if (isLockTimeout(error) || (some.length === 1 && !isUnavailable(error))) {
        for (const waiting of some) void goAlone(waiting);
      } else if (isUnavailable(error)) {
        for (const waiting of some) settle(waiting, () => waiting.reject(error));
        rejectLate(error);
      } else {
        // One of them is the cause, and nothing was stored: it is looked for by halves.
        const half = Math.ceil(some.length / 2);
        await store(some.slice(0, half));
        await store(some.slice(half));
      }
    }
  }

  /** On a connection of its own, where it may wait for a lock without holding up others. */
  async function goAlone(waiting: One): Promise<void> {
    try {
      const { write } = waiting;
      const result = await storeAlone(ownedBy(context, [write.ownerId]), write);
      settle(waiting, () => waiting.resolve(result));
    } catch (error) {
      settle(waiting, () => waiting.reject(error));
    }
  }

  /** Answers, and lets the next one of the conversation go. */
  function settle({ write }: One, answer: () => void): void {
    answer();
    const key = keyOf(write);
    if (lines.get(key)?.length) ready.add(key);
    else lines.delete(key);
    start();
  }

  function rejectLate(error: unknown): void {
    const before = performance.now() - maxWaitMs;
    for (const [key, line] of lines) {
      const late = line.filter(({ since }) => since < before).length;
      for (const { reject } of line.splice(0, late)) reject(error);
      if (line.length === 0 && ready.delete(key)) lines.delete(key);
    }
  }

  return { add };
}

function ownersOf(some: readonly { write: Grouped }[]): Set<string> {
  return new Set(some.map(({ write }) => String(write.ownerId)));
}

/** With the owner: nobody waits behind what somebody else sends to their conversation in vain. */
function keyOf({ ownerId, conversationId }: Grouped): string {
  return `${ownerId} ${conversationId}`;
}
