/** Messages in a statement, each a row with parameters of its own: for a few that is cheaper than lists, here and in the database. */
import { type SQL, sql } from "drizzle-orm";
import type { Outgoing } from "./outgoing.ts";

const types = ["uuid", "uuid", "text", "text", "text", "json"];

/** What an insert into `message` names. */
export const insertedColumns = sql.raw(
  "id, conversation_id, user_id, seq, parent_id, role, status, content, parts, created_at",
);

/** `m(id, parent_id, role, status, content, parts, number)`, whose parameters begin at `start`. */
export function messageRows(count: number, start: number): SQL {
  const rows = Array.from({ length: count }, (_, index) => {
    const columns = types.map((type, column) => nth(start + types.length * index + column, type));
    return sql`(${sql.join(columns, sql`, `)}, ${sql.raw(String(index + 1))})`;
  });
  return sql`(values ${sql.join(rows, sql`, `)}) as m(id, parent_id, role, status, content, parts, number)`;
}

/** Those parameters. The first message has no parent here unless one was given. */
export function messageValues(columns: Outgoing): unknown[] {
  const { ids, roles, statuses, contents, parts } = columns;
  const values: unknown[] = [];
  for (const [index, id] of ids.entries()) {
    values.push(id, parentOf(columns, index), roles[index], statuses[index], contents[index], parts[index]);
  }
  return values;
}

/** The parent that was given, or the message before it in the same append. */
export function parentOf({ ids, parentIds, placed }: Outgoing, index: number): string | null {
  return (placed[index] ? parentIds[index] : ids[index - 1]) ?? null;
}

/** A parameter by its place in the list of values. */
export function nth(index: number, type?: string): SQL {
  const parameter = sql.placeholder(String(index));
  return type ? sql`${parameter}::${sql.raw(type)}` : sql`${parameter}`;
}
