/** Finding messages over HTTP. */
import type { SearchPage } from "../wire.ts";
import type { RequestOptions, Sender } from "./request.ts";

/** What to find, and which page of it. */
export interface SearchQuery extends RequestOptions {
  /** Words that all must be there, also as beginnings of longer ones, `"phrases"` as they are, and `-without`. */
  text: string;
  /** 1 to 100; 20 when left out. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
  /** Where to look in messages: only in their words when it is left out. */
  in?: readonly ("text" | "reasoning" | "tools" | "files")[] | undefined;
  role?: "user" | "assistant" | "system" | "tool" | undefined;
  /** Messages from this time on, and until this time. */
  after?: Date | string | undefined;
  before?: Date | string | undefined;
  conversationId?: string | undefined;
  /** Those in the archive, or those that are not; both when left out. */
  archived?: boolean | undefined;
  /** `newest` first when left out. */
  sort?: "newest" | "best" | undefined;
}

/** Finds messages, and conversations by their titles. @throws invalid_input */
export type SearchClient = (query: SearchQuery) => Promise<SearchPage>;

export function searchClient({ request }: Sender): SearchClient {
  return ({ signal, keepalive, in: fields, after, before, ...query }) =>
    request("/search", {
      query: { ...query, in: fields?.join(","), after: timeOf(after), before: timeOf(before) },
      signal,
      keepalive,
    });
}

function timeOf(given: Date | string | undefined): string | undefined {
  return given instanceof Date ? given.toISOString() : given;
}
