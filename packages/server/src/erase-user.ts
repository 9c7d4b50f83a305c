/** Removing a user for good: what the library keeps in batches, then what this server keeps, with a receipt of both. */
import type { ErasureReceipt, Store } from "chatkeep";
import { fromDrizzle } from "chatkeep/drizzle";
import { inTransaction } from "chatkeep/internal";
import { eq, getTableName } from "drizzle-orm";
import type { Database } from "./database.ts";
import {
  account,
  apiKey,
  claim,
  feedback,
  passkey,
  preference,
  project,
  refreshToken,
  session,
  share,
  task,
} from "./models/index.ts";

/** Those that others refer to come after these. */
const tables = [refreshToken, session, account, passkey, apiKey, claim, preference, project, share, task].map((table) =>
  getTableName(table),
);

/** What was removed, by table. */
export interface UserReceipt extends Omit<ErasureReceipt, "rows"> {
  rows: Record<string, number>;
}

type Erasing = Pick<Store, "forUser">;

/** In batches, so that whoever stops in the middle goes on when it is called again; without a store all at once, and no receipt. */
export async function eraseUser(db: Database, store: Erasing, id: string): Promise<UserReceipt>;
export async function eraseUser(db: Database, store: Erasing | undefined, id: string): Promise<UserReceipt | undefined>;
export async function eraseUser(db: Database, store: Erasing | undefined, id: string) {
  // Before the conversations that it is about take it along.
  const thought = await db.delete(feedback).where(eq(feedback.userId, id)).returning({ id: feedback.id });
  const receipt = await store?.forUser(id).erase();
  const rows: Record<string, number> = { ...receipt?.rows, [getTableName(feedback)]: thought.length };
  await inTransaction(fromDrizzle(db), async (inside) => {
    // Whoever writes a row for this user waits, and then finds that user gone.
    await inside.query(`select from "user" where id = $1::uuid for update`, [id]);
    const count = async (name: string, column: string) => {
      const text = `with gone as (delete from "${name}" where ${column} = $1::uuid returning 1) select count(*) from gone`;
      rows[name] = Number((await inside.query(text, [id]))[0]?.[0]);
    };
    for (const name of tables) await count(name, "user_id");
    await count("user", "id");
  });
  return receipt && { ...receipt, rows };
}
