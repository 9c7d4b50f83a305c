/** chatkeep sql: the statements of migrations, to be read, or to be run by whoever may. Changes nothing. */
import { chatMigrations, chatTables, InvalidInputError, type Migration, migrationScript } from "chatkeep";
import type { DatabaseConfig } from "../config.ts";
import { openDatabase } from "../database.ts";
import { migrations } from "../migrations.generated.ts";

/** Of which tables, and from where on. */
export interface SqlRequest {
  /** All of them, whatever database is configured. */
  all?: boolean;
  /** The first one. */
  from?: string;
  /** The chat tables alone, for a host that has users already. */
  chat?: boolean;
  userTable?: string;
  userSchema?: string;
  userColumn?: string;
  userType?: string;
  schema?: string;
}

const ofHost = ["userTable", "userSchema", "userColumn", "userType", "schema"] as const;

/**
 * What is pending in a database that is configured; all of it without one, and with what says which.
 * @throws invalid_input
 */
export async function writeSql(database: DatabaseConfig, request: SqlRequest): Promise<string> {
  const { all = false, from, chat = false, schema } = request;
  const stray = chat ? undefined : ofHost.find((name) => request[name] !== undefined);
  if (stray) throw new InvalidInputError(`--${optionOf(stray)} belongs to --chat: add that.`);
  const some = startingAt(chat ? chatOf(request) : migrations, from);
  if (all || chat || from !== undefined || database.engine === "pglite") return await migrationScript(some, { schema });
  await using connection = await openDatabase(database);
  return await migrationScript(some, { connection });
}

function optionOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function startingAt(all: readonly Migration[], from: string | undefined): readonly Migration[] {
  if (from === undefined) return all;
  const first = all.findIndex(({ name }) => name === from);
  if (first >= 0) return all.slice(first);
  throw new InvalidInputError(`There is no migration ${from}: it is one of ${all.map(({ name }) => name).join(", ")}.`);
}

function chatOf({ userTable, userSchema, userColumn, userType, schema }: SqlRequest): Migration[] {
  if (userTable === undefined && (userSchema ?? userColumn ?? userType) !== undefined) {
    throw new InvalidInputError("Name the table of your users too, with --user-table.");
  }
  const user = userTable !== undefined && {
    table: userTable,
    schema: userSchema,
    column: userColumn ?? "id",
    type: userType ?? "uuid",
  };
  try {
    return chatMigrations(chatTables({ user, schema }));
  } catch (error) {
    if (error instanceof TypeError) throw new InvalidInputError(error.message, { cause: error });
    throw error;
  }
}
