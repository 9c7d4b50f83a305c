/** The list of a user's conversations: by newest activity, those that are pinned, those in the archive, or by words of their titles. */
import * as z from "zod";
import { limits } from "../../limits.ts";
import { select } from "../../sql/columns.ts";
import { encodeCursor, keyOf } from "../../sql/cursor.ts";
import { join, param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { conversationName } from "../ids.ts";
import { parse } from "../input.ts";
import type { Page } from "../messages/page.ts";
import {
  conversationMetadataSchema,
  cursorSchema,
  flagSchema,
  limitSchema,
  searchSchema,
  uuidSchema,
} from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import { type Conversation, conversationColumns, conversationFrom } from "../tables/conversation.ts";
import type { UserId } from "../tables/tables.ts";

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
  /** Only those whose metadata has all these keys with these values: texts, numbers, true, false or null, or a list that has all of up to 10 of these; at most 10. */
  metadata?: Record<string, string | number | boolean | null | (string | number | boolean)[]> | undefined;
}

const idsOptionsSchema = strictObject({ after: uuidSchema.optional() }).nullish();

/** As many keys as one looks for at once. */
const maxFilters = 10;

/** All of them are to be in a list of the metadata. */
const someSchema = z
  .array(z.union([z.string(), z.number(), z.boolean()]))
  .min(1)
  .max(maxFilters);

const filterSchema = z
  .record(
    z.string(),
    z.union(
      [z.string(), z.number(), z.boolean(), z.null(), someSchema],
      "must be a text, a number, true, false or null, or a list of 1 to 10 of these",
    ),
    "must be an object",
  )
  .refine((filter) => Object.keys(filter).length <= maxFilters, `must have at most ${maxFilters} keys`)
  .refine(
    (filter) => conversationMetadataSchema.safeParse(filter).success,
    "must not contain the character NUL, or half of a surrogate pair",
  );

const optionsSchema = strictObject({
  limit: limitSchema.optional(),
  cursor: cursorSchema.nullish(),
  archived: flagSchema.optional(),
  pinned: flagSchema.optional(),
  search: searchSchema.optional(),
  metadata: filterSchema.optional(),
}).nullish();

/**
 * The owner's conversations, newest activity first. Reads no message.
 * @throws invalid_input
 */
export async function listConversations(
  context: Context,
  ownerId: UserId,
  options?: ConversationPageOptions,
): Promise<Page<Conversation>> {
  const given = parse(optionsSchema, options, "options") ?? {};
  const { limit = limits.conversationsPerPage, search, pinned, cursor } = given;
  const metadata = Object.keys(given.metadata ?? {}).length > 0 ? JSON.stringify(given.metadata) : undefined;
  const archived = given.archived ?? (search ? undefined : false);
  const rows = await listStatement(context, {
    hasKey: Boolean(cursor),
    hasSearch: search !== undefined,
    hasMetadata: metadata !== undefined,
    archived,
    pinned,
  }).execute({
    ownerId,
    limit: limit + 1,
    ...(cursor && keyOf(cursor)),
    ...(metadata && { metadata }),
    ...(search && { pattern: `%${search.replace(/[\\%_]/g, "\\$&")}%` }),
  });
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  const rowOf = ({ id }: Conversation) => conversationName(ownerId, id).id;
  return { items, nextCursor: last ? encodeCursor([last.updatedAt.getTime(), rowOf(last)]) : null };
}

export interface ConversationIdsOptions {
  /** The `nextCursor` of the page before. */
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
  context: Context,
  ownerId: UserId,
  options?: ConversationIdsOptions,
): Promise<Page<string>> {
  const { after } = parse(idsOptionsSchema, options, "options") ?? {};
  const rows = await idsStatement(context, after !== undefined).execute({ ownerId, after });
  const items = rows.slice(0, idsPerPage);
  const nextCursor = rows.length > idsPerPage ? (items.at(-1)?.id ?? null) : null;
  return { items: items.map(({ id, externalId }) => externalId ?? id), nextCursor };
}

function idsStatement(context: Context, hasAfter: boolean) {
  const build = () => sql`
    select c.id, c.external_id
    from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.expires_at is null ${hasAfter ? sql`and c.id > ${param("after", "uuid")}` : raw("")}
    order by c.id
    limit ${raw(String(idsPerPage + 1))}`;
  return prepared(context, hasAfter ? "ids_next" : "ids", build, ([id, externalId]) => ({
    id: id as string,
    externalId: externalId as string | null,
  }));
}

interface Kind {
  hasKey: boolean;
  hasSearch: boolean;
  hasMetadata: boolean;
  archived: boolean | undefined;
  pinned: boolean | undefined;
}

/** Reads conversation_user_id_archived_updated_at_id_idx backward, or conversation_pinned_idx. */
function listStatement(context: Context, { hasKey, hasSearch, hasMetadata, archived, pinned }: Kind) {
  const name = [
    "list",
    hasKey && "next",
    hasSearch && "search",
    hasMetadata && "metadata",
    `a${archived}`,
    `p${pinned}`,
  ]
    .filter(Boolean)
    .join("_");
  const build = () => {
    const conditions: (Sql | false)[] = [
      sql`c.user_id = ${owner(context)} and c.expires_at is null`,
      archived !== undefined && raw(`c.archived = ${archived}`),
      pinned !== undefined && raw(pinned ? "c.pinned" : "not c.pinned"),
      hasSearch && sql`c.title ilike ${param("pattern", "text")}`,
      hasMetadata &&
        sql`c.metadata is not null and ${ofOwner(raw("c.user_id"), raw("c.metadata"))}
        @> ${ofOwner(owner(context), param("metadata", "json"))}`,
      hasKey && sql`(c.updated_at, c.id) < (${param("time", "timestamptz")}, ${param("id", "uuid")})`,
    ];
    return sql`
      select ${select(conversationColumns, "c")}
      from ${context.tables.conversation} c
      where ${join(
        conditions.filter((each) => each !== false),
        " and ",
      )}
      order by c.updated_at desc, c.id desc
      limit ${param("limit", "int")}`;
  };
  return prepared(context, name, build, (row) => conversationFrom(row));
}

/** As conversation_metadata_idx has it: metadata under its owner's id, so that what others have is never looked at. */
function ofOwner(userId: Sql, metadata: Sql): Sql {
  return sql`jsonb_set('{}', array[${userId}::text], ${metadata}::jsonb)`;
}
