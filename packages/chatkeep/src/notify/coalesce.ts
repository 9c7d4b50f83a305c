/** Work that is asked for often and done together: one at a time, with a pause between, and again after a failure. */

/** How often the work of `coalesce` is done, and who hears of its failures. */
export interface CoalesceOptions {
  /** From the beginning of one time to that of the next, in milliseconds. */
  everyMs: number;
  onError(error: unknown): void;
}

/** What `coalesce` gives: the way to ask for the work, and the way to end. */
export interface Coalesced {
  /** Has the work done soon: at once if it rested long enough. `isUrgent`: without the pause. */
  trigger(isUrgent?: boolean): void;
  /** Takes no further triggers, and waits for the work that is under way. */
  close(): Promise<void>;
}

const pauseAfterErrorMs = 250;

/**
 * Has `work` done whenever it is triggered, one at a time and at most once in `everyMs`: what comes while it is under way is done the
 * next time. After a failure it is done again.
 */
export function coalesce(work: () => Promise<void>, { everyMs, onError }: CoalesceOptions): Coalesced {
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> | undefined;
  let isDue = false;
  let isStarting = false;
  let notBefore = 0;
  let isClosed = false;

  const start = () => {
    timer = undefined;
    isStarting = false;
    if (isClosed) return;
    isDue = false;
    notBefore = performance.now() + everyMs;
    current = work()
      .catch((error: unknown) => {
        onError(error);
        isDue = true;
        notBefore = performance.now() + pauseAfterErrorMs;
      })
      .finally(() => {
        current = undefined;
        if (isDue) schedule();
      });
  };
  const schedule = (isUrgent = false) => {
    if (isClosed || current || isStarting) return;
    if (timer && !isUrgent) return;
    clearTimeout(timer);
    const waitMs = isUrgent ? 0 : notBefore - performance.now();
    if (waitMs > 0) {
      timer = setTimeout(start, waitMs);
      return;
    }
    // What is asked at the same moment is done together.
    isStarting = true;
    queueMicrotask(start);
  };
  return {
    trigger: (isUrgent = false) => {
      isDue = true;
      schedule(isUrgent);
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await current;
    },
  };
}
