/** A file's rows by its id. */
import { param, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { fileColumns, fileFrom, type StoredFile } from "../tables/file.ts";
import type { UserId } from "../tables/tables.ts";

export async function findFile(context: Context, ownerId: UserId, fileId: string): Promise<StoredFile | undefined> {
  const { file, fileContent } = context.tables;
  const build = () => sql`
    select ${fileColumns}
    from ${file} f
    join ${fileContent} k on k.user_id = f.user_id and k.id = f.content_id
    where f.user_id = ${owner(context)} and f.id = ${param("fileId", "uuid")}`;
  const [found] = await prepared(context, "file_get", build, (row) => fileFrom(row)).execute({ ownerId, fileId });
  return found;
}
