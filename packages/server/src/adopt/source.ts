/** Tables of another product in this database, whose conversations can be taken over. */
import type { Connection } from "chatkeep";
import type { ReadConversation } from "../transfer/formats/format.ts";

/** A conversation of another product's tables, with whoever it belongs to there. */
export interface Adopted extends ReadConversation {
  /** As the tables name them: an address where they have one. */
  owner: { email?: string; name: string };
}

export interface Source {
  /** What it is called on the command line. */
  name: string;
  /** Tables and the columns that are read, by which it is known. */
  tables: Record<string, readonly string[]>;
  /** All of it, as it is read. `table` gives a table's name as SQL has it. */
  read(query: Query, table: (name: string) => string): AsyncIterable<Adopted>;
}

export type Query = (text: string, values?: readonly string[]) => Promise<Record<string, unknown>[]>;

/** Chats that are read together. */
export const batch = 200;

/** @throws what the database says */
export function queryOn(connection: Pick<Connection, "query">): Query {
  return async (text, values = []) => {
    // As one JSON each, so that every driver gives the same.
    const rows = await connection.query(`select to_json(row)::text from (${text}) row`, values);
    return rows.map(([json]) => JSON.parse(String(json)) as Record<string, unknown>);
  };
}
