/** The statements of a saver: each is one round trip, finds its rows by their owner, and is made once. */

import type { Connection } from "../../sql/connection.ts";
import { param, quote, raw, type Sql, sql, type Values } from "../../sql/sql.ts";
import { guarded, type MadeStatement, prepared } from "../../store/context.ts";
import { parse } from "../../store/input.ts";
import { ownerSchemas } from "../../store/owner-schemas.ts";
import { type ChatTables, tablesOf, type UserId } from "../../store/tables/tables.ts";

/** What savers of one connection share. */
export interface CheckpointDatabase {
  readonly connection: Connection;
  readonly checkpoint: Sql;
  readonly blob: Sql;
  readonly write: Sql;
  readonly owner: Sql;
  /** @throws invalid_input */
  userId(given: unknown): UserId;
  /** Runs the statement of this name, again after a deadlock. */
  run<Row>(name: string, build: () => Sql, values: Values, read: (columns: readonly unknown[]) => Row): Promise<Row[]>;
}

export function checkpointDatabase(connection: Connection, tables: ChatTables): CheckpointDatabase {
  const { schema } = tables.attachment;
  const names = tablesOf(tables);
  const { userId } = ownerSchemas(names);
  const statements = new Map<string, MadeStatement>();
  const named = (name: string) => raw(schema === undefined ? quote(name) : `${quote(schema)}.${quote(name)}`);
  return {
    connection,
    checkpoint: named("checkpoint"),
    blob: named("checkpoint_blob"),
    write: named("checkpoint_write"),
    owner: param("ownerId", names.userType),
    userId: (given) => parse(userId, given, "userId"),
    run: (name, build, values, read) => {
      const statement = prepared({ connection, statements, isDistributed: false }, `langgraph_${name}`, build, read);
      return guarded(connection, () => statement.execute(values));
    },
  };
}

/** A row's owner, thread and namespace are those of the parameters. */
export function inPlace(database: CheckpointDatabase, name: string): Sql {
  const as = raw(name);
  return sql`${as}.user_id = ${database.owner} and ${as}.thread_id = ${text("threadId")} and ${as}.checkpoint_ns = ${text("namespace")}`;
}

export function text(name: string): Sql {
  return param(name, "text");
}
