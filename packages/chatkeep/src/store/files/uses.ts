/** Which messages name which files. Whoever writes messages says it here, and messages without files cost nothing. */
import { NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { list, param, raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, changing, owner, prepared } from "../context.ts";
import { fileIdOf } from "../tables/file.ts";
import type { Part } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";

/** A message, by its row's own id, that names a file. */
export interface FileUse {
  messageId: string;
  fileId: string;
}

/** The files that parts name, each once. */
export function fileIdsIn(parts: readonly Part[] | null | undefined): string[] {
  if (!parts) return [];
  const ids = new Set<string>();
  for (const part of parts) {
    const id = part.type === "file" ? fileIdOf(part["url"]) : undefined;
    if (id) ids.add(id);
  }
  return [...ids];
}

/** Of rows and what they were made of, in the same order. */
export function usesIn(
  rows: readonly { id: string }[],
  given: readonly { parts?: readonly Part[] | null | undefined }[],
): FileUse[] {
  return given.flatMap(({ parts }, index) => {
    const messageId = rows[index]?.id;
    return messageId === undefined ? [] : fileIdsIn(parts).map((fileId) => ({ messageId, fileId }));
  });
}

/**
 * Runs `work`, which stores messages, and counts the files that they name by then, together or not at all. `"required"`: each of
 * them must be there, where the store says so; `"if there"`: where it is not, the message is stored all the same.
 * @throws not_found for a file that is not there, or is someone else's
 */
export async function usingFiles<Result>(
  context: Context,
  ownerId: UserId,
  uses: readonly FileUse[],
  which: "required" | "if there",
  work: (context: Context) => Promise<Result>,
): Promise<Result> {
  if (uses.length === 0) return await work(context);
  return await changing(context, async (through) => {
    const fileIds = [...new Set(uses.map(({ fileId }) => fileId))].sort();
    const there = new Set(await holdFiles(through, ownerId, fileIds));
    const missing = fileIds.find((id) => !there.has(id));
    if (missing !== undefined && which === "required" && through.requiresFiles)
      throw new NotFoundError("file", missing);
    const result = await work(through);
    await countUses(through, ownerId, uses);
    return result;
  });
}

/** Before messages that name them are stored, in the same transaction; gives those that are there. */
export function holdFiles(context: Context, ownerId: UserId, fileIds: readonly string[]): Promise<string[]> {
  return holdStatement(context).execute({ ownerId, fileIds });
}

/** When the messages are stored, in the same transaction. */
export async function countUses(context: Context, ownerId: UserId, uses: readonly FileUse[]): Promise<void> {
  await countStatement(context).execute({
    ownerId,
    messageIds: uses.map(({ messageId }) => messageId),
    fileIds: uses.map(({ fileId }) => fileId),
  });
}

/** Changes their rows, so that whoever is about to remove them sees that they are needed. */
function holdStatement(context: Context) {
  const { file } = context.tables;
  const build = () => sql`
    with held as (
      select f.id
      from ${file} f
      where f.user_id = ${owner(context)} and f.id in (select unnest(${list("fileIds", "uuid")}))
      order by f.id
      for no key update
    )
    update ${file} f
    set check_at = clock_timestamp() + ${nextCheck}
    from held
    where f.user_id = ${owner(context)} and f.id = held.id
    returning f.id`;
  return prepared(context, "hold_files", build, ([id]) => id as string);
}

/** Of a message that is there already, and has changed since it was sent, only what it names now. */
function countStatement(context: Context) {
  const { file, fileUse, message } = context.tables;
  const build = () => sql`
    insert into ${fileUse} (conversation_id, message_id, attachment_id, user_id)
    select m.conversation_id, m.id, f.id, m.user_id
    from unnest(${list("messageIds", "uuid")}, ${list("fileIds", "uuid")}) as u (message_id, attachment_id)
    join ${message} m on m.user_id = ${owner(context)} and m.id = u.message_id
    join ${file} f on f.user_id = ${owner(context)} and f.id = u.attachment_id
    where position(f.id::text in m.parts::text) > 0
    on conflict do nothing`;
  return prepared(context, "count_files", build, () => undefined);
}

const nextCheck = raw(`interval '${limits.usedFileCheckDays} days'`);
/** After which a file that nobody names is removed. */
export const grace = raw(`interval '${limits.unusedFileHours} hours'`);

/**
 * For a statement that takes messages away: `released` are the rows that named files, of those which `which` says of the table
 * `u`, and the files are looked at after the grace.
 */
export function releasing({ tables }: Context, mine: Sql, from: Sql, which: Sql): Sql {
  return sql`
    released as (
      delete from ${tables.fileUse} u
      using ${from}
      where u.user_id = ${mine} and ${which}
      returning u.attachment_id
    ),
    waiting as (
      update ${tables.file} f
      set check_at = clock_timestamp() + ${grace}
      from released
      where f.user_id = ${mine} and f.id = released.attachment_id
    )`;
}

/** A parameter that is the row's own id of a conversation. */
export const inConversation = sql`u.conversation_id = ${param("conversationId", "uuid")}`;
