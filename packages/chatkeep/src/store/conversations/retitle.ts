/** A title that a model has made: it takes the place of one that was cut from the question, and never of one that a person gave. */
import { param, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { conversationName } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import { titleSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import type { UserId } from "../tables/tables.ts";

/** `from` is the title as it was read: one that has changed since stays as it is. */
export interface Retitle {
  from: string | null;
  title: string;
}

const retitleSchema = strictObject({ from: titleSchema.nullable(), title: titleSchema });

/**
 * Gives a conversation a title in place of the one that was made of its first question; its place in lists stays. `false` when a
 * person has given it a title, or it has another by now, or it is not there. @throws invalid_input
 */
export async function retitleConversation(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  input: Retitle,
): Promise<boolean> {
  const givenId = parseId(conversationId, "conversationId");
  const { from, title } = parse(retitleSchema, input, "retitle");
  const { id } = conversationName(ownerId, givenId);
  const build = () => sql`
    update ${context.tables.conversation} c
    set title = ${param("title", "text")}, title_by = 'model'
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")}
      and c.deleted_at is null and c.title_by is null and c.title is not distinct from ${param("from", "text")}
    returning c.id`;
  const statement = prepared(context, "retitle", build, ([row]) => row as string);
  const [row] = await statement.execute({ ownerId, conversationId: id, from, title });
  if (row === undefined) return false;
  context.changed({ userId: ownerId, conversationId: givenId });
  return true;
}
