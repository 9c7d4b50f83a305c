/** Messages whose place and time are known, written as they are. */
import { type Column, type ColumnsOf, integer, listsOf, names, unnest, uuid, values } from "../../sql/columns.ts";
import { sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { type PlacedMessage, placedColumns } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";

export interface InsertedRow extends PlacedMessage {
  conversationId: string;
  seq: number;
  /** As ISO 8601 has it. */
  createdAt: string;
}

export const moment = (name: string): Column<string> => ({ name, type: "timestamptz" });

export const insertedColumns: ColumnsOf<InsertedRow> = {
  ...placedColumns,
  conversationId: uuid("conversation_id"),
  seq: integer("seq"),
  createdAt: moment("created_at"),
};

/** @throws what the driver throws, such as for an id that is taken */
export async function insertRows(context: Context, ownerId: UserId, rows: readonly InsertedRow[]): Promise<void> {
  const build = () => sql`
    insert into ${context.tables.message} (user_id, ${names(insertedColumns)})
    select ${owner(context)}, ${values(insertedColumns, "m")}
    from ${unnest(insertedColumns, "m")}
    returning 1`;
  const statement = prepared(context, "insert_messages", build, () => undefined);
  await statement.execute({ ownerId, ...listsOf(insertedColumns, rows) });
}
