/** Reading chatkeep's tables past their policies: whose rows are meant the statement says itself. */
import { asEverybody } from "chatkeep/internal";
import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** Of all users, where policies stand before them. */
export async function asOperator<Row>(db: Database, query: SQL): Promise<Row[]> {
  return await db
    .transaction(
      async (tx) => {
        await tx.execute(sql.raw(asEverybody));
        return (await tx.execute(query)) as unknown as { rows: Row[] };
      },
      { accessMode: "read only" },
    )
    .then(({ rows }) => rows);
}
