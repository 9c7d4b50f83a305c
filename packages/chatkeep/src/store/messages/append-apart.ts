/**
 * The fast path of appends on a cluster, in two statements on the node of the conversation: Citus passes what a part of a statement
 * inserts through all nodes, so that one that is down would hold up everybody.
 */
import { list, param, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared, within } from "../context.ts";
import { insertRows } from "./insert-rows.ts";
import { type Append, followsHead } from "./outgoing.ts";
import { type Stored, storedFrom } from "./stored.ts";

/** `undefined` when something is in the way. @throws what the driver throws; then nothing is stored */
export async function appendApart(context: Context, append: Append): Promise<Stored | undefined> {
  const { ownerId, conversationId, rows, expectedSeq, title } = append;
  const last = rows.at(-1);
  return await context.connection.transaction(async (inside) => {
    const through = within(context, inside);
    const [stored] = await touchStatement(through).execute({
      ownerId,
      conversationId,
      count: rows.length,
      lastId: last?.id,
      lastExternalId: last?.externalId,
      title,
      expectedSeq,
    });
    if (!stored) return undefined;
    const { messageCount, headId, headExternalId, storedAt } = stored;
    const head = { parentId: headId, parentExternalId: headExternalId };
    const placed = rows.map((row, index) => ({
      ...row,
      ...(index === 0 && followsHead(rows) && head),
      conversationId,
      seq: messageCount + index + 1,
      createdAt: storedAt.toISOString(),
    }));
    await insertRows(through, ownerId, placed);
    return stored;
  });
}

/** Whether the parents that were given are messages of the conversation, or earlier in the append. */
export async function areParentsThere(context: Context, { ownerId, conversationId, rows }: Append): Promise<boolean> {
  const before = new Set<string>();
  const outside = new Set<string>();
  for (const { id, parentId, hasParent } of rows) {
    if (hasParent && parentId !== null && !before.has(parentId)) outside.add(parentId);
    before.add(id);
  }
  const build = () => sql`
    select m.id
    from ${context.tables.message} m
    where m.user_id = ${owner(context)} and m.conversation_id = ${param("conversationId", "uuid")}
      and m.id in (select unnest(${list("ids", "uuid")}))`;
  const statement = prepared(context, "append_parents", build, () => undefined);
  return (await statement.execute({ ownerId, conversationId, ids: [...outside] })).length === outside.size;
}

function touchStatement(context: Context) {
  const { conversation } = context.tables;
  const [mine, id] = [owner(context), param("conversationId", "uuid")];
  const expected = param("expectedSeq", "int");
  const build = () => sql`
    with locked as (
      select c.head_id, c.head_external_id, c.message_count
      from ${conversation} c
      where c.user_id = ${mine} and c.id = ${id} and c.deleted_at is null
      for no key update skip locked
    ),
    touched as (
      update ${conversation} c
      set message_count = locked.message_count + ${param("count", "int")},
        head_id = ${param("lastId", "uuid")},
        head_external_id = ${param("lastExternalId", "text")},
        title = coalesce(c.title, ${param("title", "text")}),
        updated_at = greatest(c.updated_at, clock_timestamp())
      from locked
      where c.user_id = ${mine} and c.id = ${id} and (${expected} is null or ${expected} = locked.message_count)
      returning locked.message_count, locked.head_id, locked.head_external_id, c.updated_at
    )
    select 0 as index, message_count, head_id, head_external_id, date_part('epoch', updated_at) * 1000 as stored_at
    from touched`;
  return prepared(context, "append_touch", build, storedFrom);
}
