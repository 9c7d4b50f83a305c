/**
 * A statement as Citus sends it to a node as it is: without functions that might give another result there. The time is that of the
 * statement's beginning; that of a session's time zone is UTC here in any case.
 * @see https://docs.citusdata.com/en/stable/develop/reference_workarounds.html
 */
export function onOneNode(text: string): string {
  return (
    text
      .replaceAll("clock_timestamp()", "statement_timestamp()")
      // A list needs no query of its own there: each node plans for itself.
      .replace(/\(select (\$\d+::text::\w+\[\])\)/g, "$1")
      .replace(/date_part\('epoch', ((?:[^()]|\([^()]*\))+)\)/g, "date_part('epoch', ($1) at time zone 'UTC')")
  );
}
