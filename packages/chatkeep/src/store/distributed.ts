/**
 * The tables of chats spread over the nodes of a Citus cluster: all that is one user's lies together, on one of them.
 * @see https://docs.citusdata.com/en/stable/sharding/data_modeling.html
 */
import { InvalidInputError } from "../errors.ts";
import type { Connection } from "../sql/connection.ts";
import { quote } from "../sql/sql.ts";
import { inTransaction } from "./context.ts";
import { hasRowLevelSecurity } from "./row-level-security.ts";
import { type Attachment, type ChatTables, tableNames } from "./tables/tables.ts";

/**
 * Distributes the tables by `user_id`, and keeps the users' own table on every node. Keys and foreign keys get the user in front, as
 * Citus wants it. Again after a migration that has brought new tables; what is distributed stays as it is. `others` are tables of yours in
 * the same schema with a `user_id`, such as ones that refer to conversations.
 * @throws invalid_input where there is no Citus, a table is not there, or row-level security is on
 */
export async function distributeTables(
  connection: Connection,
  tables: ChatTables,
  others: readonly string[] = [],
): Promise<void> {
  await requireCitus(connection);
  if (await hasRowLevelSecurity(connection, tables)) {
    throw new InvalidInputError(
      "Tables with row-level security cannot be distributed: switch it off first, with disableRowLevelSecurity or chatkeep migrate --row-level-security off.",
    );
  }
  const { schema, user } = tables.attachment;
  const names = [...Object.values(tableNames), ...others];
  await inTransaction(connection, async (inside) => {
    // With a table that is on every node, a change of the schema goes over one connection to each.
    await inside.query("set local citus.multi_shard_modify_mode to 'sequential'");
    // A trigger of a table is one of its parts on each node.
    await inside.query("set local citus.enable_unsafe_triggers to on");
    const all = await relationsOf(inside, schema, names);
    const absent = [tableNames.conversation, ...others].filter((name) => !all.some((each) => each.name === name));
    if (absent.length > 0)
      throw new InvalidInputError(`There is no table ${absent[0]} to distribute: run the migrations first.`);
    const missing = all.filter(({ isDistributed }) => !isDistributed);
    if (missing.length === 0) return;
    const isNew = new Set(missing.map(({ name }) => name));
    const keys = await foreignKeysOf(inside, all);
    const ours = keys.filter(({ table }) => isNew.has(table));
    for (const { relation, name } of ours) await inside.query(`alter table ${relation} drop constraint ${name}`);
    for (const { relation } of missing) await nameUserFirst(inside, relation);
    if (user) await shareUsers(inside, user);
    for (const { relation, name } of missing) {
      const beside = name === tableNames.conversation ? "default" : (all[0]?.relation ?? "default");
      await inside.query("select create_distributed_table($1::regclass, 'user_id', colocate_with => $2::text)", [
        relation,
        beside,
      ]);
    }
    for (const { relation, name, definition } of ours)
      await inside.query(`alter table ${relation} add constraint ${name} ${definition}`);
  });
}

/** Whether the tables are distributed by `distributeTables`. */
export async function isDistributed(connection: Connection, tables: ChatTables): Promise<boolean> {
  if (!(await hasCitus(connection))) return false;
  const [first] = await relationsOf(connection, tables.attachment.schema, [tableNames.conversation]);
  return first?.isDistributed ?? false;
}

async function hasCitus(connection: Connection): Promise<boolean> {
  const [row] = await connection.query("select count(*)::text from pg_extension where extname = 'citus'");
  return row?.[0] === "1";
}

async function requireCitus(connection: Connection): Promise<void> {
  if (await hasCitus(connection)) return;
  throw new InvalidInputError(
    "This database has no Citus, so its tables cannot be distributed: run create extension citus on every node, and add the nodes to the coordinator.",
  );
}

interface Relation {
  name: string;
  /** As statements name it. */
  relation: string;
  isDistributed: boolean;
}

async function relationsOf(
  connection: Connection,
  schema: string | undefined,
  names: readonly string[],
): Promise<Relation[]> {
  const relations: Relation[] = [];
  for (const name of names) {
    const relation = schema ? `${quote(schema)}.${quote(name)}` : quote(name);
    const [row] = await connection.query(
      "select (exists (select from pg_dist_partition where logicalrelid = to_regclass($1::text)))::text, to_regclass($1::text)::text",
      [relation],
    );
    if (row?.[1]) relations.push({ name, relation, isDistributed: row[0] === "true" });
  }
  return relations;
}

interface ForeignKey {
  table: string;
  relation: string;
  name: string;
  /** With the user in it, where it leads to what is distributed. */
  definition: string;
}

async function foreignKeysOf(connection: Connection, relations: readonly Relation[]): Promise<ForeignKey[]> {
  const keys: ForeignKey[] = [];
  for (const { name: table, relation } of relations) {
    const rows = await connection.query(
      `select quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint where conrelid = $1::regclass and contype = 'f' order by conname`,
      [relation],
    );
    for (const [name, definition] of rows)
      keys.push({ table, relation, name: String(name), definition: withUser(String(definition)) });
  }
  return keys;
}

/** Nobody's rows change their owner in place there. */
function withUser(definition: string): string {
  const plain = definition.replace(" ON UPDATE CASCADE", "");
  const [, own = ""] = /^FOREIGN KEY \(([^)]*)\)/.exec(plain) ?? [];
  if (own.split(", ").includes("user_id")) return plain;
  const mine = plain.indexOf("(") + 1;
  const theirs = plain.indexOf("(", plain.indexOf(") REFERENCES ")) + 1;
  return `${plain.slice(0, mine)}user_id, ${plain.slice(mine, theirs)}user_id, ${plain.slice(theirs)}`;
}

/** Whatever is unique is so for its user: no node knows of what the others have. */
async function nameUserFirst(connection: Connection, relation: string): Promise<void> {
  const constraints = await connection.query(
    `select quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint where conrelid = $1::regclass and contype in ('p', 'u')`,
    [relation],
  );
  for (const [name, definition] of constraints) {
    if (/\buser_id\b/.test(String(definition))) continue;
    await connection.query(`alter table ${relation} drop constraint ${name}`);
    await connection.query(
      `alter table ${relation} add constraint ${name} ${String(definition).replace("(", "(user_id, ")}`,
    );
  }
  const indexes = await connection.query(
    `select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index i
    where i.indrelid = $1::regclass and i.indisunique and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`,
    [relation],
  );
  for (const [name, definition] of indexes) {
    if (/\((?:[^()]*, )?user_id\b/.test(String(definition))) continue;
    await connection.query(`drop index ${name}`);
    await connection.query(String(definition).replace("(", "(user_id, "));
  }
}

async function shareUsers(connection: Connection, { table, schema }: NonNullable<Attachment["user"]>): Promise<void> {
  const relation = schema ? `${quote(schema)}.${quote(table)}` : quote(table);
  const [row] = await connection.query(
    "select count(*)::text from pg_dist_partition where logicalrelid = $1::regclass and partmethod = 'n' and repmodel = 't'",
    [relation],
  );
  if (row?.[0] === "0") await connection.query("select create_reference_table($1::regclass)", [relation]);
}
