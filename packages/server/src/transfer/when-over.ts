/** What is written piece by piece, and holds something until it is over. */

/** The same, which says when it is over, also for whoever leaves before its beginning: then a generator does not say so itself. */
export function whenOver<Item>(source: AsyncGenerator<Item>, onOver: () => void): AsyncIterableIterator<Item> {
  const over = async (step: Promise<IteratorResult<Item>>): Promise<IteratorResult<Item>> => {
    const result = await step.catch((error: unknown) => {
      onOver();
      throw error;
    });
    if (result.done) onOver();
    return result;
  };
  return {
    [Symbol.asyncIterator]: () => whenOver(source, onOver),
    next: () => over(source.next()),
    return: () => over(source.return(undefined)),
  };
}
