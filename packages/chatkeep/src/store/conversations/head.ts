/** Moving the end of the branch that is shown. What is below it is not shown, and not given to a model, but is not removed. */
import { NotFoundError, UnavailableError } from "../../errors.ts";
import { select } from "../../sql/columns.ts";
import { param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { conversationName, messageName } from "../ids.ts";
import { parseId } from "../input.ts";
import { type Conversation, conversationColumns, conversationFrom } from "../tables/conversation.ts";
import { type Message, messageColumns, messageFrom } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { getConversation } from "./conversations.ts";

/** The branch ends with this message from now on; `null`: nothing is shown. @throws invalid_input, not_found */
export async function moveHead(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  messageId: string | null,
): Promise<Conversation> {
  const givenId = parseId(conversationId, "conversationId");
  const last = messageId === null ? null : parseId(messageId, "messageId");
  const { id } = conversationName(ownerId, givenId);
  const values = { ownerId, conversationId: id, messageId: last && messageName(ownerId, id, last).id };
  const [row] = await moveStatement(context, last !== null).execute(values);
  if (!row) {
    await getConversation(context, ownerId, givenId);
    throw new NotFoundError("message", String(last));
  }
  context.changed({ userId: ownerId, conversationId: givenId });
  return row;
}

function moveStatement(context: Context, hasMessage: boolean) {
  const { conversation, message } = context.tables;
  const [mine, id] = [owner(context), param("conversationId", "uuid")];
  const head = (columns: string, from: Sql) => sql`
    update ${conversation} c
    set ${raw(columns)}, updated_at = greatest(c.updated_at, clock_timestamp())
    ${from}
    returning ${select(conversationColumns, "c")}`;
  const build = () =>
    hasMessage
      ? head(
          "head_id = m.id, head_external_id = m.external_id",
          sql`from ${message} m
            where c.user_id = ${mine} and c.id = ${id} and c.deleted_at is null and m.user_id = ${mine}
              and m.id = ${param("messageId", "uuid")} and (m.conversation_id = c.id) is true`,
        )
      : head(
          "head_id = null, head_external_id = null",
          sql`where c.user_id = ${mine} and c.id = ${id} and c.deleted_at is null`,
        );
  return prepared(context, hasMessage ? "truncate" : "clear", build, (row) => conversationFrom(row));
}

const attempts = 4;

/**
 * The last message of the branch, which ends with the one before it from now on; `undefined` when nothing is shown.
 * @throws invalid_input, not_found
 */
export async function popMessage(
  context: Context,
  ownerId: UserId,
  conversationId: string,
): Promise<Message | undefined> {
  const givenId = parseId(conversationId, "conversationId");
  const { id } = conversationName(ownerId, givenId);
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const [popped] = await popStatement(context, givenId).execute({ ownerId, conversationId: id });
    if (popped) {
      context.changed({ userId: ownerId, conversationId: givenId });
      return popped;
    }
    const { headId } = await getConversation(context, ownerId, givenId);
    if (headId === null) return undefined;
    // Somebody appended while the lock was waited for: the next statement sees that.
  }
  throw new UnavailableError("The conversation changes too fast: try again.");
}

function popStatement(context: Context, givenId: string) {
  const { conversation, message } = context.tables;
  const [mine, id] = [owner(context), param("conversationId", "uuid")];
  const build = () => sql`
    with locked as (
      select c.id, c.user_id, c.head_id
      from ${conversation} c
      where c.user_id = ${mine} and c.id = ${id} and c.deleted_at is null
      for no key update
    ),
    popped as (
      select m.*
      from locked
      join ${message} m on m.user_id = ${mine} and m.id = locked.head_id
    ),
    touched as (
      update ${conversation} c
      set head_id = popped.parent_id, head_external_id = popped.parent_external_id,
        updated_at = greatest(c.updated_at, clock_timestamp())
      from popped
      where c.user_id = ${mine} and c.id = ${id}
    )
    select ${select(messageColumns, "popped")} from popped`;
  return prepared(context, "pop", build, (row) => messageFrom(row, givenId));
}
