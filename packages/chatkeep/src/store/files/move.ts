/** Files go to another owner with the conversations that name them. */
import { list, param, raw, sql } from "../../sql/sql.ts";
import { type Context, prepared } from "../context.ts";
import { type Copy, copyRows } from "../copy-rows.ts";
import type { UserId } from "../tables/tables.ts";

/** Which messages name which files, and what their rows are called by the new owner. */
export interface TakenFiles {
  uses: { conversationId: string; messageId: string; fileId: string }[];
  messageIds: ReadonlySet<string>;
  /** Of conversations and messages, where they are other ones. */
  newIds: Map<string, string>;
}

/** Before conversations move: nothing of theirs may refer to files of whom they leave. */
export async function takeFiles(context: Context, from: UserId): Promise<TakenFiles> {
  const { fileUse, userType } = context.tables;
  const build = () => sql`
    delete from ${fileUse} u
    where u.user_id = ${param("from", userType)}
    returning u.conversation_id, u.message_id, u.attachment_id`;
  const read = ([conversationId, messageId, fileId]: readonly unknown[]) => ({
    conversationId: conversationId as string,
    messageId: messageId as string,
    fileId: fileId as string,
  });
  const uses = await prepared(context, "move_take_files", build, read).execute({ from });
  return { uses, messageIds: new Set(uses.map(({ messageId }) => messageId)), newIds: new Map() };
}

/** When all conversations have moved. Bytes that the new owner has already are not kept twice. */
export async function giveFiles(
  context: Context,
  from: UserId,
  to: UserId,
  { uses, newIds }: TakenFiles,
): Promise<void> {
  const { file, fileContent, fileObject, fileUse, userType } = context.tables;
  const [fromId, toId] = [param("from", userType), param("to", userType)];
  const move = () => sql`
    with same as (
      select mine.id, theirs.id as new_id
      from ${fileContent} mine
      join ${fileContent} theirs on theirs.user_id = ${toId} and theirs.hash = mine.hash
      where mine.user_id = ${fromId}
      for key share of theirs
    ),
    files as (
      update ${file} f
      set user_id = ${toId}, content_id = coalesce((select same.new_id from same where same.id = f.content_id), f.content_id)
      where f.user_id = ${fromId}
    ),
    objects as (
      update ${fileObject} o
      set user_id = ${toId},
        check_at = case when exists (select from same where same.id = o.content_id) then clock_timestamp() else o.check_at end
      where o.user_id = ${fromId}
    ),
    contents as (
      update ${fileContent} k
      set user_id = ${toId}
      where k.user_id = ${fromId} and not exists (select from same where same.id = k.id)
    )
    delete from ${fileContent} k
    using same
    where k.user_id = ${fromId} and k.id = same.id
    returning 1`;
  if (context.isDistributed) await copyFiles(context, from, to);
  else await prepared(context, "move_files", move, () => undefined).execute({ from, to });
  if (uses.length === 0) return;
  const give = () => sql`
    insert into ${fileUse} (user_id, conversation_id, message_id, attachment_id)
    select ${toId}, u.conversation_id, u.message_id, u.attachment_id
    from unnest(${list("conversationIds", "uuid")}, ${list("messageIds", "uuid")}, ${list("fileIds", "uuid")})
      as u (conversation_id, message_id, attachment_id)
    returning 1`;
  const renamed = (id: string) => newIds.get(id) ?? id;
  await prepared(context, "move_give_files", give, () => undefined).execute({
    to,
    conversationIds: uses.map(({ conversationId }) => renamed(conversationId)),
    messageIds: uses.map(({ messageId }) => renamed(messageId)),
    fileIds: uses.map(({ fileId }) => fileId),
  });
}

/** The same from one node to another. */
async function copyFiles(context: Context, from: UserId, to: UserId): Promise<void> {
  const { file, fileContent, fileObject, filePiece, userType } = context.tables;
  const [fromId, toId, ownerId] = [param("from", userType), param("to", userType), param("ownerId", userType)];
  const contents = () => sql`select k.id, k.hash from ${fileContent} k where k.user_id = ${ownerId} for key share`;
  const contentsOf = (id: UserId) =>
    prepared(context, "copy_contents_of", contents, (row) => row as [string, string | null]).execute({ ownerId: id });
  const [mine, theirs] = [await contentsOf(from), new Map((await contentsOf(to)).map(([id, hash]) => [hash, id]))];
  const same = mine.flatMap(([id, hash]) => {
    const there = hash === null ? undefined : theirs.get(hash);
    return there === undefined ? [] : [{ id, there }];
  });
  const values = { from, to, same: same.map(({ id }) => id), there: same.map(({ there }) => there) };
  const isSame = (column: string) => sql`t.${raw(column)} in (select unnest(${list("same", "uuid")}))`;
  const sames = sql`unnest(${list("same", "uuid")}, ${list("there", "uuid")}) as s (id, there)`;
  const copies: Copy[] = [
    {
      name: "copy_contents",
      table: fileContent,
      changed: { user_id: toId },
      which: sql`where t.user_id = ${fromId} and not ${isSame("id")}`,
    },
    {
      name: "copy_pieces",
      table: filePiece,
      changed: { user_id: toId },
      which: sql`where t.user_id = ${fromId} and not ${isSame("content_id")}`,
    },
    {
      name: "copy_files",
      table: file,
      changed: {
        user_id: toId,
        content_id: sql`coalesce((select s.there from ${sames} where s.id = t.content_id), t.content_id)`,
      },
      which: sql`where t.user_id = ${fromId}`,
    },
    {
      name: "copy_objects",
      table: fileObject,
      changed: {
        user_id: toId,
        check_at: sql`case when ${isSame("content_id")} then clock_timestamp() else t.check_at end`,
      },
      which: sql`where t.user_id = ${fromId}`,
    },
  ];
  for (const copy of copies) await copyRows(context, copy, values);
  for (const [number, table] of [fileObject, file, fileContent].entries()) {
    const remove = () => sql`delete from ${table} where user_id = ${fromId} returning 1`;
    await prepared(context, `copied_files_${number}`, remove, () => undefined).execute({ from });
  }
}
