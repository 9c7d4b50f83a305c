/** chatkeep doctor: what state a database is in, and what is wrong with it. Reads only. */
import { type Connection, hasRowLevelSecurity, migrationStatus } from "chatkeep";
import { asEverybody, passesPolicies } from "chatkeep/internal";
import { getTableName, isTable, sql } from "drizzle-orm";
import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import type { DatabaseConfig } from "../config.ts";
import { type Database, faultOfReplica, type OpenDatabase, openExistingDatabase } from "../database.ts";
import { migrations } from "../migrations.generated.ts";
import * as schema from "../models/index.ts";
import { type Finding, findings, orphanFinding, orphans } from "./findings.ts";

interface Check {
  name: string;
  ok: boolean;
  found: string;
}

export interface Diagnosis {
  engine: string;
  version: string;
  /** What has to be so for chatkeep to work. */
  checks: Check[];
  /** What to mend, where all of that is so. */
  findings: Finding[];
  rows: Record<string, number>;
}

const tables: PgTable[] = Object.values<unknown>(schema).filter((value): value is PgTable => isTable(value));

export async function examine(database: DatabaseConfig): Promise<Diagnosis> {
  await using connection = await openExistingDatabase(database);
  const diagnosis = await diagnose(connection, connection.engine);
  if (connection.replica) diagnosis.checks.push(await replicaCheck(connection.replica));
  return diagnosis;
}

export async function diagnose(
  database: Pick<OpenDatabase, keyof Connection | "db">,
  engine: string,
): Promise<Diagnosis> {
  const [migrations, walled] = [await migrationCheck(database), await wallOf(database, engine)];
  // Of all users, where policies stand before them; nothing is left of that setting afterwards.
  return await database.db.transaction(async (tx) => {
    await tx.execute(sql.raw(asEverybody));
    return await diagnoseAll(tx, engine, migrations, walled);
  });
}

async function diagnoseAll(db: Database, engine: string, migrations: Check, walled: string): Promise<Diagnosis> {
  const [{ version } = { version: "unknown" }] = await read<{ version: string }>(db, sql`select version() as version`);
  const checks = [
    ...(await serverChecks(db)),
    migrations,
    ...(await schemaChecks(db)),
    { name: "row-level security", ok: true, found: walled },
  ];
  const complete = checks.every(({ ok }) => ok);
  if (!complete) return { engine, version, checks, findings: [], rows: {} };
  const found: Finding[] = [];
  for (const each of orphans) {
    const [{ count } = { count: 0 }] = await read<{ count: number }>(db, each.query);
    checks.push({ name: each.name, ok: count === 0, found: count === 0 ? "none" : String(count) });
    if (count > 0) found.push(orphanFinding(each, count));
  }
  const made = new Set(tables.flatMap((table) => getTableConfig(table).indexes.map(({ config }) => config.name)));
  const others = await findings((query) => read(db, query), {
    tables: tables.map(getTableName),
    chatTables: Object.values<unknown>(schema.models).flatMap((value) => (isTable(value) ? getTableName(value) : [])),
    isServer: engine !== "pglite",
  });
  found.push(...others.filter(({ kind, about }) => kind !== "unused-index" || !made.has(about)));
  return { engine, version, checks, findings: found, rows: await rowCounts(db) };
}

async function replicaCheck(replica: Connection): Promise<Check> {
  const fault = await faultOfReplica(replica);
  if (fault) return { name: "replica", ok: false, found: `${fault} (mend DATABASE_REPLICA_URL, or unset it)` };
  const [row] = await replica.query(`
    select extract(epoch from case when pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()
      then clock_timestamp() - pg_last_xact_replay_timestamp() else interval '0' end)`);
  return {
    name: "replica",
    ok: true,
    found: `follows, ${Number(row?.[0] ?? 0).toFixed(1)} s behind what it has received`,
  };
}

/** Whether the database itself keeps users apart, and why not where it does not. */
async function wallOf(database: Connection, engine: string): Promise<string> {
  const isOn = await hasRowLevelSecurity(database, schema.models);
  if (engine === "pglite") return "off: the embedded database has one role, which passes every policy";
  const passes = await passesPolicies(database);
  if (isOn && !passes) return "on";
  const role = "let servers connect as a role that is no superuser and has no BYPASSRLS";
  if (isOn) return `on, and passed by this role: ${role}`;
  return passes
    ? `off: ${role}, then run chatkeep migrate --row-level-security on`
    : "off: chatkeep migrate --row-level-security on switches it on";
}

async function migrationCheck(connection: Connection): Promise<Check> {
  const { applied, pending, unknown, breaking, changed } = await migrationStatus(connection, migrations);
  const wrong = [
    pending.length > 0 && `not applied: ${pending.join(", ")} (run chatkeep migrate)`,
    breaking.length > 0 && `of a newer chatkeep, which break this one: ${breaking.join(", ")} (update chatkeep)`,
    changed.length > 0 && `changed since they were applied: ${changed.join(", ")}`,
  ].filter(Boolean);
  const newer = unknown.length > 0 ? `, and of a newer chatkeep: ${unknown.join(", ")}` : "";
  const right = `${applied.length} applied${newer}`;
  return { name: "migrations", ok: wrong.length === 0, found: wrong.join("; ") || right };
}

/** What no migration can put right. */
async function serverChecks(db: Database): Promise<Check[]> {
  const [found] = await read<{ major: number; encoding: string; read_only: boolean }>(
    db,
    sql`
    select current_setting('server_version_num')::int / 10000 as major, current_setting('server_encoding') as encoding,
      current_setting('default_transaction_read_only') = 'on' or pg_is_in_recovery() as read_only`,
  );
  const { major = 0, encoding = "", read_only: isReadOnly = false } = found ?? {};
  const old = major < 15 ? ` (15 or newer is needed: upgrade it)` : "";
  const other = encoding === "UTF8" ? "" : " (UTF8 is needed: make a database with that encoding)";
  return [
    { name: "PostgreSQL", ok: old === "", found: `${major}${old}` },
    { name: "encoding", ok: other === "", found: `${encoding}${other}` },
    {
      name: "writes",
      ok: !isReadOnly,
      found: isReadOnly ? "refused: it is a standby, or set to read only" : "accepted",
    },
  ];
}

async function schemaChecks(db: Database): Promise<Check[]> {
  const configs = tables.map((table) => getTableConfig(table));
  const there = await names(
    db,
    sql`select table_name as name from information_schema.tables where table_schema = current_schema()`,
  );
  const keys = await names(db, sql`select conname as name from pg_constraint where contype = 'f' and convalidated`);
  const indexes = await names(
    db,
    sql`
    select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid where i.indisvalid`,
  );
  return [
    compare(
      "tables",
      configs.map(({ name }) => name),
      there,
    ),
    compare(
      "foreign keys",
      configs.flatMap(({ foreignKeys }) => foreignKeys.map((key) => key.getName())),
      keys,
    ),
    compare(
      "indexes",
      configs.flatMap((each) => [
        ...each.indexes.map((index) => index.config.name ?? ""),
        ...each.uniqueConstraints.map((constraint) => constraint.name ?? ""),
      ]),
      indexes,
    ),
  ];
}

function compare(name: string, wanted: readonly string[], found: ReadonlySet<string>): Check {
  const missing = wanted.filter((each) => !found.has(each));
  const ok = missing.length === 0;
  return { name, ok, found: ok ? `${wanted.length} of ${wanted.length}` : `missing: ${missing.join(", ")}` };
}

async function rowCounts(db: Database): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of tables) counts[getTableName(table)] = await db.$count(table);
  return counts;
}

async function names(db: Database, query: ReturnType<typeof sql>): Promise<Set<string>> {
  return new Set((await read<{ name: string }>(db, query)).map(({ name }) => name));
}

async function read<Row>(db: Database, query: ReturnType<typeof sql>): Promise<Row[]> {
  const { rows } = (await db.execute(query)) as unknown as { rows: Row[] };
  return rows;
}
