/** What was read for one person must not be shown to the next. */
import type { QueryClient } from "@tanstack/react-query";

/** What the server tells anybody stays: a page that stands already may be waiting for it. */
const ofAnybody = new Set<unknown>(["person", "ways"]);

export function forgetQueries(queries: QueryClient): void {
  queries.removeQueries({ predicate: ({ queryKey }) => !ofAnybody.has(queryKey[0]) });
}
