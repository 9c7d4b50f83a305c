/** For what is tried again and again: one line when it begins to fail, one a minute while that lasts, one when it works again. */

/** Where an outage is told of: any logger that takes details and a message, as pino does. */
export interface OutageLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** What `createOutageLog` gives: to be told of each attempt that failed or worked. */
export interface OutageLog {
  failed(error: unknown): void;
  worked(): void;
  /** The work, which is seen to succeed; its failures are for `failed`. */
  watch(work: () => Promise<void>): () => Promise<void>;
}

/** Tells of an outage of `what`, a sentence without its full stop, once in `everyMs` (a minute) while it lasts. */
export function createOutageLog(logger: OutageLogger, what: string, everyMs = 60_000): OutageLog {
  let since: number | undefined;
  let toldAt = 0;
  let failures = 0;
  const failed = (error: unknown): void => {
    const now = performance.now();
    failures += 1;
    since ??= now;
    if (failures > 1 && now - toldAt < everyMs) return;
    toldAt = now;
    logger.warn({ error, ...(failures > 1 && { failures, ms: Math.round(now - since) }) }, what);
  };
  const worked = (): void => {
    if (since === undefined) return;
    logger.info({ failures, ms: Math.round(performance.now() - since) }, `works again: ${what}`);
    [since, failures] = [undefined, 0];
  };
  return {
    failed,
    worked,
    watch: (work) => async () => {
      await work();
      worked();
    },
  };
}
