/** The list of a user's conversations: by newest activity, those that are pinned, those in the archive, or by words of their titles. */
import { and, desc, eq, gt, type SQL, sql } from "drizzle-orm";
import { z } from "zod";
import { conversationColumns, conversationFrom } from "./conversations.ts";
import { encodeCursor, placeOf } from "./cursor.ts";
import { type Chat, preparedRows } from "./database.ts";
import { parse } from "./input.ts";
import type { Page } from "./messages/page.ts";
import type { Conversation, UserId } from "./models/chat.ts";
import { limits } from "./models/limits.ts";
import { cursorSchema, idSchema, limitSchema, markSchema, searchSchema } from "./models/schemas.ts";

export interface ConversationPageOptions {
  /** 1 to 100; 20 when left out. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | null | undefined;
  /** Those in the archive, or those that are not; the latter when left out, and both together when searching. */
  archived?: boolean | undefined;
  /** Only those that are pinned, or are not. */
  pinned?: boolean | undefined;
  /** 1 to 200 characters that the title has somewhere, in whatever case. Looks at every title of the user. */
  search?: string | undefined;
}

const idsOptionsSchema = z.object({ after: idSchema.optional() }, "must be an object").nullish();

const optionsSchema = z
  .object(
    {
      limit: limitSchema.optional(),
      cursor: cursorSchema.nullish(),
      archived: markSchema.optional(),
      pinned: markSchema.optional(),
      search: searchSchema.optional(),
    },
    "must be an object",
  )
  .nullish();

/**
 * The owner's conversations, newest activity first. Reads no message.
 * @throws invalid_input
 */
export async function listConversations(
  chat: Chat,
  ownerId: UserId,
  options?: ConversationPageOptions,
): Promise<Page<Conversation>> {
  const given = parse(optionsSchema, options, "options") ?? {};
  const { limit = limits.conversationsPerPage, search, pinned, cursor } = given;
  const archived = given.archived ?? (search ? undefined : false);
  const rows = await listStatement(chat, {
    hasPlace: Boolean(cursor),
    hasSearch: search !== undefined,
    archived,
    pinned,
  }).execute({
    ownerId,
    limit: limit + 1,
    ...(cursor && placeOf(cursor)),
    ...(search && { pattern: `%${search.replace(/[\\%_]/g, "\\$&")}%` }),
  });
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  return { items, nextCursor: last ? encodeCursor([last.updatedAt.getTime(), last.id]) : null };
}

export interface ConversationIdsOptions {
  /** The `nextCursor` of the page before, which is the last id of it. */
  after?: string | undefined;
}

/** So many that their order is made a few times only for a user of a hundred thousand: there is no index for it. */
const idsPerPage = 10_000;

/**
 * The ids of all conversations of the owner, archived ones too, ordered by themselves: whoever walks along them meets each
 * conversation once, whatever is written meanwhile.
 * @throws invalid_input
 */
export async function listConversationIds(
  chat: Chat,
  ownerId: UserId,
  options?: ConversationIdsOptions,
): Promise<Page<string>> {
  const { after } = parse(idsOptionsSchema, options, "options") ?? {};
  const { conversation } = chat.models;
  const rows = await chat.db
    .select({ id: conversation.id })
    .from(conversation)
    .where(and(eq(conversation.userId, ownerId), after === undefined ? undefined : gt(conversation.id, after)))
    .orderBy(conversation.id)
    .limit(idsPerPage + 1);
  const items = rows.slice(0, idsPerPage).map(({ id }) => id);
  return { items, nextCursor: rows.length > idsPerPage ? (items.at(-1) ?? null) : null };
}

interface Kind {
  hasPlace: boolean;
  hasSearch: boolean;
  archived: boolean | undefined;
  pinned: boolean | undefined;
}

/** Reads conversation_user_id_archived_updated_at_id_idx backward, or conversation_pinned_idx. */
function listStatement(chat: Chat, { hasPlace, hasSearch, archived, pinned }: Kind) {
  const name = ["list", hasPlace && "next", hasSearch && "search", `a${archived}`, `p${pinned}`]
    .filter(Boolean)
    .join("_");
  const build = () => {
    const { conversation } = chat.models;
    const { updatedAt, id, title } = conversation;
    const conditions: (SQL | undefined)[] = [
      eq(conversation.userId, sql.placeholder("ownerId")),
      archived === undefined ? undefined : eq(conversation.archived, sql.raw(String(archived))),
      pinned === undefined ? undefined : pinned ? sql`${conversation.pinned}` : sql`not ${conversation.pinned}`,
      hasSearch ? sql`${title} ilike ${sql.placeholder("pattern")}::text` : undefined,
      hasPlace
        ? sql`(${updatedAt}, ${id}) < (${sql.placeholder("time")}::timestamptz, ${sql.placeholder("id")}::uuid)`
        : undefined,
    ];
    return chat.db
      .select(conversationColumns(chat.models))
      .from(conversation)
      .where(and(...conditions))
      .orderBy(desc(updatedAt), desc(id))
      .limit(sql.placeholder("limit"));
  };
  return preparedRows(chat, name, build, conversationFrom);
}
