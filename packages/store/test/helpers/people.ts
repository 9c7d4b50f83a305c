/** The people of the tests, and a host's own user table that they stand in. */
import { chatMigrations, chatModels, createStore, type Database, type Migration } from "chatkeep";
import { sql } from "drizzle-orm";
import { pgTable, text, uuid } from "drizzle-orm/pg-core";

export const user = pgTable("user", { id: uuid("id").primaryKey().defaultRandom(), name: text("name").notNull() });

export const models = chatModels(user.id);

export const ownMigrations: Migration[] = [
  {
    name: "0000_user",
    sql: `create table "user" (id uuid primary key default gen_random_uuid(), name text not null)`,
  },
  ...chatMigrations(user.id),
];

export const ids = {
  ann: "a0000000-0000-4000-8000-00000000000a",
  bob: "b0000000-0000-4000-8000-00000000000b",
} as const;

/** Empties the database, and lets Ann and Bob in. */
export async function meetPeople(db: Database) {
  await db.execute(sql`truncate "user" cascade`);
  await db.insert(user).values([
    { id: ids.ann, name: "Ann" },
    { id: ids.bob, name: "Bob" },
  ]);
  const store = createStore(db, models);
  return { ids, store, ann: store.forUser(ids.ann), bob: store.forUser(ids.bob) };
}
