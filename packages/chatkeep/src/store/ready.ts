/** Whether a store can work: its tables are there, with all their columns, and the database takes writes. */
import { select } from "../sql/columns.ts";
import { raw, sql } from "../sql/sql.ts";
import { type Context, prepared } from "./context.ts";
import { requireWritable } from "./migration-record.ts";
import { conversationColumns } from "./tables/conversation.ts";
import { messageColumns } from "./tables/message.ts";
import { runColumns } from "./tables/run.ts";
import { usageColumns } from "./tables/usage.ts";

/** @throws schema_mismatch, unavailable */
export async function requireReady(context: Context): Promise<void> {
  const { conversation, message, run, runChunk, searchBlock, searchWords, searchPending, usage } = context.tables;
  const { file, fileContent, filePiece, fileUse, fileObject } = context.tables;
  const columns = [
    [conversation, sql`${select(conversationColumns)}, indexed_count, deleted_at`],
    [message, select(messageColumns)],
    [run, select(runColumns)],
    [runChunk, raw("run_id, seq, chunk")],
    [searchBlock, raw("id, oldest, newest, message_ids, conversation_ids")],
    [searchWords, raw("block_id, bucket, words")],
    [searchPending, raw("message_id")],
    [usage, select(usageColumns)],
    [file, raw("id, content_id, name, media_type, created_at, check_at")],
    [fileContent, raw("id, hash, size, created_at")],
    [filePiece, raw("content_id, seq, bytes")],
    [fileUse, raw("conversation_id, message_id, attachment_id")],
    [fileObject, raw("content_id, count, check_at")],
  ] as const;
  for (const [index, [table, all]] of columns.entries()) {
    await prepared(
      context,
      `ready_${index}`,
      () => sql`select ${all} from ${table} limit 0`,
      () => {},
    ).execute();
  }
  await requireWritable(context.connection);
}
