/** Tags of conversations: noted in their metadata as `tags`. Every function takes the owner. */
import type { Store } from "chatkeep";
import { isStorable } from "chatkeep/internal";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { asOperator } from "./as-operator.ts";
import { noteOfConversation } from "./conversation-notes.ts";
import type { Database } from "./database.ts";

const max = { tags: 20, characters: 50, listed: 500 };

export const tagsSchema = z.strictObject({
  tags: z
    .array(
      z
        .string("must be a text")
        .trim()
        .min(1, "must not be empty")
        .max(max.characters, `must have at most ${max.characters} characters`)
        .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair"),
      "must be a list of texts",
    )
    .max(max.tags, `must be at most ${max.tags} tags`)
    .transform((tags) => [...new Set(tags)]),
});

/** In the place of those that it has. @throws not_found */
export async function tagConversation(store: Store, userId: string, conversationId: string, tags: readonly string[]) {
  return await noteOfConversation(store, userId, conversationId, "tags", tags.length > 0 ? tags : null);
}

export interface Tag {
  name: string;
  /** Not those in the trash, or that are temporary. */
  conversations: number;
}

/** All that a user's conversations have, by name; 500 at most. */
export async function listTags(db: Database, userId: string): Promise<Tag[]> {
  const rows = await asOperator<{ name: string; conversations: number }>(
    db,
    sql`
    select tag.name, count(*)::float as conversations
    from conversation c
    cross join lateral jsonb_array_elements_text(
      case when jsonb_typeof(c.metadata::jsonb -> 'tags') = 'array' then c.metadata::jsonb -> 'tags' else '[]' end
    ) as tag (name)
    where c.user_id = ${userId}::uuid and c.metadata is not null and c.deleted_at is null and c.expires_at is null
    group by tag.name
    order by lower(tag.name), tag.name
    limit ${max.listed}`,
  );
  return rows.map(({ name, conversations }) => ({ name, conversations: Number(conversations) }));
}
