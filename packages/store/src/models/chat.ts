/** What a conversation is: the four tables of chatkeep, attached to the `user` table that the host application has already. */
import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  json,
  type PgTextBuilderInitial,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
  varchar,
} from "drizzle-orm/pg-core";

export const messageRoles = ["user", "assistant"] as const;
export const messageStatuses = ["complete", "streaming", "stopped", "failed", "interrupted"] as const;
/** Why a model ended its answer, as the AI SDK has it. */
export const finishReasons = ["stop", "length", "content-filter", "tool-calls", "error", "other"] as const;
export const runStatuses = ["running", "completed", "stopped", "failed", "interrupted"] as const;

export type MessageRole = (typeof messageRoles)[number];
export type MessageStatus = (typeof messageStatuses)[number];
export type FinishReason = (typeof finishReasons)[number];
export type RunStatus = (typeof runStatuses)[number];

/** A part of a message as the AI SDK has it: `{ type: "text", text }`, `{ type: "tool-…", … }`; kept byte for byte. */
export type Part = { type: string; [key: string]: unknown };

/** A host's user id: whatever type its `user.id` has. */
export type UserId = string | number;

type UserIdOf<Column extends AnyPgColumn> = unknown extends Column["_"]["data"]
  ? UserId
  : Extract<Column["_"]["data"], UserId>;

/**
 * Makes the tables `conversation`, `message`, `run` and `run_chunk` for a user table.
 * `userId` is its id column: uuid, text, varchar, integer or bigint. Every `user_id` has its type, and a real foreign key to it.
 * Columns carry their names, so that a host's Drizzle needs no `casing` option.
 *
 * @throws TypeError when the column has another type.
 */
export function chatModels<Column extends AnyPgColumn>(userId: Column) {
  if (typeof (userId as Partial<AnyPgColumn> | undefined)?.getSQLType !== "function") {
    throw new TypeError("chatModels needs the id column of the user table, such as user.id.");
  }
  const owner = () =>
    columnLike<UserIdOf<Column>>(userId)
      .notNull()
      .references((): AnyPgColumn => userId, { onDelete: "cascade" });

  const conversation = pgTable(
    "conversation",
    {
      id: uuid("id").primaryKey().defaultRandom(),
      userId: owner(),
      title: text("title"),
      messageCount: integer("message_count").notNull().default(0),
      headId: uuid("head_id"),
      pinned: boolean("pinned").notNull().default(false),
      archived: boolean("archived").notNull().default(false),
      createdAt: moment("created_at").notNull().defaultNow(),
      updatedAt: moment("updated_at").notNull().defaultNow(),
    },
    (table) => [
      unique("conversation_id_user_id_key").on(table.id, table.userId),
      index("conversation_user_id_archived_updated_at_id_idx").on(
        table.userId,
        table.archived,
        table.updatedAt,
        table.id,
      ),
      index("conversation_pinned_idx").on(table.userId, table.updatedAt, table.id).where(sql`${table.pinned}`),
      check("conversation_title_check", sql`char_length(${table.title}) between 1 and 200`),
      check("conversation_message_count_check", sql`${table.messageCount} >= 0`),
    ],
  );

  const message = pgTable(
    "message",
    {
      id: uuid("id").primaryKey().defaultRandom(),
      conversationId: uuid("conversation_id").notNull(),
      userId: owner(),
      seq: integer("seq").notNull(),
      parentId: uuid("parent_id"),
      role: text("role", { enum: messageRoles }).notNull(),
      status: text("status", { enum: messageStatuses }).notNull().default("complete"),
      content: text("content").notNull(),
      parts: json("parts").$type<Part[]>(),
      // What a page of messages is measured by, without reading them.
      bytes: integer("bytes").generatedAlwaysAs(
        sql`octet_length("content") + coalesce(octet_length("parts"::text), 0)`,
      ),
      createdAt: moment("created_at").notNull().defaultNow(),
      finishReason: text("finish_reason", { enum: finishReasons }),
    },
    (table) => [
      unique("message_conversation_id_seq_key").on(table.conversationId, table.seq),
      index("message_user_id_id_idx").on(table.userId, table.id),
      index("message_conversation_id_parent_id_idx").on(table.conversationId, table.parentId),
      foreignKey({
        name: "message_conversation_id_user_id_fkey",
        columns: [table.conversationId, table.userId],
        foreignColumns: [conversation.id, conversation.userId],
      }).onDelete("cascade"),
      check("message_role_check", oneOf(table.role, messageRoles)),
      check("message_status_check", oneOf(table.status, messageStatuses)),
      check("message_seq_check", sql`${table.seq} >= 1`),
    ],
  );

  const run = pgTable(
    "run",
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
    },
    (table) => [
      unique("run_id_user_id_key").on(table.id, table.userId),
      uniqueIndex("run_running_key").on(table.conversationId).where(sql`${table.status} = 'running'`),
      index("run_user_id_conversation_id_started_at_idx").on(table.userId, table.conversationId, table.startedAt),
      foreignKey({
        name: "run_conversation_id_user_id_fkey",
        columns: [table.conversationId, table.userId],
        foreignColumns: [conversation.id, conversation.userId],
      }).onDelete("cascade"),
      check("run_status_check", oneOf(table.status, runStatuses)),
    ],
  );

  const runChunk = pgTable(
    "run_chunk",
    {
      runId: uuid("run_id").notNull(),
      seq: integer("seq").notNull(),
      userId: columnLike<UserIdOf<Column>>(userId).notNull(),
      chunk: text("chunk").notNull(),
      createdAt: moment("created_at").notNull().defaultNow(),
    },
    (table) => [
      primaryKey({ name: "run_chunk_pkey", columns: [table.runId, table.seq] }),
      foreignKey({
        name: "run_chunk_run_id_user_id_fkey",
        columns: [table.runId, table.userId],
        foreignColumns: [run.id, run.userId],
      }).onDelete("cascade"),
    ],
  );

  return { conversation, message, run, runChunk };
}

/** The four tables for a user table whose ids are of type `Id`. */
export type ChatModels = ReturnType<typeof chatModels<AnyPgColumn>>;

/** A conversation as its owner sees it. `messageCount` is also the last `seq`; `headId` is the last message of the branch that is shown. */
export type Conversation = Omit<ChatModels["conversation"]["$inferSelect"], "userId">;

/**
 * A message as its owner sees it. `content` is the plain text of `parts`; `parentId` is the message that it answers or follows.
 * INVARIANT: `finishReason` is set by the end of a run and by nothing else: where it is null, no run wrote the message.
 */
export type Message = Omit<ChatModels["message"]["$inferSelect"], "userId" | "bytes">;

/** One generation of a reply. */
export type Run = Omit<ChatModels["run"]["$inferSelect"], "userId">;

function columnLike<Id extends UserId>(userId: AnyPgColumn) {
  const builder = builderLike(userId.getSQLType());
  if (!builder) {
    throw new TypeError(
      `chatModels needs a user id column of type uuid, text, varchar, integer or bigint, not ${userId.getSQLType()}.`,
    );
  }
  return (builder as PgTextBuilderInitial<"user_id", [string, ...string[]]>).$type<Id>();
}

function builderLike(sqlType: string) {
  if (sqlType === "uuid") return uuid("user_id");
  if (sqlType === "text") return text("user_id");
  if (sqlType === "integer" || sqlType === "serial") return integer("user_id");
  if (sqlType === "bigint" || sqlType === "bigserial") return bigint("user_id", { mode: "number" });
  const length = /^varchar(?:\((\d+)\))?$/.exec(sqlType);
  if (length) return length[1] ? varchar("user_id", { length: Number(length[1]) }) : varchar("user_id");
  return undefined;
}

/** To the millisecond, as JavaScript has it, so that a time read and given back names the same row. */
function moment(name: string) {
  return timestamp(name, { withTimezone: true, precision: 3 });
}

function oneOf(column: AnyPgColumn, values: readonly string[]) {
  return sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(", "))})`;
}
