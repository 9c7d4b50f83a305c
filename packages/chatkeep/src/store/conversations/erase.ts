/**
 * Removing conversations for good, in batches that are committed one by one. A conversation is marked first, which makes it absent
 * at once; whoever removes it renews the mark with each batch, and when that stops, the next sweep goes on.
 */
import { NotFoundError } from "../../errors.ts";
import { param, raw, type Sql, sql } from "../../sql/sql.ts";
import { now } from "../clock.ts";
import { type Context, changing, owner, prepared, type Runner, type VerbRunner } from "../context.ts";
import { removeObjectsOf } from "../files/objects.ts";
import { conversationName } from "../ids.ts";
import { parseId } from "../input.ts";
import { lockConversation } from "../search/unindex.ts";
import { tableNames, type UserId } from "../tables/tables.ts";
import { isInTrash, whyNotInTrash } from "./trash.ts";

/** The name of a table of chatkeep. */
export type TableName = (typeof tableNames)[keyof typeof tableNames];

/** What was removed for good. It says how much of what, and nothing that anybody wrote: keep it as long as you have to. */
export interface ErasureReceipt {
  /** All of a user, one conversation, or all that was in the trash. */
  of: "user" | "conversation" | "trash";
  userId: UserId;
  /** As it was given. */
  conversationId?: string | undefined;
  /** The UUID that its rows had it by: another one where the id was no UUID. */
  rowId?: string | undefined;
  /** By the clock of the database, when nothing was left. */
  erasedAt: Date;
  /** Rows removed, by table. Messages of other conversations that shared a block of the search index get a new one. */
  rows: Record<TableName, number>;
}

type Counts = Record<TableName, number>;

const rowsAtOnce = 2_000;
const blocksAtOnce = 200;
/** Of half a megabyte each. */
const piecesAtOnce = 50;
const conversationsAtOnce = 100;
/** After so long without a batch another process goes on. */
export const eraseLease = raw("interval '1 minute'");
const marking = sql`deleted_at = '-infinity', expires_at = clock_timestamp() + ${eraseLease}`;

/** @throws invalid_input, not_found; conflict when it has to be in the trash and is not */
export async function eraseConversation(
  { run, runIn }: VerbRunner,
  ownerId: UserId,
  conversationId: string,
  which: "any" | "trashed",
): Promise<ErasureReceipt> {
  const { givenId, rowId } = await runIn(conversationId, async (context) => {
    const id = parseId(conversationId, "conversationId");
    const { id: rowId } = conversationName(ownerId, id);
    const [marked] = await markStatement(context, which).execute({ ownerId, conversationId: rowId });
    if (!marked)
      throw which === "any" ? new NotFoundError("conversation", id) : await whyNotInTrash(context, ownerId, id);
    context.changed({ userId: ownerId, conversationId: id });
    return { givenId: id, rowId };
  });
  const rows = noRows();
  await eraseRows(run, ownerId, rowId, rows);
  return { of: "conversation", userId: ownerId, conversationId: givenId, rowId, erasedAt: await run(now), rows };
}

/** All of a user, or all that is in the trash. */
export async function eraseAll(
  { run }: Pick<VerbRunner, "run">,
  ownerId: UserId,
  which: "any" | "trashed",
): Promise<ErasureReceipt> {
  const rows = noRows();
  for (;;) {
    const marked = await run(async (context) => {
      const some = await markSomeStatement(context, which).execute({ ownerId });
      for (const { conversationId } of some) context.changed({ userId: ownerId, conversationId });
      return some;
    });
    for (const { rowId } of marked) await eraseRows(run, ownerId, rowId, rows);
    if (marked.length === 0) break;
  }
  if (which === "any") {
    for (const part of [restOfSearch, ...filesOfUser, usageOfUser]) {
      while ((await run((context) => step(context, part, { ownerId }, rows))) > 0);
    }
    // When nothing in the database refers to them any more.
    rows[tableNames.fileObject] += await removeObjectsOf(run, ownerId);
  }
  return { of: which === "any" ? "user" : "trash", userId: ownerId, erasedAt: await run(now), rows };
}

/** Removes a conversation that is marked, and all that hangs on it; adds to `rows` what it removed. */
export async function eraseRows(run: Runner, ownerId: UserId, rowId: string, rows: Counts): Promise<void> {
  const given = { ownerId, conversationId: rowId };
  for (const table of ofConversation) {
    while ((await run((context) => step(context, table, given, rows))) >= rowsAtOnce);
  }
  while (!(await run((context) => endOf(context, given, rows))));
}

export function noRows(): Counts {
  return Object.fromEntries(Object.values(tableNames).map((name) => [name, 0])) as Counts;
}

/** Some of what hangs on a conversation: the tables that the statement counts, in the order of its columns. */
interface Part {
  name: string;
  counted: readonly TableName[];
  statement(context: Context): Sql;
}

/** From the leaves to the root. A new table that hangs on conversations gets its entry here. */
const ofConversation: readonly Part[] = [
  {
    // Files that no other message names go with the next sweep.
    name: "uses",
    counted: [tableNames.fileUse],
    statement: (context) => {
      const { file, fileUse } = context.tables;
      return sql`
        with batch as (
          select u.message_id, u.attachment_id
          from ${fileUse} u
          where u.user_id = ${owner(context)} and u.conversation_id = ${param("conversationId", "uuid")}
          limit ${raw(String(rowsAtOnce))}
        ),
        waiting as (
          update ${file} f
          set check_at = clock_timestamp()
          from (select distinct attachment_id from batch) named
          where f.user_id = ${owner(context)} and f.id = named.attachment_id
        ),
        gone as (
          delete from ${fileUse} u
          using batch
          where u.user_id = ${owner(context)} and u.conversation_id = ${param("conversationId", "uuid")}
            and u.message_id = batch.message_id and u.attachment_id = batch.attachment_id
          returning 1
        )${renewed(context)}
        select (select count(*) from gone)`;
    },
  },
  {
    name: "chunks",
    counted: [tableNames.runChunk],
    statement: (context) => {
      const { run, runChunk } = context.tables;
      return sql`
        with batch as (
          select k.run_id, k.seq
          from ${run} r
          join ${runChunk} k on k.user_id = r.user_id and k.run_id = r.id
          where r.user_id = ${owner(context)} and r.conversation_id = ${param("conversationId", "uuid")}
          limit ${raw(String(rowsAtOnce))}
        ),
        gone as (
          delete from ${runChunk} k
          using batch
          where k.user_id = ${owner(context)} and k.run_id = batch.run_id and k.seq = batch.seq
          returning 1
        )${renewed(context)}
        select (select count(*) from gone)`;
    },
  },
  {
    name: "runs",
    counted: [tableNames.run],
    statement: (context) => {
      const { run } = context.tables;
      return sql`
        with batch as (
          select r.id
          from ${run} r
          where r.user_id = ${owner(context)} and r.conversation_id = ${param("conversationId", "uuid")}
          limit ${raw(String(rowsAtOnce))}
        ),
        gone as (
          delete from ${run} r
          using batch
          where r.user_id = ${owner(context)} and r.id = batch.id
          returning 1
        )${renewed(context)}
        select (select count(*) from gone)`;
    },
  },
  {
    name: "messages",
    counted: [tableNames.message, tableNames.searchPending],
    statement: (context) => {
      const { message, searchPending } = context.tables;
      return sql`
        with batch as (
          select m.id
          from ${message} m
          where m.conversation_id = ${param("conversationId", "uuid")} and m.user_id = ${owner(context)}
          limit ${raw(String(rowsAtOnce))}
        ),
        gone as (
          delete from ${message} m
          using batch
          where m.user_id = ${owner(context)} and m.id = batch.id
          returning m.id
        ),
        waiting as (
          delete from ${searchPending} p
          using batch
          where p.user_id = ${owner(context)} and p.message_id = batch.id
          returning 1
        )${renewed(context)}
        select (select count(*) from gone), (select count(*) from waiting)`;
    },
  },
];

/** What a user has of files: their bytes, a few at a time since they are large, then their names. */
const filesOfUser: readonly Part[] = [
  {
    name: "pieces",
    counted: [tableNames.filePiece],
    statement: (context) => {
      const { filePiece } = context.tables;
      return sql`
        with batch as (
          select p.content_id, p.seq from ${filePiece} p where p.user_id = ${owner(context)} limit ${raw(String(piecesAtOnce))}
        ),
        gone as (
          delete from ${filePiece} p
          using batch
          where p.user_id = ${owner(context)} and p.content_id = batch.content_id and p.seq = batch.seq
          returning 1
        )
        select (select count(*) from gone)`;
    },
  },
  {
    name: "files",
    counted: [tableNames.file],
    statement: (context) => deleteSome(context, context.tables.file),
  },
  {
    name: "contents",
    counted: [tableNames.fileContent],
    statement: (context) => deleteSome(context, context.tables.fileContent),
  },
];

function deleteSome(context: Context, table: Sql): Sql {
  return sql`
    with batch as (
      select f.id from ${table} f where f.user_id = ${owner(context)} limit ${raw(String(rowsAtOnce))}
    ),
    gone as (
      delete from ${table} f using batch where f.user_id = ${owner(context)} and f.id = batch.id returning 1
    )
    select (select count(*) from gone)`;
}

const usageOfUser: Part = {
  name: "usage",
  counted: [tableNames.usage],
  statement: (context) => sql`
    with gone as (delete from ${context.tables.usage} u where u.user_id = ${owner(context)} returning 1)
    select (select count(*) from gone)`,
};

/** What search has of a user beside conversations: nothing, unless rows were written past the store. */
const restOfSearch: Part = {
  name: "search",
  counted: [tableNames.searchBlock, tableNames.searchWords, tableNames.searchPending],
  statement: (context) => {
    const { searchBlock, searchWords, searchPending } = context.tables;
    return sql`
      with batch as (
        select b.id from ${searchBlock} b where b.user_id = ${owner(context)} limit ${raw(String(blocksAtOnce))}
      ),
      words as (
        delete from ${searchWords} w using batch where w.user_id = ${owner(context)} and w.block_id = batch.id returning 1
      ),
      blocks as (
        delete from ${searchBlock} b using batch where b.user_id = ${owner(context)} and b.id = batch.id returning 1
      ),
      waiting as (
        delete from ${searchPending} p where p.user_id = ${owner(context)} returning 1
      )
      select (select count(*) from blocks), (select count(*) from words), (select count(*) from waiting)`;
  },
};

/** A sign of life of whoever removes it. */
function renewed(context: Context): Sql {
  return sql`,
    renewed as (
      update ${context.tables.conversation} c
      set ${marking}
      where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")} and exists (select from gone)
    )`;
}

/** One batch; gives the rows of the first of its tables. */
async function step(context: Context, part: Part, given: Record<string, unknown>, rows: Counts): Promise<number> {
  const build = () => part.statement(context);
  const [counts = []] = await prepared(context, `erase_${part.name}`, build, (row) => row.map(Number)).execute(given);
  for (const [index, table] of part.counted.entries()) rows[table] += counts[index] ?? 0;
  return counts[0] ?? 0;
}

/** The blocks of search that have words of it, and in the end its own row: `true` when that is gone. Whoever indexes it holds the same lock. */
async function endOf(
  context: Context,
  given: { ownerId: UserId; conversationId: string },
  rows: Counts,
): Promise<boolean> {
  return await changing(context, async (through) => {
    await lockConversation(through, given.ownerId, given.conversationId);
    if ((await step(through, blocksOfConversation, given, rows)) > 0) return false;
    await step(through, conversationItself, given, rows);
    return true;
  });
}

const blocksOfConversation: Part = {
  name: "blocks",
  counted: [tableNames.searchBlock, tableNames.searchWords],
  statement: (context) => {
    const { message, searchBlock, searchWords, searchPending } = context.tables;
    return sql`
      with batch as (
        select b.id
        from ${searchBlock} b
        where b.user_id = ${owner(context)} and ${param("conversationId", "uuid")} = any (b.conversation_ids)
        order by b.id
        limit ${raw(String(blocksAtOnce))}
        for update
      ),
      words as (
        delete from ${searchWords} w using batch where w.user_id = ${owner(context)} and w.block_id = batch.id returning 1
      ),
      gone as (
        delete from ${searchBlock} b
        using batch
        where b.user_id = ${owner(context)} and b.id = batch.id
        returning b.message_ids
      ),
      waiting as (
        insert into ${searchPending} (user_id, message_id)
        select m.user_id, m.id
        from gone
        cross join lateral unnest(gone.message_ids) as member(id)
        join ${message} m on m.user_id = ${owner(context)} and m.id = member.id
          and m.conversation_id <> ${param("conversationId", "uuid")}
        on conflict do nothing
      )${renewed(context)}
      select (select count(*) from gone), (select count(*) from words)`;
  },
};

const conversationItself: Part = {
  name: "conversation",
  counted: [tableNames.conversation],
  statement: (context) => sql`
    with gone as (
      delete from ${context.tables.conversation} c
      where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")}
      returning 1
    )
    select (select count(*) from gone)`,
};

function markStatement(context: Context, which: "any" | "trashed") {
  const isWanted = which === "any" ? raw("c.deleted_at is distinct from '-infinity'") : isInTrash;
  const build = () => sql`
    update ${context.tables.conversation} c
    set ${marking}
    where c.user_id = ${owner(context)} and c.id = ${param("conversationId", "uuid")} and ${isWanted}
    returning c.id`;
  return prepared(context, `erase_mark_${which}`, build, ([id]) => id as string);
}

/** Of a whole user also those that another process has marked. */
function markSomeStatement(context: Context, which: "any" | "trashed") {
  const isWanted = which === "any" ? raw("true") : sql`c.deleted_at is not null and ${isInTrash}`;
  const build = () => sql`
    with batch as (
      select c.id
      from ${context.tables.conversation} c
      where c.user_id = ${owner(context)} and ${isWanted}
      order by c.id
      limit ${raw(String(conversationsAtOnce))}
      for no key update
    )
    update ${context.tables.conversation} c
    set ${marking}
    from batch
    where c.user_id = ${owner(context)} and c.id = batch.id
    returning c.id, coalesce(c.external_id, c.id::text)`;
  return prepared(context, `erase_mark_some_${which}`, build, ([rowId, conversationId]) => ({
    rowId: rowId as string,
    conversationId: conversationId as string,
  }));
}
