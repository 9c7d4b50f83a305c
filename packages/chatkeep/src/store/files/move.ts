/** Files go to another owner with the conversations that name them. */
import { list, param, sql } from "../../sql/sql.ts";
import { type Context, prepared } from "../context.ts";
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
  await prepared(context, "move_files", move, () => undefined).execute({ from, to });
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
