/** Rows as lists, from drivers that give objects: the statements of chatkeep name each column once, and none by a number. */

/** Of a list of rows, or of a result that has them. */
export function rowsOf(result: unknown): unknown[][] {
  const rows = Array.isArray(result) ? result : (result as { rows?: unknown[] } | undefined)?.rows;
  return (rows ?? []).map((row) => (Array.isArray(row) ? row : Object.values(row as object)));
}
