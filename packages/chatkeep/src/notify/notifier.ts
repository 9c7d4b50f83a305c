/**
 * How processes on one database tell each other that something has changed: by NOTIFY, with names only. A notification may be lost,
 * or not arrive at all behind a pooler, so whoever gets one reads the database, and also reads it from time to time.
 */
import * as z from "zod";
import type { Connection, Listen } from "../sql/connection.ts";
import type { Change } from "../store/changes.ts";
import type { UserId } from "../store/tables/tables.ts";
import { coalesce } from "./coalesce.ts";

/** What is told: what a store has committed, that a run has streamed, or that a user's sessions have ended. */
export type Notification = Change | { userId: UserId; isSignedOut: true };

const notificationSchema = z.union([
  z.object({ runId: z.uuid(), isStop: z.literal(true).optional() }),
  z.object({ userId: z.union([z.string(), z.number()]), conversationId: z.uuid() }),
  z.object({ userId: z.union([z.string(), z.number()]), isSignedOut: z.literal(true) }),
]);

/** What is sent: `[version:process, …]` with changes, and texts by which a process tests whether it hears. */
const payloadSchema = z.tuple([z.string().regex(/^\d{1,9}:[\w-]{1,40}$/)], z.unknown());
const version = 1;

/** `undefined`: changes may have been missed, so anything may be another than before. */
export type Subscriber = (change: Notification | undefined) => void;

/** Where a notifier says what went wrong, as pino and others take it. */
export interface NotifierLog {
  debug(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** What `createNotifier` is made of. */
export interface NotifierOptions {
  connection: Connection;
  log: NotifierLog;
  /** That of the connection when left out. Where neither has it, nothing can be heard from other processes, which then are asked often. */
  listen?: Listen | undefined;
  /** No other process has this database. */
  isAlone?: boolean | undefined;
}

/**
 * Tells the other processes on a database what this one has changed, and hears them: `publish`, `subscribe`,
 * `keepListening`, `isListening`, `counts`.
 */
export type Notifier = ReturnType<typeof createNotifier>;

const channel = "chatkeep";
/** PostgreSQL takes 8,000 bytes in one notification. */
const payloadBytes = 7_500;
/** A list may be a little late; whoever follows a reply waits for words, and such changes go out at once. */
const publishEveryMs = 100;
const testEveryMs = 20_000;
const testWithinMs = 3_000;
const retryMs = { first: 1_000, max: 30_000 };

/**
 * Makes the notifier of a process: one in each, told of the store by `store.onChange(notifier.publish)`; close it at the end. It listens
 * only while `keepListening` is in force, and tests every 20 seconds whether it hears.
 */
export function createNotifier({ connection, log, listen = connection.listen, isAlone = false }: NotifierOptions) {
  const self = `${version}:${crypto.randomUUID().slice(0, 8)}`;
  const subscribers = new Set<Subscriber>();
  const outgoing = new Map<string, Notification>();
  const closing = new AbortController();
  const counts = { sent: 0, heard: 0 };
  let keepers = 0;
  let isListening = isAlone;
  let onTest = (_nonce: string) => {};
  let listening: Promise<void> | undefined;

  const tell = (change: Notification | undefined) => {
    for (const subscriber of subscribers) {
      try {
        subscriber(change);
      } catch (error) {
        log.error({ error }, "a change could not be taken in");
      }
    }
  };

  async function flush(): Promise<void> {
    const changes = [...outgoing.values()];
    outgoing.clear();
    counts.sent += changes.length;
    for (const payload of payloadsOf(self, changes)) await notify(connection, payload);
  }

  const sending = coalesce(
    flush,
    // Nobody waits for it: what a lost notification would have told is read all the same.
    { everyMs: publishEveryMs, onError: (error) => log.debug({ error }, "a notification was lost") },
  );

  /** Tells the other processes, and the subscribers of this one at once. */
  function publish(change: Notification): void {
    tell(change);
    if (isAlone) return;
    outgoing.set(Object.values(change).join(" "), change);
    sending.trigger("runId" in change);
  }

  /** Listens until the function that it gives is called, by all who called it: a process that nobody uses lets the database sleep. */
  function keepListening(): () => void {
    keepers += 1;
    if (!isAlone && listen)
      listening ??= stayListening(listen).finally(() => {
        listening = undefined;
      });
    return () => {
      keepers -= 1;
    };
  }

  async function stayListening(start: NonNullable<typeof listen>): Promise<void> {
    let retry = retryMs.first;
    while (keepers > 0 && !closing.signal.aborted) {
      const lost = Promise.withResolvers<void>();
      try {
        const connection = await start(channel, { onNotify, onLost: lost.resolve });
        try {
          while (keepers > 0 && !closing.signal.aborted && (await passesTest())) {
            if (!isListening) tell(undefined);
            isListening = true;
            retry = retryMs.first;
            if ((await Promise.race([lost.promise.then(() => "lost"), rest(testEveryMs)])) === "lost") break;
          }
        } finally {
          await connection.close();
        }
      } catch (error) {
        log.debug({ error }, "listening failed");
      }
      if (keepers === 0 || closing.signal.aborted) break;
      log[retry === retryMs.first ? "warn" : "debug"](
        { retryMs: retry },
        "notifications do not arrive: other processes' changes are asked for instead",
      );
      isListening = false;
      await rest(retry);
      retry = Math.min(retry * 2, retryMs.max);
    }
    isListening = false;
  }

  /** Until the time is over, or this is closed. */
  const rest = (ms: number) =>
    new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        closing.signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      (timer as { unref?(): void }).unref?.();
      closing.signal.addEventListener("abort", end);
      if (closing.signal.aborted) end();
    });

  /** Whether what is sent through the pool arrives here: a pooler may accept LISTEN, and pass nothing on. */
  async function passesTest(): Promise<boolean> {
    const nonce = crypto.randomUUID();
    const heard = new Promise<boolean>((resolve) => {
      onTest = (received) => received === nonce && resolve(true);
    });
    await notify(connection, JSON.stringify([self, nonce]));
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
        const change = notificationSchema.safeParse(item);
        if (!change.success) continue;
        counts.heard += 1;
        tell(change.data);
      }
    } else {
      tell(undefined);
    }
  }

  return {
    publish,
    keepListening,
    /** Calls `subscriber` for every change, those of this process too. */
    subscribe: (subscriber: Subscriber) => void subscribers.add(subscriber),
    /** Whether the changes of other processes arrive. */
    isListening: () => isListening,
    /** How many changes were sent to other processes, and heard of them. */
    counts: () => ({ ...counts }),
    /** Sends at once what waits. @throws what the driver throws */
    flush,
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

const encoder = new TextEncoder();

function* payloadsOf(self: string, changes: readonly Notification[]): Generator<string> {
  let some: Notification[] = [];
  let bytes = 0;
  for (const one of changes) {
    const size = encoder.encode(JSON.stringify(one)).byteLength + 1;
    if (bytes + size > payloadBytes) {
      yield JSON.stringify([self, ...some]);
      [some, bytes] = [[], 0];
    }
    some.push(one);
    bytes += size;
  }
  if (some.length > 0) yield JSON.stringify([self, ...some]);
}

/** Nobody is sorry for a notification that a crash takes along, so its commit waits for no disk. */
async function notify(connection: Connection, payload: string): Promise<void> {
  const text =
    "select set_config('synchronous_commit', 'off', true) as set, pg_notify($1::text, $2::text)::text as sent";
  await connection.query(text, [channel, payload]);
}
