/** The people of the tests, and a host's own user table that they stand in. */
import { type Connection, chatMigrations, createStore, type Migration, type StoreOptions } from "chatkeep";
import { chatModels } from "chatkeep/drizzle";
import { sql } from "drizzle-orm";
import { pgTable, text, uuid } from "drizzle-orm/pg-core";
import { inject } from "vitest";
import type { Drizzle } from "./with-drizzle.ts";

export const user = pgTable("user", { id: uuid("id").primaryKey().defaultRandom(), name: text("name").notNull() });

export const models = chatModels(user.id);

export const ownMigrations: Migration[] = [
  {
    name: "0000_user",
    sql: `create table "user" (id uuid primary key default gen_random_uuid(), name text not null)`,
  },
  ...chatMigrations(models),
];

export const ids = {
  ann: "a0000000-0000-4000-8000-00000000000a",
  bob: "b0000000-0000-4000-8000-00000000000b",
} as const;

/** Empties the database, and lets Ann and Bob in. */
export async function resetPeople(
  database: Connection & { db: Drizzle; limited?: Connection },
  options: StoreOptions = {},
) {
  await database.db.execute(sql`truncate "user" cascade`);
  await database.db.insert(user).values([
    { id: ids.ann, name: "Ann" },
    { id: ids.bob, name: "Bob" },
  ]);
  const { limited = database } = database;
  const isWalled = limited.query !== database.query;
  const store = createStore(limited, models, {
    rowLevelSecurity: isWalled,
    distributed: inject("engine") === "citus",
    ...options,
  });
  return { ids, store, ann: store.forUser(ids.ann), bob: store.forUser(ids.bob) };
}
