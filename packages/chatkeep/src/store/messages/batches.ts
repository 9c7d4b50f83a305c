/** Many messages, in as few statements as may be. */
import type { PlacedMessage } from "../tables/message.ts";

/** In one statement. */
const max = { rows: 5_000, chars: 4 * 1024 * 1024 };

/** Rows for one statement each: bounded by their number and their size. */
export function* batchesOf<Row extends PlacedMessage>(all: readonly Row[]): Generator<Row[]> {
  let some: Row[] = [];
  let chars = 0;
  for (const row of all) {
    some.push(row);
    chars += row.content.length + (row.parts?.length ?? 0) + (row.metadata?.length ?? 0);
    if (some.length < max.rows && chars < max.chars) continue;
    yield some;
    some = [];
    chars = 0;
  }
  if (some.length > 0) yield some;
}
