/** Conversations whose titles have the words of a search: all titles of the owner are compared, newest activity first. */
import { isTrue } from "../../sql/columns.ts";
import { param, raw, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import type { UserId } from "../tables/tables.ts";
import { type Query, scoreOf } from "./query.ts";
import { marksIn, type Snippet } from "./snippet.ts";
import { fold } from "./words.ts";

/** A conversation whose title was found. */
export interface FoundTitle {
  conversationId: string;
  title: string;
  /** Where the words are in the title. */
  marks: Snippet["marks"];
  archived: boolean;
  updatedAt: Date;
}

const batch = 2_000;

interface Narrowed {
  limit: number;
  archived: boolean | undefined;
  after: Date | undefined;
  before: Date | undefined;
}

export async function findTitles(context: Context, ownerId: UserId, query: Query, options: Narrowed) {
  const { limit, archived, after, before } = options;
  const found: FoundTitle[] = [];
  const word = query.wanted[0]?.pieces[0] ?? "";
  const pattern = `%${word.replace(/[\\%_]/g, "\\$&")}%`;
  let last: { time: string; id: string } | undefined;
  for (;;) {
    const rows = await titlesStatement(context, last !== undefined).execute({ ownerId, pattern, ...last });
    for (const row of rows) {
      const isMeant =
        (archived === undefined || archived === row.archived) &&
        (after === undefined || row.updatedAt >= after) &&
        (before === undefined || row.updatedAt <= before);
      if (!isMeant || scoreOf(query, [fold(row.title)]) === 0) continue;
      found.push({
        conversationId: row.conversationId,
        title: row.title,
        marks: marksIn(query, row.title),
        archived: row.archived,
        updatedAt: row.updatedAt,
      });
      if (found.length === limit) return found;
    }
    const end = rows.at(-1);
    if (!end || rows.length < batch) return found;
    last = { time: end.updatedAt.toISOString(), id: end.rowId };
  }
}

function titlesStatement(context: Context, hasKey: boolean) {
  const key = sql`and (c.updated_at, c.id) < (${param("time", "timestamptz")}, ${param("id", "uuid")})`;
  const build = () => sql`
    select c.id, c.external_id, c.title, c.archived, date_part('epoch', c.updated_at) * 1000 as updated_at
    from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.title is not null and c.expires_at is null
      -- Of letters that fold to themselves the database can say that a word is missing.
      and (c.title ilike ${param("pattern", "text")} or octet_length(c.title) > char_length(c.title)) ${hasKey ? key : raw("")}
    order by c.updated_at desc, c.id desc
    limit ${raw(String(batch))}`;
  return prepared(context, hasKey ? "search_titles_next" : "search_titles", build, (row) => {
    const [id, externalId, title, archived, updatedAt] = row;
    return {
      rowId: id as string,
      conversationId: (externalId ?? id) as string,
      title: title as string,
      archived: isTrue(archived),
      updatedAt: new Date(Math.round(Number(updatedAt))),
    };
  });
}
