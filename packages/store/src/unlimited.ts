/** A connection without limits of time, for work that may take long. The drivers of chatkeep leave word of how to open one. */
import type { Database } from "./database.ts";

interface Unlimited {
  db: Database;
  close(): Promise<void>;
}

const openers = new WeakMap<object, () => Unlimited>();

export function offerUnlimited(db: object, open: () => Unlimited): void {
  openers.set(db, open);
}

/** Runs `work` on such a connection; on the given one where it is a host's own, or has no limits. */
export async function withUnlimited<Result>(db: Database, work: (db: Database) => Promise<Result>): Promise<Result> {
  const own = openers.get(db)?.();
  if (!own) return await work(db);
  try {
    return await work(own.db);
  } finally {
    await own.close();
  }
}
