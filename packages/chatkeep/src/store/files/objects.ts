/**
 * What the database knows of bytes that are elsewhere: which objects there are, also of files that are gone, since nobody else
 * would know that they are to be removed. Rows have no foreign key, and so outlive their file and its owner.
 */
import { InvalidInputError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { list, param, raw, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared, type Runner } from "../context.ts";
import { sweep, sweptOf, userOf } from "../owners.ts";
import type { UserId } from "../tables/tables.ts";
import { asking, type FileStorage, objectKey, requireStorage } from "./storage.ts";

const atOnce = 100;
/** After which another process removes what this one was about to. */
const lease = raw("interval '1 hour'");
const nextCheck = raw(`interval '${limits.usedFileCheckDays} days'`);

interface Objects {
  contentId: string;
  count: number;
}

export interface ObjectPlace {
  ownerId: UserId;
  contentId: string;
  seq: number;
}

/** Known before it is there. @throws unavailable; invalid_input for an upload that is over */
export async function keepObject(run: Runner, storage: FileStorage, place: ObjectPlace, bytes: Uint8Array) {
  const known = await run((context) => countStatement(context).execute({ ...place, count: place.seq + 1 }));
  if (known.length === 0) throw new InvalidInputError("The upload of this file took too long: send it again.");
  await asking(() => storage.put(objectKey(place.contentId, place.seq), bytes));
}

/** Removes those that no file names any more, some at a time. @throws unavailable */
export async function removeUnnamedObjects(context: Context): Promise<void> {
  const { fileStorage } = context;
  if (!fileStorage) return;
  for (;;) {
    const due = await sweep(context, dueIn(context), (ownerId) => dueStatement(context).execute({ ownerId }));
    await removeAll(
      context,
      fileStorage,
      due.flatMap(({ gone }) => gone ?? []),
    );
    if ((due[0]?.looked ?? 0) < atOnce) return;
  }
}

/** All of a user who is being removed, some at a time; gives of how many files they were. @throws unavailable */
export async function removeObjectsOf(run: Runner, ownerId: UserId): Promise<number> {
  for (let total = 0; ; ) {
    const gone = await run(async (context) => {
      const found = await ofOwnerStatement(context).execute({ ownerId });
      return found.length === 0 ? 0 : await removeAll(context, requireStorage(context.fileStorage), found);
    });
    if (gone === 0) return total;
    total += gone;
  }
}

async function removeAll(context: Context, storage: FileStorage, objects: readonly Objects[]): Promise<number> {
  if (objects.length === 0) return 0;
  const keys = objects.flatMap(({ contentId, count }) =>
    Array.from({ length: count }, (_, seq) => objectKey(contentId, seq)),
  );
  await asking(() => storage.remove(keys));
  const ids = objects.map(({ contentId }) => contentId);
  return (await forgetStatement(context).execute({ ids })).length;
}

function objectsFrom([contentId, count]: readonly unknown[]): Objects {
  return { contentId: contentId as string, count: Number(count) };
}

function countStatement(context: Context) {
  const { fileContent, fileObject } = context.tables;
  const build = () => sql`
    update ${fileObject} o
    set count = ${param("count", "int")}
    from ${fileContent} k
    where o.user_id = ${owner(context)} and o.content_id = ${param("contentId", "uuid")}
      and k.user_id = o.user_id and k.id = o.content_id and k.hash is null
    returning 1`;
  return prepared(context, "file_object", build, () => undefined);
}

function dueIn({ tables }: Context) {
  return { name: "objects_due", table: tables.fileObject, due: raw("check_at < clock_timestamp()") };
}

/** Reads attachment_object_check_at_idx. Those that another server has in hand are passed over. */
function dueStatement(context: Context) {
  const { fileContent, fileObject } = context.tables;
  const isNamed = sql`exists (select from ${fileContent} k where k.user_id = ${userOf(context, "due")} and k.id = due.content_id)`;
  const build = () => sql`
    with due as (
      select o.user_id, o.content_id
      from ${fileObject} o
      where o.check_at < clock_timestamp() ${sweptOf(context, "o")}
      order by o.check_at
      limit ${raw(String(atOnce))}
      for update skip locked
    ),
    kept as (
      update ${fileObject} o
      set check_at = clock_timestamp() + ${nextCheck}
      from due
      where o.user_id = ${userOf(context, "due")} and o.content_id = due.content_id and ${isNamed}
    ),
    taken as (
      update ${fileObject} o
      set check_at = clock_timestamp() + ${lease}
      from due
      where o.user_id = ${userOf(context, "due")} and o.content_id = due.content_id and not ${isNamed}
      returning o.content_id, o.count
    )
    select due.looked, taken.content_id, taken.count
    from (select count(*)::int as looked from due) due
    left join taken on true`;
  return prepared(context, "file_objects_due", build, ([looked, ...row]) => ({
    looked: Number(looked),
    gone: row[0] === null ? undefined : objectsFrom(row),
  }));
}

/** Reads attachment_object_user_id_idx. */
function ofOwnerStatement(context: Context) {
  const build = () => sql`
    select o.content_id, o.count
    from ${context.tables.fileObject} o
    where o.user_id = ${owner(context)}
    limit ${raw(String(atOnce))}`;
  return prepared(context, "file_objects_of", build, objectsFrom);
}

function forgetStatement(context: Context) {
  const build = () => sql`
    delete from ${context.tables.fileObject} o
    where o.content_id in (select unnest(${list("ids", "uuid")}))
    returning 1`;
  return prepared(context, "file_objects_forget", build, () => undefined);
}
