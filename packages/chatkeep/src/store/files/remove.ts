/** The end of files: one that its owner takes away, and those that no message names any more. Bytes go with their last name. */
import { ConflictError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { list, param, raw, sql } from "../../sql/sql.ts";
import { type Context, changing, owner, prepared } from "../context.ts";
import { parse } from "../input.ts";
import { ofOwners, sweep, sweptOf } from "../owners.ts";
import { uuidSchema } from "../schemas.ts";
import { type UserId, userIdFrom } from "../tables/tables.ts";
import { removeUnnamedObjects } from "./objects.ts";
import { grace } from "./uses.ts";

const atOnce = 100;

/** @throws invalid_input; not_found; conflict while a message names it */
export async function removeFile(context: Context, ownerId: UserId, fileId: string): Promise<void> {
  const id = parse(uuidSchema, fileId, "fileId");
  await changing(context, async (through) => {
    // The lock first: whoever names it meanwhile has committed when it is looked at.
    const [contentId] = await lockStatement(through).execute({ ownerId, fileId: id });
    if (contentId === undefined) throw new NotFoundError("file", id);
    const [removed] = await removeStatement(through).execute({ ownerId, fileId: id });
    if (!removed) {
      throw new ConflictError(
        "A message has this file: delete the message, or its chat for good, and the file goes with it.",
      );
    }
    await removeContents(through, [removed]);
  });
}

interface Removed {
  userId: UserId;
  contentId: string;
}

function lockStatement(context: Context) {
  const build = () => sql`
    select f.content_id
    from ${context.tables.file} f
    where f.user_id = ${owner(context)} and f.id = ${param("fileId", "uuid")}
    for update`;
  return prepared(context, "file_lock", build, ([contentId]) => contentId as string);
}

function removeStatement(context: Context) {
  const { file, fileUse } = context.tables;
  const build = () => sql`
    delete from ${file} f
    where f.user_id = ${owner(context)} and f.id = ${param("fileId", "uuid")}
      and not exists (select from ${fileUse} u where u.user_id = f.user_id and u.attachment_id = f.id)
    returning f.user_id, f.content_id`;
  return prepared(context, "file_remove", build, (row) => removedFrom(context, row));
}

function removedFrom({ tables }: Context, [userId, contentId]: readonly unknown[]): Removed {
  return { userId: userIdFrom(tables, userId), contentId: contentId as string };
}

/** Removes files that no message has named for a day, some in each transaction, and uploads that never ended; gives their number. */
export async function removeUnusedFiles(context: Context): Promise<number> {
  let total = 0;
  for (;;) {
    const { looked, removed } = await changing(context, async (through) => {
      const found = await sweep(through, filesDue(through), (ownerId) => dueStatement(through).execute({ ownerId }));
      const gone = found.flatMap(({ removed }) => removed ?? []);
      await removeContents(through, gone);
      return { looked: found[0]?.looked ?? 0, removed: gone.length };
    });
    total += removed;
    if (looked < atOnce) break;
  }
  await sweep(context, unfinishedIn(context), (ownerId) => unfinishedStatement(context).execute({ ownerId }));
  await removeUnnamedObjects(context);
  return total;
}

function filesDue({ tables }: Context) {
  return { name: "files_due", table: tables.file, due: raw("check_at < clock_timestamp()") };
}

function unfinishedIn({ tables }: Context) {
  const due = sql`hash is null and created_at < clock_timestamp() - ${grace}`;
  return { name: "files_unfinished", table: tables.fileContent, due };
}

/** Reads attachment_check_at_idx. Those that another server has in hand, or a message that is being stored names, are passed over. */
function dueStatement(context: Context) {
  const { file, fileUse } = context.tables;
  const isNamed = sql`exists (select from ${fileUse} u where u.user_id = f.user_id and u.attachment_id = f.id)`;
  const build = () => sql`
    with due as (
      select f.user_id, f.id
      from ${file} f
      where f.check_at < clock_timestamp() ${sweptOf(context, "f")}
      order by f.check_at
      limit ${raw(String(atOnce))}
      for update skip locked
    ),
    kept as (
      update ${file} f
      set check_at = clock_timestamp() + interval '${raw(String(limits.usedFileCheckDays))} days'
      from due
      where f.user_id = due.user_id and f.id = due.id and ${isNamed}
    ),
    removed as (
      delete from ${file} f
      using due
      where f.user_id = due.user_id and f.id = due.id and not ${isNamed}
      returning f.user_id, f.content_id
    )
    select due.looked, removed.user_id, removed.content_id
    from (select count(*)::int as looked from due) due
    left join removed on true`;
  return prepared(context, "files_due", build, ([looked, ...row]) => ({
    looked: Number(looked),
    removed: row[1] === null ? undefined : removedFrom(context, row),
  }));
}

/** Bytes that have no name any more. Locked before they are looked at: an upload of the same bytes holds them. */
async function removeContents(context: Context, removed: readonly Removed[]): Promise<void> {
  if (removed.length === 0) return;
  await ofOwners(
    context,
    removed,
    ({ userId }) => userId,
    async (some, ownerId) => {
      const ids = [...new Set(some.map(({ contentId }) => contentId))].sort();
      const userIds = [...new Set(some.map(({ userId }) => userId))];
      for (const statement of contentsStatements(context)) await statement.execute({ ownerId, userIds, ids });
      return [];
    },
  );
}

function contentsStatements(context: Context) {
  const { file, fileContent, fileObject, userType } = context.tables;
  const theirs = context.isDistributed
    ? sql`k.user_id = ${owner(context)}`
    : sql`k.user_id in (select unnest(${list("userIds", userType)}))`;
  const which = sql`${theirs} and k.id in (select unnest(${list("ids", "uuid")}))`;
  const lock = () => sql`select k.id from ${fileContent} k where ${which} order by k.id for update`;
  const remove = () => sql`
    with gone as (
      delete from ${fileContent} k
      where ${which} and not exists (select from ${file} f where f.user_id = k.user_id and f.content_id = k.id)
      returning k.user_id, k.id
    )
    update ${fileObject} o
    set check_at = clock_timestamp()
    from gone
    where o.user_id = gone.user_id and o.content_id = gone.id
    returning 1`;
  return [
    prepared(context, "file_contents_lock", lock, () => undefined),
    prepared(context, "file_contents_remove", remove, () => undefined),
  ];
}

/** Reads attachment_content_unfinished_idx. */
function unfinishedStatement(context: Context) {
  const { fileContent, fileObject } = context.tables;
  const build = () => sql`
    with old as (
      select k.user_id, k.id
      from ${fileContent} k
      where k.hash is null and k.created_at < clock_timestamp() - ${grace} ${sweptOf(context, "k")}
      order by k.created_at
      limit ${raw(String(atOnce))}
      for update skip locked
    ),
    gone as (
      delete from ${fileContent} k
      using old
      where k.user_id = old.user_id and k.id = old.id
      returning k.user_id, k.id
    )
    update ${fileObject} o
    set check_at = clock_timestamp()
    from gone
    where o.user_id = gone.user_id and o.content_id = gone.id
    returning 1`;
  return prepared(context, "files_unfinished", build, () => undefined);
}
