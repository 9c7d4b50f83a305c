/** Conversations change their owner: what an anonymous user has comes along to the account. */
import { ConflictError } from "../errors.ts";
import { names } from "../sql/columns.ts";
import { join, list, param, raw, type Sql, sql } from "../sql/sql.ts";
import { type Context, changing, prepared } from "./context.ts";
import { type Copy, copyRows } from "./copy-rows.ts";
import { giveFiles, takeFiles } from "./files/move.ts";
import { conversationName, messageName, newId } from "./ids.ts";
import type { UserId } from "./tables/tables.ts";
import { addUsage, usageSumColumns } from "./tables/usage.ts";

/** A conversation that has another owner now. */
export interface MovedConversation {
  /** The id that its new owner reads it by. */
  id: string;
  /** The id that it had, where the new owner has another conversation of that name. */
  formerId?: string | undefined;
}

const conversationsAtOnce = 100;

interface Move {
  rowId: string;
  newRowId: string;
  externalId: string | null;
  newExternalId: string | null;
}

/**
 * In one transaction: all of it, or nothing. Row ids that are derived from owner and text are derived anew, so that each is found
 * by its text; where the new owner has a conversation of that text, the moved one gets an id of its own. A reply that is being
 * written goes over as far as it was stored, and ends as interrupted.
 */
export async function moveConversations(context: Context, from: UserId, to: UserId): Promise<MovedConversation[]> {
  if (String(from) === String(to)) throw new ConflictError("Conversations cannot be moved to the user who has them.");
  return await changing(context, async (inside) => {
    const moved: MovedConversation[] = [];
    const files = await takeFiles(inside, from);
    for (;;) {
      const batch = await lockSome(inside).execute({ from });
      if (batch.length === 0) {
        await (inside.isDistributed ? copyUsage(inside, from, to) : moveUsage(inside).execute({ from, to }));
        await giveFiles(inside, from, to, files);
        return moved;
      }
      const moves = await named(inside, to, batch);
      const renames = await moveRows(inside, from, to, moves);
      for (const { rowId, newRowId } of moves) files.newIds.set(rowId, newRowId);
      for (const { id, newId } of renames) if (files.messageIds.has(id)) files.newIds.set(id, newId);
      for (const { rowId, newRowId, externalId, newExternalId } of moves) {
        inside.changed({ userId: from, conversationId: rowId });
        inside.changed({ userId: to, conversationId: newRowId });
        const isRenamed = externalId !== newExternalId;
        moved.push({
          id: newExternalId ?? newRowId,
          ...(isRenamed && externalId !== null && { formerId: externalId }),
        });
      }
    }
  });
}

function lockSome(context: Context) {
  const build = () => sql`
    select id, external_id
    from ${context.tables.conversation}
    where user_id = ${param("from", context.tables.userType)}
    order by id
    limit ${param("count", "integer")}
    for update`;
  const read = ([id, externalId]: readonly unknown[]) => ({
    rowId: id as string,
    externalId: externalId as string | null,
  });
  const statement = prepared(context, "move_lock", build, read);
  return { execute: ({ from }: { from: UserId }) => statement.execute({ from, count: conversationsAtOnce }) };
}

/** The same from one node to another. */
async function copyUsage(context: Context, from: UserId, to: UserId): Promise<void> {
  const { usage, userType } = context.tables;
  const [fromId, toId] = [param("from", userType), param("to", userType)];
  const counted = () => sql`
    delete from ${usage} where user_id = ${fromId}
    returning day - date '1970-01-01', model, ${names(usageSumColumns)}`;
  const rows = await prepared(context, "copy_usage", counted, (row) => row).execute({ from });
  const lists = Object.fromEntries(
    ["days", "models", ...Object.keys(usageSumColumns)].map((name, at) => [name, rows.map((row) => row[at])]),
  );
  const sums = Object.keys(usageSumColumns).map((key) => list(key, "bigint"));
  const add = () => sql`
    insert into ${usage} as u (user_id, day, model, ${names(usageSumColumns)})
    select ${toId}, date '1970-01-01' + day, model, ${names(usageSumColumns)}
    from unnest(${list("days", "int")}, ${list("models", "text")}, ${join(sums)}) as taken (day, model, ${names(usageSumColumns)})
    on conflict (user_id, day, model) do update set ${addUsage}`;
  if (rows.length > 0) await prepared(context, "copy_usage_to", add, () => undefined).execute({ to, ...lists });
}

/** What an anonymous user took counts for the account. */
function moveUsage(context: Context) {
  const { usage, userType } = context.tables;
  const build = () => sql`
    with left_behind as (
      delete from ${usage} where user_id = ${param("from", userType)}
      returning day, model, ${names(usageSumColumns)}
    )
    insert into ${usage} as u (user_id, day, model, ${names(usageSumColumns)})
    select ${param("to", userType)}, day, model, ${names(usageSumColumns)}
    from left_behind
    on conflict (user_id, day, model) do update set ${addUsage}`;
  return prepared(context, "move_usage", build, () => {});
}

async function named(
  context: Context,
  to: UserId,
  batch: readonly { rowId: string; externalId: string | null }[],
): Promise<Move[]> {
  const wanted = batch.map(({ rowId, externalId }) => ({
    rowId,
    externalId,
    newExternalId: externalId,
    newRowId: externalId === null ? rowId : conversationName(to, externalId).id,
  }));
  const build = () => sql`
    select id from ${context.tables.conversation}
    where user_id = ${param("to", context.tables.userType)} and id in (select unnest(${list("ids", "uuid")}))`;
  const there = prepared(context, "move_taken", build, ([id]) => id as string);
  const taken = new Set(await there.execute({ to, ids: wanted.map(({ newRowId }) => newRowId) }));
  return wanted.map((move) => (taken.has(move.newRowId) ? { ...move, newRowId: newId(), newExternalId: null } : move));
}

async function moveRows(
  context: Context,
  from: UserId,
  to: UserId,
  moves: readonly Move[],
): Promise<{ id: string; newId: string }[]> {
  const { conversation, message, run, runChunk, searchBlock, searchPending, userType } = context.tables;
  const [fromId, toId] = [param("from", userType), param("to", userType)];
  const find = () => sql`
    select m.id, m.external_id, m.conversation_id
    from ${message} m
    where m.user_id = ${fromId} and m.conversation_id in (select unnest(${list("ids", "uuid")})) and m.external_id is not null`;
  const renames = await prepared(context, "move_names", find, (columns) => columns as [string, string, string]).execute(
    {
      from,
      ids: moves.map(({ rowId }) => rowId),
    },
  );
  const newRowIds = new Map(moves.map(({ rowId, newRowId }) => [rowId, newRowId]));
  const renamed = renames.map(([id, externalId, conversationId]) => ({
    id,
    newId: messageName(to, newRowIds.get(conversationId) ?? conversationId, externalId).id,
  }));
  const values = {
    from,
    to,
    ids: moves.map(({ rowId }) => rowId),
    newIds: moves.map(({ newRowId }) => newRowId),
    names: moves.map(({ newExternalId }) => newExternalId),
    messageIds: renamed.map(({ id }) => id),
    newMessageIds: renamed.map(({ newId }) => newId),
  };
  const places = sql`unnest(${list("ids", "uuid")}, ${list("newIds", "uuid")}, ${list("names", "text")})
    as p (id, new_id, external_id)`;
  const nameList = sql`unnest(${list("messageIds", "uuid")}, ${list("newMessageIds", "uuid")}) as n (id, new_id)`;
  if (context.isDistributed) {
    await copyConversations(context, places, nameList, values);
    return renamed;
  }
  // One statement, since its foreign keys are looked at when all of it is done.
  const build = () => sql`
    with place as (
      select * from ${places}
    ),
    name as (
      select * from ${nameList}
    ),
    conversations as (
      update ${conversation} c
      set user_id = ${toId}, id = p.new_id, external_id = p.external_id,
        head_id = coalesce((select n.new_id from name n where n.id = c.head_id), c.head_id), indexed_count = 0
      from place p
      where c.user_id = ${fromId} and c.id = p.id
      returning 1
    ),
    messages as (
      update ${message} m
      set user_id = ${toId}, conversation_id = p.new_id,
        id = coalesce((select n.new_id from name n where n.id = m.id), m.id),
        parent_id = coalesce((select n.new_id from name n where n.id = m.parent_id), m.parent_id)
      from place p
      where m.user_id = ${fromId} and m.conversation_id = p.id
      returning 1
    ),
    chunks as (
      update ${runChunk} k
      set user_id = ${toId}
      from ${run} r, place p
      where r.user_id = ${fromId} and r.conversation_id = p.id and k.user_id = ${fromId} and k.run_id = r.id
      returning 1
    ),
    -- What they are found by is made anew for the new owner.
    blocks as (
      delete from ${searchBlock} b
      using place p
      where b.user_id = ${fromId} and p.id = any (b.conversation_ids)
      returning 1
    ),
    pending as (
      delete from ${searchPending} s
      using ${message} m, place p
      where s.user_id = ${fromId} and m.user_id = ${fromId} and m.id = s.message_id and m.conversation_id = p.id
      returning 1
    ),
    runs as (
      update ${run} r
      set user_id = ${toId}, conversation_id = p.new_id,
        message_id = coalesce((select n.new_id from name n where n.id = r.message_id), r.message_id)
      from place p
      where r.user_id = ${fromId} and r.conversation_id = p.id
      returning 1
    )
    select (select count(*) from conversations)::int`;
  await prepared(context, "move", build, ([count]) => Number(count)).execute(values);
  return renamed;
}

/** The same from one node to another; what the rows were found by goes with them, and is made anew. */
async function copyConversations(context: Context, places: Sql, nameList: Sql, values: Record<string, unknown>) {
  const { conversation, message, run, runChunk, searchBlock, searchPending, userType } = context.tables;
  const [fromId, toId] = [param("from", userType), param("to", userType)];
  const renamed = (column: string) =>
    sql`coalesce((select n.new_id from ${nameList} where n.id = t.${raw(column)}), t.${raw(column)})`;
  const copies: Copy[] = [
    {
      name: "copy_conversations",
      table: conversation,
      changed: {
        user_id: toId,
        id: raw("p.new_id"),
        external_id: raw("p.external_id"),
        head_id: renamed("head_id"),
        indexed_count: raw("0"),
      },
      which: sql`join ${places} on p.id = t.id where t.user_id = ${fromId}`,
    },
    {
      name: "copy_messages",
      table: message,
      changed: {
        user_id: toId,
        conversation_id: raw("p.new_id"),
        id: renamed("id"),
        parent_id: renamed("parent_id"),
      },
      which: sql`join ${places} on p.id = t.conversation_id where t.user_id = ${fromId}`,
    },
    {
      name: "copy_runs",
      table: run,
      changed: { user_id: toId, conversation_id: raw("p.new_id"), message_id: renamed("message_id") },
      which: sql`join ${places} on p.id = t.conversation_id where t.user_id = ${fromId}`,
    },
    {
      name: "copy_chunks",
      table: runChunk,
      changed: { user_id: toId },
      which: sql`
        join ${run} r on r.user_id = ${fromId} and r.id = t.run_id
        join ${places} on p.id = r.conversation_id
        where t.user_id = ${fromId}`,
    },
  ];
  for (const copy of copies) await copyRows(context, copy, values);
  const removals = [
    sql`delete from ${searchPending} where user_id = ${fromId} returning 1`,
    sql`delete from ${searchBlock} where user_id = ${fromId} returning 1`,
    sql`delete from ${conversation} c using ${places} where c.user_id = ${fromId} and c.id = p.id returning 1`,
  ];
  for (const [number, removal] of removals.entries())
    await prepared(
      context,
      `copied_${number}`,
      () => removal,
      () => undefined,
    ).execute(values);
}
