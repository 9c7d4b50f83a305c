/** Who there is, and how they sign in: the tables of Better Auth, as the existing application has them. */
import { bigint, boolean, index, integer, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";

export const user = pgTable("user", {
  id: uuid("id").primaryKey().defaultRandom(),
  name: text("name").notNull(),
  email: text("email").notNull().unique("user_email_key"),
  emailVerified: boolean("email_verified").notNull().default(false),
  image: text("image"),
  /** Has no way to sign in again: what it has goes to whoever signs up from there, or goes after some weeks. */
  isAnonymous: boolean("is_anonymous").notNull().default(false),
  /** Sees who there is, and may invite and remove them. */
  isAdmin: boolean("is_admin").notNull().default(false),
  createdAt: time("created_at").notNull().defaultNow(),
  updatedAt: time("updated_at").notNull().defaultNow(),
});

export const session = pgTable(
  "session",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    userId: ownerId(),
    token: text("token").notNull().unique("session_token_key"),
    expiresAt: time("expires_at").notNull(),
    ipAddress: text("ip_address"),
    userAgent: text("user_agent"),
    createdAt: time("created_at").notNull().defaultNow(),
    updatedAt: time("updated_at").notNull().defaultNow(),
  },
  (table) => [index("session_user_id_idx").on(table.userId)],
);

export const account = pgTable(
  "account",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    userId: ownerId(),
    accountId: text("account_id").notNull(),
    providerId: text("provider_id").notNull(),
    accessToken: text("access_token"),
    refreshToken: text("refresh_token"),
    idToken: text("id_token"),
    accessTokenExpiresAt: time("access_token_expires_at"),
    refreshTokenExpiresAt: time("refresh_token_expires_at"),
    scope: text("scope"),
    password: text("password"),
    createdAt: time("created_at").notNull().defaultNow(),
    updatedAt: time("updated_at").notNull().defaultNow(),
  },
  (table) => [index("account_user_id_idx").on(table.userId)],
);

export const verification = pgTable(
  "verification",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    identifier: text("identifier").notNull(),
    value: text("value").notNull(),
    expiresAt: time("expires_at").notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
    updatedAt: time("updated_at").notNull().defaultNow(),
  },
  (table) => [index("verification_identifier_idx").on(table.identifier)],
);

export const jwks = pgTable("jwks", {
  id: uuid("id").primaryKey().defaultRandom(),
  publicKey: text("public_key").notNull(),
  privateKey: text("private_key").notNull(),
  alg: text("alg"),
  crv: text("crv"),
  createdAt: time("created_at").notNull().defaultNow(),
  expiresAt: time("expires_at"),
});

/** Attempts to sign in, counted for all servers together. */
export const rateLimit = pgTable("rate_limit", {
  id: uuid("id").primaryKey().defaultRandom(),
  key: text("key").notNull().unique("rate_limit_key_key"),
  count: integer("count").notNull(),
  lastRequest: bigint("last_request", { mode: "number" }).notNull(),
});

/** Keys of programs. The key itself is shown once and not kept: `hash` is its SHA-256. */
export const apiKey = pgTable(
  "api_key",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    userId: ownerId(),
    name: text("name").notNull(),
    /** The first characters, by which people know it again. */
    start: text("start").notNull(),
    hash: text("hash").notNull().unique("api_key_hash_key"),
    isReadOnly: boolean("is_read_only").notNull().default(false),
    expiresAt: time("expires_at"),
    /** To the hour. */
    lastUsedAt: time("last_used_at"),
    createdAt: time("created_at").notNull().defaultNow(),
  },
  (table) => [index("api_key_user_id_idx").on(table.userId)],
);

/** What renews the access of an anonymous user who keeps no cookie. `hash` is the SHA-256 of the token. */
export const refreshToken = pgTable(
  "refresh_token",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    userId: ownerId(),
    sessionId: uuid("session_id")
      .notNull()
      .references(() => session.id, { onDelete: "cascade" }),
    hash: text("hash").notNull().unique("refresh_token_hash_key"),
    expiresAt: time("expires_at").notNull(),
    usedAt: time("used_at"),
    createdAt: time("created_at").notNull().defaultNow(),
  },
  (table) => [
    index("refresh_token_user_id_idx").on(table.userId),
    index("refresh_token_session_id_idx").on(table.sessionId),
  ],
);

/** Anonymous users whose things went to an account, for as long as their token might be shown again. */
export const claim = pgTable("claim", {
  hash: text("hash").primaryKey(),
  userId: ownerId(),
  createdAt: time("created_at").notNull().defaultNow(),
});

export type User = typeof user.$inferSelect;

function ownerId() {
  return uuid("user_id")
    .notNull()
    .references(() => user.id, { onDelete: "cascade" });
}

function time(name: string) {
  return timestamp(name, { withTimezone: true });
}
