/**
 * Appends of one process that wait at the same moment share a statement and its commit. A lone one waits for nobody. Those of
 * one conversation go one after another, in the order in which they came.
 */

import { isLockTimeout, isUnavailable } from "../../sql/sqlstate.ts";
import { type Context, type GroupCommit, inLane } from "../context.ts";
import type { Message } from "../tables/message.ts";
import { appendFast, charsOf } from "./append-fast.ts";
import { appendSlow } from "./append-slow.ts";
import type { Append } from "./outgoing.ts";

interface Waiting {
  append: Append;
  since: number;
  resolve(messages: Message[]): void;
  reject(error: unknown): void;
}

/** Two: while one waits for its commit, the other works. */
const statementsAtOnce = 2;
/** After which a statement counts no more: it waits for a lock, or for a database that is away. */
const hangingMs = 250;
const max = { appends: 64, chars: 512 * 1024 };
/** Who has waited for so long for a database that cannot be reached is told so. */
const maxWaitMs = 5_000;

export function createGroupCommit(context: Context): GroupCommit {
  /** What waits, by conversation. One that is here and not in `ready` has an append under way. */
  const lines = new Map<string, Waiting[]>();
  const ready = new Set<string>();
  /** Owners of statements that hang: what they hold, a user who is being deleted for one, would be waited for by each further one. */
  const hanging = new Map<string, number>();
  let underWay = 0;
  let isStarting = false;

  function add(append: Append): Promise<Message[]> {
    return new Promise((resolve, reject) => {
      const waiting = { append, since: performance.now(), resolve, reject };
      const key = keyOf(append);
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
    if (isStarting || ready.size === 0 || underWay === statementsAtOnce) return;
    isStarting = true;
    queueMicrotask(() => {
      isStarting = false;
      while (underWay < statementsAtOnce) {
        const some = take(Math.ceil(ready.size / (statementsAtOnce - underWay)));
        if (some.length === 0) return;
        sendOff(some);
      }
    });
  }

  /** A statement that hangs holds up only those that are in it. */
  function sendOff(some: readonly Waiting[]): void {
    underWay += 1;
    let isCounted = true;
    const makeRoom = () => {
      if (!isCounted) return;
      isCounted = false;
      underWay -= 1;
      start();
    };
    const owners = new Set(some.map(({ append }) => String(append.ownerId)));
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      for (const owner of owners) hanging.set(owner, (hanging.get(owner) ?? 0) + 1);
      makeRoom();
    }, hangingMs);
    void store(some).then(() => {
      clearTimeout(timer);
      for (const owner of hangs ? owners : []) {
        const others = (hanging.get(owner) ?? 1) - 1;
        if (others > 0) hanging.set(owner, others);
        else hanging.delete(owner);
      }
      makeRoom();
      start();
    });
  }

  function take(share: number): Waiting[] {
    const some: Waiting[] = [];
    let chars = 0;
    for (const key of ready) {
      const [first] = lines.get(key) ?? [];
      if (!first || hanging.has(String(first.append.ownerId))) continue;
      chars += charsOf(first.append.rows);
      const isFull = some.length >= Math.min(share, max.appends) || chars > max.chars;
      if (some.length > 0 && isFull) break;
      lines.get(key)?.shift();
      ready.delete(key);
      some.push(first);
    }
    return some;
  }

  /** Never rejects: each of them is answered, or goes alone. */
  async function store(some: readonly Waiting[]): Promise<void> {
    try {
      const stored = await appendFast(
        context,
        some.map(({ append }) => append),
      );
      for (const [index, waiting] of some.entries()) {
        const messages = stored[index];
        if (messages) settle(waiting, () => waiting.resolve(messages));
        else void storeAlone(waiting);
      }
    } catch (error) {
      if (isLockTimeout(error) || (some.length === 1 && !isUnavailable(error))) {
        for (const waiting of some) void storeAlone(waiting);
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
  async function storeAlone(waiting: Waiting): Promise<void> {
    try {
      const { append } = waiting;
      const messages = await inLane(context, append.ownerId, append.conversationId, () => appendSlow(context, append));
      settle(waiting, () => waiting.resolve(messages));
    } catch (error) {
      settle(waiting, () => waiting.reject(error));
    }
  }

  /** Answers, and lets the next one of the conversation go. */
  function settle({ append }: Waiting, answer: () => void): void {
    answer();
    const key = keyOf(append);
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

/** With the owner: nobody waits behind what somebody else sends to their conversation in vain. */
function keyOf({ ownerId, conversationId }: Append): string {
  return `${ownerId} ${conversationId}`;
}
