/** Where the tables of chatkeep are, and whose ids they carry: what is needed of a host that has users already. */
import { quote, raw, type Sql } from "../../sql/sql.ts";

/** A host's user id: whatever type its user table has. */
export type UserId = string | number;

/** The host's user table, as its database knows it. */
export interface UserTable {
  table: string;
  /** Of the table, where that is not in the `search_path`. */
  schema?: string | undefined;
  /** Its primary key, or another column that is unique. */
  column: string;
  /** `uuid`, `text`, `varchar`, `integer` or `bigint`. */
  type: string;
}

/** Whose users they are, and where the tables are. */
export interface ChatTablesOptions {
  /** The table whose ids are the users', to which every row refers; `false` when the users are elsewhere, and their ids any text. */
  user: UserTable | false;
  /** Where chatkeep's tables are; the first schema of the `search_path` when left out. */
  schema?: string | undefined;
}

/** The tables `conversation`, `message`, `run` and `run_chunk`, those of search, those of files, and `usage`: made by `chatTables`, or with Drizzle by `chatModels`. */
export interface ChatTables {
  readonly attachment: Attachment;
}

/** What the tables are attached to. */
export interface Attachment {
  readonly schema: string | undefined;
  readonly user: { readonly table: string; readonly schema: string | undefined; readonly column: string } | undefined;
  /** Of every `user_id`: `uuid`, `text`, `varchar`, `varchar(36)`, `integer` or `bigint`. */
  readonly userType: string;
}

/**
 * Names the tables for a host without Drizzle: `chatTables({ user: { table: "users", column: "id", type: "uuid" } })`.
 * @throws TypeError when the user's id has a type that chatkeep does not know, or a name is missing
 */
export function chatTables(options: ChatTablesOptions): ChatTables {
  const { user, schema } = (options ?? {}) as Partial<ChatTablesOptions>;
  requireName(schema ?? "schema", "schema");
  if (user === false) return { attachment: { schema, user: undefined, userType: "text" } };
  if (typeof user !== "object" || user === null) {
    throw new TypeError(
      'chatTables needs the user table, such as { user: { table: "users", column: "id", type: "uuid" } }, or user: false.',
    );
  }
  requireName(user.table, "user.table");
  requireName(user.column, "user.column");
  const { table, column } = user;
  return {
    attachment: { schema, user: { table, schema: user.schema, column }, userType: userTypeOf(user.type, "chatTables") },
  };
}

function requireName(name: unknown, what: string): void {
  if (typeof name === "string" && name !== "" && !name.includes("\0")) return;
  throw new TypeError(`chatTables needs ${what} as a text that is not empty: the name that the database knows.`);
}

/** Other names of the same types. */
const synonyms: Record<string, string> = {
  int: "integer",
  int4: "integer",
  serial: "integer",
  serial4: "integer",
  int8: "bigint",
  bigserial: "bigint",
  serial8: "bigint",
  string: "text",
};

/** @throws TypeError */
export function userTypeOf(type: unknown, maker: string): string {
  const given = String(type).toLowerCase().replace("character varying", "varchar").replaceAll(" ", "");
  const known = synonyms[given] ?? given;
  if (/^(uuid|text|integer|bigint|varchar(\(\d+\))?)$/.test(known)) return known;
  throw new TypeError(`${maker} needs a user id of type uuid, text, varchar, integer or bigint, not ${String(type)}.`);
}

/** The tables as statements name them. */
export interface Tables {
  readonly conversation: Sql;
  readonly message: Sql;
  readonly run: Sql;
  readonly runChunk: Sql;
  readonly searchBlock: Sql;
  readonly searchWords: Sql;
  readonly searchPending: Sql;
  readonly usage: Sql;
  readonly file: Sql;
  readonly fileContent: Sql;
  readonly filePiece: Sql;
  readonly fileUse: Sql;
  readonly fileObject: Sql;
  /** Of a parameter that is a user id. */
  readonly userType: string;
}

export const tableNames = {
  conversation: "conversation",
  message: "message",
  run: "run",
  runChunk: "run_chunk",
  searchBlock: "search_block",
  searchWords: "search_words",
  searchPending: "search_pending",
  usage: "usage",
  file: "attachment",
  fileContent: "attachment_content",
  filePiece: "attachment_piece",
  fileUse: "attachment_use",
  fileObject: "attachment_object",
} as const;

export function tablesOf({ attachment: { schema, userType } }: ChatTables): Tables {
  const named = (name: string) => raw(schema ? `${quote(schema)}.${quote(name)}` : quote(name));
  return {
    conversation: named(tableNames.conversation),
    message: named(tableNames.message),
    run: named(tableNames.run),
    runChunk: named(tableNames.runChunk),
    searchBlock: named(tableNames.searchBlock),
    searchWords: named(tableNames.searchWords),
    searchPending: named(tableNames.searchPending),
    usage: named(tableNames.usage),
    file: named(tableNames.file),
    fileContent: named(tableNames.fileContent),
    filePiece: named(tableNames.filePiece),
    fileUse: named(tableNames.fileUse),
    fileObject: named(tableNames.fileObject),
    userType: userType.replace(/\(.*/, ""),
  };
}

/** Numbers come from some drivers as text. */
export function userIdFrom({ userType }: Tables, value: unknown): UserId {
  return userType === "integer" || userType === "bigint" ? Number(value) : String(value);
}
