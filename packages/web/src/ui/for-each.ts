/** The same done for many, a few at once; what fails keeps nothing else from being done. */

const atOnce = 4;

export async function forEach<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<{ done: Item[]; errors: Error[] }> {
  const left = [...items];
  const done: Item[] = [];
  const errors: Error[] = [];
  const take = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      try {
        await work(item);
        done.push(item);
      } catch (error) {
        errors.push(error as Error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, take));
  return { done, errors };
}
