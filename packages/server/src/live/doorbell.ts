/**
 * How servers on one database tell each other that something has changed: by NOTIFY, with names only. A ring may be lost, or
 * not be heard at all behind a pooler, so whoever hears it reads the database, and also reads it from time to time.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Database, UserId } from "chatkeep";
import { sql } from "drizzle-orm";
import { z } from "zod";
import type { Log } from "../log.ts";
import { gather } from "./gather.ts";

/** What has changed: a run has streamed or ended, or was asked to stop; a conversation is another than before; a user's sessions have ended. */
export type Ring =
  | { runId: string; isStop?: true | undefined }
  | { userId: UserId; conversationId: string }
  | { userId: UserId; isSignedOut: true };

const ringSchema = z.union([
  z.object({ runId: z.uuid(), isStop: z.literal(true).optional() }),
  z.object({ userId: z.union([z.string(), z.number()]), conversationId: z.uuid() }),
  z.object({ userId: z.union([z.string(), z.number()]), isSignedOut: z.literal(true) }),
]);

/** What servers send: `[version:server, …]` with rings, and texts by which a server tests its own hearing. */
const payloadSchema = z.tuple([z.string().regex(/^\d{1,9}:[\w-]{1,40}$/)], z.unknown());
const version = 1;

/** `undefined`: rings may have been missed, so anything may have changed. */
type Hearer = (ring: Ring | undefined) => void;

interface ListenHandlers {
  onNotify(payload: string): void;
  onLost(): void;
}

export interface DoorbellOptions {
  db: Database;
  log: Log;
  /** Of the driver. Missing: nothing can be heard from other servers, which then are asked often. */
  listen?: ((channel: string, handlers: ListenHandlers) => Promise<{ close(): Promise<void> }>) | undefined;
  /** No other process has this database. */
  isAlone?: boolean | undefined;
}

export type Doorbell = ReturnType<typeof createDoorbell>;

const channel = "chatkeep";
/** PostgreSQL takes 8,000 bytes in one notification. */
const payloadBytes = 7_500;
/** A list may be a little late; whoever follows a reply waits for words, and such rings go out at once. */
const ringEveryMs = 100;
const testEveryMs = 20_000;
const testWithinMs = 3_000;
const retryMs = { first: 1_000, most: 30_000 };

export function createDoorbell({ db, log, listen, isAlone = false }: DoorbellOptions) {
  const self = `${version}:${randomUUID().slice(0, 8)}`;
  const hearers = new Set<Hearer>();
  const outgoing = new Map<string, Ring>();
  const closing = new AbortController();
  let holders = 0;
  let isHeard = isAlone;
  let onTest = (_nonce: string) => {};
  let listening: Promise<void> | undefined;

  const tell = (ring: Ring | undefined) => {
    for (const hear of hearers) {
      try {
        hear(ring);
      } catch (error) {
        log.error({ error }, "news could not be taken in");
      }
    }
  };

  const sending = gather(
    async () => {
      const rings = [...outgoing.values()];
      outgoing.clear();
      for (const payload of payloadsOf(self, rings)) await notify(db, payload);
    },
    // Nobody waits for it: what a lost ring would have told is read all the same.
    { everyMs: ringEveryMs, onError: (error) => log.debug({ error }, "a ring was lost") },
  );

  /** Tells the other servers, and the hearers of this one at once. */
  function ring(one: Ring): void {
    tell(one);
    if (isAlone) return;
    outgoing.set(Object.values(one).join(" "), one);
    sending.ask("runId" in one);
  }

  /** Listens for as long as somebody holds it, so that a server that nobody uses lets the database sleep. */
  function hold(): () => void {
    holders += 1;
    if (!isAlone && listen)
      listening ??= stayListening(listen).finally(() => {
        listening = undefined;
      });
    return () => {
      holders -= 1;
    };
  }

  async function stayListening(start: NonNullable<typeof listen>): Promise<void> {
    let retry = retryMs.first;
    while (holders > 0 && !closing.signal.aborted) {
      const lost = Promise.withResolvers<void>();
      try {
        const connection = await start(channel, { onNotify, onLost: lost.resolve });
        try {
          while (holders > 0 && !closing.signal.aborted && (await passesTest())) {
            if (!isHeard) tell(undefined);
            isHeard = true;
            retry = retryMs.first;
            if ((await Promise.race([lost.promise.then(() => "lost"), rest(testEveryMs)])) === "lost") break;
          }
        } finally {
          await connection.close();
        }
      } catch (error) {
        log.debug({ error }, "listening failed");
      }
      if (holders === 0 || closing.signal.aborted) break;
      log[retry === retryMs.first ? "warn" : "debug"](
        { retryMs: retry },
        "notifications do not arrive: other servers' news are asked for instead",
      );
      isHeard = false;
      await rest(retry);
      retry = Math.min(retry * 2, retryMs.most);
    }
    isHeard = false;
  }

  const rest = (ms: number) => pause(ms, undefined, { signal: closing.signal, ref: false }).catch(() => {});

  /** Whether what is sent through the pool arrives here: a pooler may accept LISTEN, and pass nothing on. */
  async function passesTest(): Promise<boolean> {
    const nonce = randomUUID();
    const heard = new Promise<boolean>((resolve) => {
      onTest = (received) => received === nonce && resolve(true);
    });
    await notify(db, JSON.stringify([self, nonce]));
    return await Promise.race([heard, rest(testWithinMs).then(() => false)]);
  }

  /** Anybody on this database may send anything on the channel, and a later release what this one does not know. */
  function onNotify(payload: string): void {
    const read = payloadSchema.safeParse(parsed(payload));
    if (!read.success) return;
    const [from, ...items] = read.data;
    if (from === self) {
      for (const item of items) if (typeof item === "string") onTest(item);
      return;
    }
    if (from.startsWith(`${version}:`)) {
      for (const item of items) {
        const ring = ringSchema.safeParse(item);
        if (ring.success) tell(ring.data);
      }
    } else {
      tell(undefined);
    }
  }

  return {
    ring,
    hold,
    /** Calls `hearer` for every ring, its own server's too. */
    hear: (hearer: Hearer) => void hearers.add(hearer),
    /** Whether the rings of other servers arrive. */
    isHeard: () => isHeard,
    close: async () => {
      closing.abort();
      await sending.close();
      await listening;
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function* payloadsOf(self: string, rings: readonly Ring[]): Generator<string> {
  let some: Ring[] = [];
  let bytes = 0;
  for (const one of rings) {
    const size = Buffer.byteLength(JSON.stringify(one)) + 1;
    if (bytes + size > payloadBytes) {
      yield JSON.stringify([self, ...some]);
      [some, bytes] = [[], 0];
    }
    some.push(one);
    bytes += size;
  }
  if (some.length > 0) yield JSON.stringify([self, ...some]);
}

/** Nobody is sorry for a ring that a crash takes along, so its commit waits for no disk. */
async function notify(db: Database, payload: string): Promise<void> {
  await db.execute(sql`select set_config('synchronous_commit', 'off', true), pg_notify(${channel}, ${payload})`);
}
