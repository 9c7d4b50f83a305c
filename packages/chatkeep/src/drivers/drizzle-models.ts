/** The tables of chatkeep for Drizzle, attached to the user table that the host application has already. */
import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  date,
  foreignKey,
  getTableConfig,
  index,
  integer,
  json,
  type PgTable,
  pgSchema,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import type { ConversationRow } from "../store/tables/conversation.ts";
import { finishReasons, type MessageRow, messageRoles, messageStatuses, type Part } from "../store/tables/message.ts";
import { type Run, runStatuses } from "../store/tables/run.ts";
import { type Attachment, tableNames, type UserId, userTypeOf } from "../store/tables/tables.ts";
import type { UsageRow } from "../store/tables/usage.ts";
import { columnLike, moment } from "./drizzle-columns.ts";
import { fileModels } from "./drizzle-file-models.ts";

type UserIdOf<Column extends AnyPgColumn> = unknown extends Column["_"]["data"]
  ? UserId
  : Extract<Column["_"]["data"], UserId>;

/** Where the tables of `chatModels` are. */
export interface ChatModelsOptions {
  /** Where chatkeep's tables are; the first schema of the `search_path` when left out. */
  schema?: string | undefined;
}

/**
 * Makes the tables `conversation`, `message`, `run` and `run_chunk`, the three of search, the five of files and `usage`, for a user table, for queries of your own and for
 * drizzle-kit; `createStore` takes them too.
 * `userId` is its id column: uuid, text, varchar, integer or bigint. Every `user_id` has its type, and a real foreign key to it.
 * Columns carry their names, so that a host's Drizzle needs no `casing` option.
 *
 * @throws TypeError when the column has another type.
 */
export function chatModels<Column extends AnyPgColumn>(userId: Column, { schema }: ChatModelsOptions = {}) {
  const attachment = attachmentOf(userId, schema);
  // Drizzle takes no schema of the name that is the default.
  const table = (schema === undefined || schema === "public" ? pgTable : pgSchema(schema).table) as typeof pgTable;
  const owner = () => columnLike<UserIdOf<Column>>(attachment.userType).notNull();
  const toUser = (name: string, own: AnyPgColumn) =>
    foreignKey({ name, columns: [own], foreignColumns: [userId] }).onDelete("cascade");

  const conversation = table(
    tableNames.conversation,
    {
      id: uuid("id").primaryKey().defaultRandom(),
      userId: owner(),
      externalId: text("external_id"),
      title: text("title"),
      // Who made it: a person or a model; null where it was cut from the first question.
      titleBy: text("title_by", { enum: ["person", "model"] }),
      messageCount: integer("message_count").notNull().default(0),
      // Of search: up to which seq the messages are in a block of its index, or waiting for one.
      indexedCount: integer("indexed_count").notNull().default(0),
      headId: uuid("head_id"),
      headExternalId: text("head_external_id"),
      pinned: boolean("pinned").notNull().default(false),
      archived: boolean("archived").notNull().default(false),
      metadata: json("metadata").$type<Record<string, unknown>>(),
      model: text("model"),
      instructions: text("instructions"),
      createdAt: moment("created_at").notNull().defaultNow(),
      updatedAt: moment("updated_at").notNull().defaultNow(),
      expiresAt: moment("expires_at"),
      // In the trash since; "-infinity" while it is being removed for good.
      deletedAt: moment("deleted_at"),
    },
    (columns) => [
      toUser("conversation_user_id_fkey", columns.userId),
      unique("conversation_id_user_id_key").on(columns.id, columns.userId),
      // Without temporary ones and those in the trash, which no list has.
      index("conversation_user_id_archived_updated_at_id_idx")
        .on(columns.userId, columns.archived, columns.updatedAt, columns.id)
        .where(sql`${columns.expiresAt} is null`),
      // Messages that search must still read one by one.
      index("conversation_unindexed_idx")
        .on(columns.userId, columns.id)
        .where(sql`${columns.messageCount} > ${columns.indexedCount} and ${columns.expiresAt} is null`),
      index("conversation_pinned_idx")
        .on(columns.userId, columns.updatedAt, columns.id)
        .where(sql`${columns.pinned} and ${columns.expiresAt} is null`),
      index("conversation_trash_idx")
        .on(columns.userId, columns.deletedAt, columns.id)
        .where(sql`${columns.deletedAt} is not null`),
      index("conversation_expires_at_idx").on(columns.expiresAt).where(sql`${columns.expiresAt} is not null`),
      // Metadata under its owner's id: no key of it leads to what others have.
      index("conversation_metadata_idx")
        .using("gin", sql`jsonb_set('{}', array[${columns.userId}::text], ${columns.metadata}::jsonb) jsonb_path_ops`)
        .where(sql`${columns.metadata} is not null`),
      check("conversation_external_id_check", sql`char_length(${columns.externalId}) between 1 and 255`),
      check("conversation_title_check", sql`char_length(${columns.title}) between 1 and 200`),
      check("conversation_message_count_check", sql`${columns.messageCount} >= 0`),
    ],
  );

  const message = table(
    tableNames.message,
    {
      id: uuid("id").primaryKey().defaultRandom(),
      externalId: text("external_id"),
      conversationId: uuid("conversation_id").notNull(),
      userId: owner(),
      seq: integer("seq").notNull(),
      parentId: uuid("parent_id"),
      parentExternalId: text("parent_external_id"),
      role: text("role", { enum: messageRoles }).notNull(),
      status: text("status", { enum: messageStatuses }).notNull().default("complete"),
      content: text("content").notNull(),
      parts: json("parts").$type<Part[]>(),
      metadata: json("metadata").$type<unknown>(),
      // What a page of messages is measured by, without reading them.
      bytes: integer("bytes").generatedAlwaysAs(
        sql`octet_length("content") + coalesce(octet_length("parts"::text), 0) + coalesce(octet_length("metadata"::text), 0)`,
      ),
      createdAt: moment("created_at").notNull().defaultNow(),
      finishReason: text("finish_reason", { enum: finishReasons }),
      revision: integer("revision").notNull().default(1),
      updatedAt: moment("updated_at"),
    },
    (columns) => [
      toUser("message_user_id_fkey", columns.userId),
      unique("message_conversation_id_seq_key").on(columns.conversationId, columns.seq),
      index("message_user_id_id_idx").on(columns.userId, columns.id),
      index("message_conversation_id_parent_id_idx").on(columns.conversationId, columns.parentId),
      foreignKey({
        name: "message_conversation_id_user_id_fkey",
        columns: [columns.conversationId, columns.userId],
        foreignColumns: [conversation.id, conversation.userId],
      }).onDelete("cascade"),
      check("message_external_id_check", sql`char_length(${columns.externalId}) between 1 and 255`),
      check("message_role_check", oneOf(columns.role, messageRoles)),
      check("message_status_check", oneOf(columns.status, messageStatuses)),
      check("message_seq_check", sql`${columns.seq} >= 1`),
    ],
  );

  const run = table(
    tableNames.run,
    {
      id: uuid("id").primaryKey().defaultRandom(),
      conversationId: uuid("conversation_id").notNull(),
      userId: owner(),
      messageId: uuid("message_id").notNull(),
      status: text("status", { enum: runStatuses }).notNull().default("running"),
      server: text("server").notNull(),
      epoch: integer("epoch").notNull().default(1),
      heartbeatAt: moment("heartbeat_at").notNull().defaultNow(),
      stopRequestedAt: moment("stop_requested_at"),
      followedAt: moment("followed_at"),
      startedAt: moment("started_at").notNull().defaultNow(),
      finishedAt: moment("finished_at"),
      errorCode: text("error_code"),
      error: text("error"),
      model: text("model"),
      inputTokens: bigint("input_tokens", { mode: "number" }),
      outputTokens: bigint("output_tokens", { mode: "number" }),
      cachedTokens: bigint("cached_tokens", { mode: "number" }),
      reasoningTokens: bigint("reasoning_tokens", { mode: "number" }),
      finishReason: text("finish_reason", { enum: finishReasons }),
    },
    (columns) => [
      toUser("run_user_id_fkey", columns.userId),
      unique("run_id_user_id_key").on(columns.id, columns.userId),
      uniqueIndex("run_running_key").on(columns.conversationId).where(sql`${columns.status} = 'running'`),
      index("run_user_id_conversation_id_started_at_idx").on(columns.userId, columns.conversationId, columns.startedAt),
      foreignKey({
        name: "run_conversation_id_user_id_fkey",
        columns: [columns.conversationId, columns.userId],
        foreignColumns: [conversation.id, conversation.userId],
      }).onDelete("cascade"),
      check("run_status_check", oneOf(columns.status, runStatuses)),
    ],
  );

  const runChunk = table(
    tableNames.runChunk,
    {
      runId: uuid("run_id").notNull(),
      seq: integer("seq").notNull(),
      userId: owner(),
      chunk: text("chunk").notNull(),
      createdAt: moment("created_at").notNull().defaultNow(),
    },
    (columns) => [
      primaryKey({ name: "run_chunk_pkey", columns: [columns.runId, columns.seq] }),
      foreignKey({
        name: "run_chunk_run_id_user_id_fkey",
        columns: [columns.runId, columns.userId],
        foreignColumns: [run.id, run.userId],
      }).onDelete("cascade"),
    ],
  );

  const searchBlock = table(
    tableNames.searchBlock,
    {
      id: uuid("id").primaryKey().defaultRandom(),
      userId: owner(),
      oldest: moment("oldest").notNull(),
      newest: moment("newest").notNull(),
      messageIds: uuid("message_ids").array().notNull(),
      conversationIds: uuid("conversation_ids").array().notNull(),
    },
    (columns) => [
      toUser("search_block_user_id_fkey", columns.userId),
      unique("search_block_id_user_id_key").on(columns.id, columns.userId),
      index("search_block_user_id_newest_id_idx").on(columns.userId, columns.newest, columns.id),
    ],
  );

  const searchWords = table(
    tableNames.searchWords,
    {
      blockId: uuid("block_id").notNull(),
      bucket: integer("bucket").notNull(),
      userId: owner(),
      words: text("words").notNull(),
    },
    (columns) => [
      primaryKey({ name: "search_words_pkey", columns: [columns.blockId, columns.bucket] }),
      foreignKey({
        name: "search_words_block_id_user_id_fkey",
        columns: [columns.blockId, columns.userId],
        foreignColumns: [searchBlock.id, searchBlock.userId],
      }).onDelete("cascade"),
    ],
  );

  const searchPending = table(
    tableNames.searchPending,
    { userId: owner(), messageId: uuid("message_id").notNull() },
    (columns) => [
      primaryKey({ name: "search_pending_pkey", columns: [columns.userId, columns.messageId] }),
      toUser("search_pending_user_id_fkey", columns.userId),
    ],
  );

  // Sums that no deletion of a conversation changes: they name a user, a day and a model, and no chat.
  const usage = table(
    tableNames.usage,
    {
      userId: owner(),
      day: date("day", { mode: "string" }).notNull(),
      model: text("model").notNull(),
      replies: bigint("replies", { mode: "number" }).notNull(),
      inputTokens: bigint("input_tokens", { mode: "number" }).notNull(),
      outputTokens: bigint("output_tokens", { mode: "number" }).notNull(),
      cachedTokens: bigint("cached_tokens", { mode: "number" }).notNull(),
      reasoningTokens: bigint("reasoning_tokens", { mode: "number" }).notNull(),
    },
    (columns) => [
      primaryKey({ name: "usage_pkey", columns: [columns.userId, columns.day, columns.model] }),
      toUser("usage_user_id_fkey", columns.userId),
    ],
  );

  const files = fileModels<UserIdOf<Column>>(table, attachment.userType, toUser, conversation);
  return { conversation, message, run, runChunk, searchBlock, searchWords, searchPending, usage, ...files, attachment };
}

/** The tables for a user table whose ids are of type `Id`. */
export type ChatModels = ReturnType<typeof chatModels<AnyPgColumn>>;

type IsSame<One, Other> = [One, Other] extends [Other, One] ? true : never;
/** Whoever adds a column to one of both is told of the other here. */
export const agreesWithTheStore: [
  IsSame<ConversationRow, Omit<ChatModels["conversation"]["$inferSelect"], "userId" | "indexedCount" | "deletedAt">>,
  IsSame<MessageRow, Omit<ChatModels["message"]["$inferSelect"], "userId" | "conversationId" | "bytes">>,
  IsSame<Run, Omit<ChatModels["run"]["$inferSelect"], "userId">>,
  IsSame<UsageRow, Omit<ChatModels["usage"]["$inferSelect"], "userId">>,
] = [true, true, true, true];

function attachmentOf(userId: AnyPgColumn, schema: string | undefined): Attachment {
  if (typeof (userId as Partial<AnyPgColumn> | undefined)?.getSQLType !== "function") {
    throw new TypeError("chatModels needs the id column of the user table, such as user.id.");
  }
  const userType = userTypeOf(userId.getSQLType(), "chatModels");
  const { name, schema: userSchema } = getTableConfig(userId.table as PgTable);
  return { schema, user: { table: name, schema: userSchema, column: userId.name }, userType };
}

function oneOf(column: AnyPgColumn, values: readonly string[]) {
  return sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(", "))})`;
}
