/** Passkeys: the public half of a key that a person's device keeps. */
import { bigint, boolean, index, json, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { user } from "./user.ts";

export const passkey = pgTable(
  "passkey",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    userId: uuid("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    name: text("name").notNull(),
    /** Base64url, as the device named it. */
    credentialId: text("credential_id").notNull().unique("passkey_credential_id_key"),
    /** COSE, base64url. */
    publicKey: text("public_key").notNull(),
    /** How often the device has signed, where it counts: one that counts backwards is a copy. */
    counter: bigint("counter", { mode: "number" }).notNull().default(0),
    transports: json("transports").$type<string[]>().notNull().default([]),
    /** Kept in a keychain that all devices of a person share. */
    isBackedUp: boolean("is_backed_up").notNull().default(false),
    createdAt: timestamp("created_at", { withTimezone: true, precision: 3 }).notNull().defaultNow(),
    lastUsedAt: timestamp("last_used_at", { withTimezone: true, precision: 3 }),
  },
  (table) => [index("passkey_user_id_idx").on(table.userId)],
);
