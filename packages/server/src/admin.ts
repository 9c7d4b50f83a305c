/** What administrators see and do: who there is and what they take, never what they wrote. */
import { randomBytes } from "node:crypto";
import { ForbiddenError, InvalidInputError, limitSchema, NotFoundError, type Page } from "chatkeep";
import { encodeCursor, keyOf, parse } from "chatkeep/internal";
import { and, eq, type SQL, sql } from "drizzle-orm";
import { asOperator } from "./as-operator.ts";
import type { Database } from "./database.ts";
import { user, verification } from "./models/index.ts";

/** An account, with what is kept for it. */
export interface AdminUser {
  id: string;
  email: string;
  name: string;
  emailVerified: boolean;
  isAdmin: boolean;
  createdAt: Date;
  /** When a session of theirs was last renewed; `null` when none is open. */
  seenAt: Date | null;
  conversations: number;
  messages: number;
  fileBytes: number;
  /** Of the last thirty days. */
  replies: number;
  tokens: number;
}

const perPage = 50;
const usageDays = 30;

/** @throws forbidden unless this user is an administrator */
export async function requireAdmin(db: Database, userId: string): Promise<void> {
  const [found] = await db.select({ isAdmin: user.isAdmin }).from(user).where(eq(user.id, userId));
  if (!found?.isAdmin) {
    throw new ForbiddenError("This is for administrators: the operator makes one by chatkeep users admin EMAIL.");
  }
}

export interface AdminUserPageOptions {
  /** In the name or the address, in whatever case. */
  search?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** Accounts, newest first; guests are not among them. @throws invalid_input */
export async function listAdminUsers(
  db: Database,
  { search, limit: wanted, cursor }: AdminUserPageOptions,
): Promise<Page<AdminUser>> {
  const limit = parse(limitSchema, wanted ?? perPage, "limit");
  const rows = await asOperator<Record<string, unknown>>(
    db,
    sql`
    select u.id, u.email, u.name, u.email_verified, u.is_admin, u.created_at,
      (select max(s.updated_at) from session s where s.user_id = u.id) as seen_at,
      c.conversations::float, c.messages::float,
      (select coalesce(sum(f.size), 0)::float from attachment_content f where f.user_id = u.id) as file_bytes,
      g.replies::float, g.tokens::float
    from (
      select * from "user" u
      where not u.is_anonymous and ${hasWords(search)} and ${isBelow(cursor)}
      order by u.created_at desc, u.id desc
      limit ${limit + 1}
    ) u
    cross join lateral (
      select count(*) as conversations, coalesce(sum(c.message_count), 0) as messages
      from conversation c where c.user_id = u.id and c.deleted_at is null
    ) c
    cross join lateral (
      select coalesce(sum(g.replies), 0) as replies, coalesce(sum(g.input_tokens + g.output_tokens), 0) as tokens
      from usage g where g.user_id = u.id and g.day > (now() at time zone 'utc')::date - ${usageDays}::int
    ) g
    order by u.created_at desc, u.id desc`,
  );
  const items = rows.slice(0, limit).map(
    (row): AdminUser => ({
      id: String(row["id"]),
      email: String(row["email"]),
      name: String(row["name"]),
      emailVerified: row["email_verified"] === true,
      isAdmin: row["is_admin"] === true,
      createdAt: new Date(row["created_at"] as string),
      seenAt: row["seen_at"] === null ? null : new Date(row["seen_at"] as string),
      conversations: Number(row["conversations"]),
      messages: Number(row["messages"]),
      fileBytes: Number(row["file_bytes"]),
      replies: Number(row["replies"]),
      tokens: Number(row["tokens"]),
    }),
  );
  const last = rows.length > limit ? items.at(-1) : undefined;
  return { items, nextCursor: last ? encodeCursor([last.createdAt.getTime(), last.id]) : null };
}

function hasWords(search: string | undefined): SQL {
  if (!search?.trim()) return sql`true`;
  const pattern = `%${search.trim().replaceAll(/[\\%_]/g, "\\$&")}%`;
  return sql`(u.email ilike ${pattern} or u.name ilike ${pattern})`;
}

function isBelow(cursor: string | undefined): SQL {
  if (cursor === undefined) return sql`true`;
  const { time, id } = keyOf(cursor);
  return sql`(date_trunc('milliseconds', u.created_at), u.id) < (${time}::timestamptz, ${id}::uuid)`;
}

/** What all took together, by days and models, newest first. */
export async function usageOfAll(db: Database) {
  const rows = await asOperator<Record<string, unknown>>(
    db,
    sql`
    select day::text, model, count(distinct user_id)::float as users, sum(replies)::float as replies,
      sum(input_tokens)::float as input_tokens, sum(output_tokens)::float as output_tokens
    from usage
    where day > (now() at time zone 'utc')::date - ${usageDays}::int
    group by day, model
    order by day desc, sum(input_tokens + output_tokens) desc, model
    limit 1000`,
  );
  return rows.map((row) => ({
    day: String(row["day"]),
    model: String(row["model"]),
    users: Number(row["users"]),
    replies: Number(row["replies"]),
    inputTokens: Number(row["input_tokens"]),
    outputTokens: Number(row["output_tokens"]),
  }));
}

/** @throws not_found; invalid_input where nobody would be an administrator any more */
export async function setAdmin(db: Database, id: string, isAdmin: boolean): Promise<void> {
  await db.transaction(async (tx) => {
    // In one order, so that two administrators who take it from each other do not both succeed.
    const admins = await tx
      .select({ id: user.id })
      .from(user)
      .where(eq(user.isAdmin, true))
      .orderBy(user.id)
      .for("update");
    if (!isAdmin && admins.every((each) => each.id === id)) {
      throw new InvalidInputError("Nobody would be an administrator any more: make somebody else one first.");
    }
    const changed = await tx
      .update(user)
      .set({ isAdmin })
      .where(and(eq(user.id, id), eq(user.isAnonymous, false)))
      .returning({ id: user.id });
    if (changed.length === 0) throw new NotFoundError("user", id);
  });
}

const passwordLinkHours = 24;

/** By which whoever has it sets a new password, as one that was asked for by mail. @throws not_found */
export async function makePasswordLink(
  db: Database,
  url: string,
  id: string,
): Promise<{ link: string; email: string }> {
  const { email } = await findAccount(db, id);
  const token = randomBytes(24).toString("base64url");
  await db.insert(verification).values({
    identifier: `reset-password:${token}`,
    value: id,
    expiresAt: new Date(Date.now() + passwordLinkHours * 3_600_000),
  });
  return { link: `${url}/reset-password?${new URLSearchParams({ token })}`, email };
}

/** @throws not_found, also for guests */
export async function findAccount(db: Database, id: string): Promise<{ email: string }> {
  const [found] = await db
    .select({ email: user.email })
    .from(user)
    .where(and(eq(user.id, id), eq(user.isAnonymous, false)));
  if (!found) throw new NotFoundError("user", id);
  return found;
}
