/** The tables of files for Drizzle: what a file is called, its bytes once for each owner, which messages name it, and which bytes are elsewhere. */
import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  check,
  customType,
  type ForeignKeyBuilder,
  foreignKey,
  index,
  integer,
  type pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from "drizzle-orm/pg-core";
import { tableNames, type UserId } from "../store/tables/tables.ts";
import { columnLike, moment } from "./drizzle-columns.ts";

const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });

/** For `chatModels`, which gives the type of the owner's column and the key to the host's users. */
export function fileModels<Id extends UserId>(
  table: typeof pgTable,
  userType: string,
  toUser: (name: string, own: AnyPgColumn) => ForeignKeyBuilder,
  conversation: { id: AnyPgColumn; userId: AnyPgColumn },
) {
  const owner = () => columnLike<Id>(userType).notNull();
  const fileContent = table(
    tableNames.fileContent,
    {
      id: uuid("id").primaryKey().defaultRandom(),
      userId: owner(),
      // Both null until all of it has come.
      hash: text("hash"),
      size: bigint("size", { mode: "number" }),
      createdAt: moment("created_at").notNull().defaultNow(),
    },
    (columns) => [
      toUser("attachment_content_user_id_fkey", columns.userId),
      unique("attachment_content_id_user_id_key").on(columns.id, columns.userId),
      unique("attachment_content_user_id_hash_key").on(columns.userId, columns.hash),
      index("attachment_content_unfinished_idx").on(columns.createdAt).where(sql`${columns.hash} is null`),
      check("attachment_content_hash_check", sql`${columns.hash} ~ '^[0-9a-f]{64}$'`),
    ],
  );

  const filePiece = table(
    tableNames.filePiece,
    {
      contentId: uuid("content_id").notNull(),
      seq: integer("seq").notNull(),
      userId: owner(),
      bytes: bytea("bytes").notNull(),
    },
    (columns) => [
      primaryKey({ name: "attachment_piece_pkey", columns: [columns.contentId, columns.seq] }),
      foreignKey({
        name: "attachment_piece_content_id_user_id_fkey",
        columns: [columns.contentId, columns.userId],
        foreignColumns: [fileContent.id, fileContent.userId],
      })
        .onDelete("cascade")
        .onUpdate("cascade"),
    ],
  );

  const file = table(
    tableNames.file,
    {
      id: uuid("id").primaryKey().defaultRandom(),
      userId: owner(),
      contentId: uuid("content_id").notNull(),
      name: text("name").notNull(),
      mediaType: text("media_type").notNull(),
      createdAt: moment("created_at").notNull().defaultNow(),
      // When it is next looked at, and removed if no message names it.
      checkAt: moment("check_at").notNull(),
    },
    (columns) => [
      toUser("attachment_user_id_fkey", columns.userId),
      unique("attachment_id_user_id_key").on(columns.id, columns.userId),
      index("attachment_user_id_created_at_id_idx").on(columns.userId, columns.createdAt, columns.id),
      index("attachment_content_id_idx").on(columns.contentId),
      index("attachment_check_at_idx").on(columns.checkAt),
      foreignKey({
        name: "attachment_content_id_user_id_fkey",
        columns: [columns.contentId, columns.userId],
        foreignColumns: [fileContent.id, fileContent.userId],
      }),
      check("attachment_name_check", sql`char_length(${columns.name}) between 1 and 255`),
    ],
  );

  const fileUse = table(
    tableNames.fileUse,
    {
      conversationId: uuid("conversation_id").notNull(),
      messageId: uuid("message_id").notNull(),
      fileId: uuid("attachment_id").notNull(),
      userId: owner(),
    },
    (columns) => [
      primaryKey({
        name: "attachment_use_pkey",
        columns: [columns.conversationId, columns.messageId, columns.fileId],
      }),
      index("attachment_use_attachment_id_idx").on(columns.fileId),
      foreignKey({
        name: "attachment_use_conversation_id_user_id_fkey",
        columns: [columns.conversationId, columns.userId],
        foreignColumns: [conversation.id, conversation.userId],
      }).onDelete("cascade"),
      foreignKey({
        name: "attachment_use_attachment_id_user_id_fkey",
        columns: [columns.fileId, columns.userId],
        foreignColumns: [file.id, file.userId],
      }).onDelete("cascade"),
    ],
  );

  // Without a foreign key: it outlives what it is of, until the objects are removed.
  const fileObject = table(
    tableNames.fileObject,
    {
      contentId: uuid("content_id").primaryKey(),
      userId: owner(),
      count: integer("count").notNull().default(0),
      // When it is next looked at whether a file still has them.
      checkAt: moment("check_at").notNull(),
    },
    (columns) => [
      index("attachment_object_user_id_idx").on(columns.userId),
      index("attachment_object_check_at_idx").on(columns.checkAt),
    ],
  );

  return { file, fileContent, filePiece, fileUse, fileObject };
}
