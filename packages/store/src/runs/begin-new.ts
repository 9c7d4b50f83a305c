/**
 * The beginning of a reply as it nearly always is, in one statement and one round trip: the conversation is there and free, or
 * not there yet; the question and the draft are new. What it does not answer it did not store.
 */
import { type SQL, sql } from "drizzle-orm";
import { type Chat, inLane, isTransaction, preparedRows, within } from "../database.ts";
import { InvalidInputError } from "../errors.ts";
import { parse } from "../input.ts";
import { insertedColumns, messageRows, messageValues, nth } from "../messages/message-rows.ts";
import { type Outgoing, outgoing } from "../messages/outgoing.ts";
import type { UserId } from "../models/chat.ts";
import { type NewReply, newReplySchema } from "../models/schemas.ts";
import { isUniqueViolation } from "../sqlstate.ts";
import { titleFrom } from "../titles.ts";
import { savepointed } from "../transaction.ts";
import type { RunKey } from "./run.ts";

/**
 * Stores new messages, the last of which is the draft that the run writes, and begins the run; makes the conversation if there is
 * none. `undefined` when something is not as expected, such as an id that is known, a parent that is not there, or another run:
 * then nothing is stored, and `append` and `begin` in a transaction say what it is.
 * @throws invalid_input, too_large
 */
export async function beginNewReply(chat: Chat, ownerId: UserId, input: NewReply): Promise<RunKey | undefined> {
  const { conversationId, messages, server, model } = parse(newReplySchema, input, "reply");
  const draft = messages.at(-1);
  if (draft?.role !== "assistant" || draft.status !== "streaming") {
    throw new InvalidInputError('messages must end with the draft: role "assistant", status "streaming".');
  }
  const columns = outgoing(messages);
  const parentId = parentBefore(columns);
  if (parentId === undefined) return undefined;
  const follows = !columns.placed[0];
  const values = [ownerId, conversationId, titleFrom(messages), follows, columns.ids.at(-1), server, model ?? null];
  const all = [...values, parentId, columns.ids, ...messageValues(columns)];
  const key = await inLane(chat, ownerId, conversationId, () =>
    unlessTaken(chat, async (through) => (await beginStatement(through, messages.length).execute(all))[0]),
  );
  if (key) chat.changed({ userId: ownerId, conversationId });
  return key;
}

/** The message that the first one was put below, `null` for none, and `undefined` where others name one that must be looked up. */
function parentBefore({ ids, parentIds, placed }: Outgoing): string | null | undefined {
  const isKnown = parentIds.every(
    (id, index) => index === 0 || !placed[index] || (id && ids.slice(0, index).includes(id)),
  );
  return isKnown ? (parentIds[0] ?? null) : undefined;
}

async function unlessTaken<Result>(
  chat: Chat,
  statement: (chat: Chat) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  try {
    if (!isTransaction(chat.db)) return await statement(chat);
    return await savepointed(chat.db, (tx) => statement(within(chat, tx)));
  } catch (error) {
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}

function beginStatement(chat: Chat, count: number) {
  const build = () => {
    const { conversation, message, run } = chat.models;
    const [owner, id, title, follows, draftId] = [
      nth(0),
      nth(1, "uuid"),
      nth(2, "text"),
      nth(3, "boolean"),
      nth(4, "uuid"),
    ];
    const [server, model, parentId] = [nth(5, "text"), nth(6, "text"), nth(7, "uuid")];
    const ids = nth(8, "uuid[]");
    const total = sql.raw(String(count));
    return sql`
      with free as (
        select
        where not exists (
            select from ${run} r where r.user_id = ${owner} and r.conversation_id = ${id} and r.status = 'running')
          and not exists (select from ${message} m where m.user_id = ${owner} and m.id = any (${ids}))
          and (${parentId} is null or exists (${parentIn(message, owner, id, parentId)}))
      ),
      locked as (
        select c.id, c.head_id, c.message_count
        from ${conversation} c
        where c.user_id = ${owner} and c.id = ${id} and exists (select from free)
        for no key update
      ),
      touched as (
        update ${conversation} c
        set message_count = locked.message_count + ${total},
          head_id = ${draftId},
          title = coalesce(c.title, ${title}),
          updated_at = greatest(c.updated_at, clock_timestamp())
        from locked
        where c.user_id = ${owner} and c.id = locked.id
        returning c.id, c.user_id, locked.message_count, locked.head_id, c.updated_at
      ),
      made as (
        insert into ${conversation} (id, user_id, title, message_count, head_id)
        select ${id}, ${owner}, ${title}, ${total}, ${draftId}
        from free
        where ${parentId} is null
          and not exists (select from ${conversation} c where c.user_id = ${owner} and c.id = ${id})
        on conflict do nothing
        returning id, user_id, 0, null::uuid, created_at
      ),
      place(id, user_id, message_count, head_id, stored_at) as (
        select * from touched
        union all
        select * from made
      ),
      appended as (
        insert into ${message} (${insertedColumns})
        select m.id, place.id, place.user_id, place.message_count + m.number,
          case when m.number = 1 and ${follows} then place.head_id else m.parent_id end,
          m.role, m.status, m.content, m.parts, place.stored_at
        from place
        cross join ${messageRows(count, 9)}
      ),
      begun as (
        insert into ${run} (conversation_id, user_id, message_id, server, model)
        select place.id, place.user_id, ${draftId}, ${server}, ${model}
        from place
        returning id, epoch
      )
      select id, epoch from begun`;
  };
  return preparedRows(
    chat,
    `begin_${count}`,
    build,
    ([id, epoch]): RunKey => ({ id: id as string, epoch: epoch as number }),
  );
}

/** "is true" keeps the plan from reading the conversation. */
function parentIn(message: unknown, owner: SQL, conversationId: SQL, parentId: SQL): SQL {
  return sql`
    select from ${message} p
    where p.user_id = ${owner} and p.id = ${parentId} and (p.conversation_id = ${conversationId}) is true`;
}
