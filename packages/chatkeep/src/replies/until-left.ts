/** Reading the events of a reply, which whoever makes it may go on with though it was asked to stop. */

/** For the last words after a stop. */
const graceMs = 500;

/** The events until they end, or for half a second after `signal` is aborted: then they are left alone. */
export async function* untilLeft<Event>(events: AsyncIterable<Event>, signal: AbortSignal): AsyncGenerator<Event> {
  const iterator = events[Symbol.asyncIterator]();
  let isLeft = false;
  let leave = () => {};
  const onAbort = () => {
    setTimeout(() => {
      isLeft = true;
      leave();
    }, graceMs).unref();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const next = () =>
    new Promise<IteratorResult<Event> | undefined>((resolve, reject) => {
      leave = () => resolve(undefined);
      iterator.next().then(resolve, reject);
    });
  try {
    while (!isLeft) {
      const result = await next();
      if (!result || result.done) return;
      yield result.value;
    }
  } finally {
    // It may never answer that, and has nothing to say where it has ended.
    iterator.return?.()?.then(undefined, () => {});
    signal.removeEventListener("abort", onAbort);
  }
}
