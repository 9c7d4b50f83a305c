/**
 * Appends of one process that wait at the same moment share a statement and its commit. A lone one waits for nobody. Those of
 * one conversation go one after another, in the order in which they came.
 */

import { isLockTimeout, isUnavailable } from "../../sql/sqlstate.ts";
import { type Context, type GroupCommit, inLane, ownedBy } from "../context.ts";
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

/** Two: while one waits for its commit, the other works. Those of a cluster work on several nodes, and store one append each. */
const shared = { statementsAtOnce: 2, appends: 64 };
const alone = { statementsAtOnce: 8, appends: 1 };
/** After which a statement counts no more: it waits for a lock, or for a database that is away. */
const hangingMs = 250;
const maxChars = 512 * 1024;
/** Who has waited for so long for a database that cannot be reached is told so. */
const maxWaitMs = 5_000;

export function createGroupCommit(context: Context): GroupCommit {
  const { statementsAtOnce, appends: maxAppends } = context.isDistributed ? alone : shared;
  /** What waits, by conversation. One that is here and not in `ready` has an append under way. */
  const lines = new Map<string, Waiting[]>();
  const ready = new Set<string>();
  /** Owners of statements that hang: what they hold, a user who is being deleted for one, would be waited for by each further one. */
  const hanging = new Map<string, number>();
  /** But for those that hang. */
  const underWay = new Set<{ some: readonly Waiting[]; since: number }>();
  let isWatching = false;
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

  async function sendOff(some: readonly Waiting[]): Promise<void> {
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

  function take(share: number): Waiting[] {
    const some: Waiting[] = [];
    let chars = 0;
    for (const key of ready) {
      const [first] = lines.get(key) ?? [];
      if (!first || hanging.has(String(first.append.ownerId))) continue;
      chars += charsOf(first.append.rows);
      const isFull = some.length >= Math.min(share, maxAppends) || chars > maxChars;
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
      const appends = some.map(({ append }) => append);
      const stored = await appendFast(ownedBy(context, [...new Set(appends.map(({ ownerId }) => ownerId))]), appends);
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
      const mine = ownedBy(context, [append.ownerId]);
      const messages = await inLane(mine, append.ownerId, append.conversationId, () => appendSlow(mine, append));
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

function ownersOf(some: readonly Waiting[]): Set<string> {
  return new Set(some.map(({ append }) => String(append.ownerId)));
}

/** With the owner: nobody waits behind what somebody else sends to their conversation in vain. */
function keyOf({ ownerId, conversationId }: Append): string {
  return `${ownerId} ${conversationId}`;
}
