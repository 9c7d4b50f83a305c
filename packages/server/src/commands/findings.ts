/** What doctor finds in a database whose schema is right: what makes it slow, or was left behind, each with what mends it. */
import { sql } from "drizzle-orm";

/** Something to mend. */
export interface Finding {
  kind:
    | "orphans"
    | "dead-runs"
    | "invalid-index"
    | "wall-with-a-gap"
    | "bloat"
    | "statistics"
    | "autovacuum"
    | "unused-index";
  /** `wrong`: what is stored is not as it should be, or not guarded; `advice`: it costs time or room. */
  level: "wrong" | "advice";
  /** The table or the index, or `server`. */
  about: string;
  found: string;
  why: string;
  /** A statement of SQL, or a command of chatkeep's. */
  mend: string;
}

type Query = ReturnType<typeof sql>;
export type Read = <Row>(query: Query) => Promise<Row[]>;

interface Orphans {
  name: string;
  about: string;
  query: Query;
  mend: string;
}

/** Rows that no constraint forbids, and that would mean that something has written past the store. */
export const orphans: readonly Orphans[] = [
  {
    name: "messages whose parent is not in their conversation",
    about: "message",
    query: sql`
      select count(*)::int as count from message m
      where m.parent_id is not null and not exists (
        select from message p where p.user_id = m.user_id and p.id = m.parent_id and p.conversation_id = m.conversation_id)`,
    mend: "update message m set parent_id = null, parent_external_id = null where m.parent_id is not null and not exists (select from message p where p.user_id = m.user_id and p.id = m.parent_id and p.conversation_id = m.conversation_id)",
  },
  {
    name: "conversations whose head is not one of their messages",
    about: "conversation",
    query: sql`
      select count(*)::int as count from conversation c
      where c.head_id is not null and not exists (
        select from message m where m.user_id = c.user_id and m.id = c.head_id and m.conversation_id = c.id)`,
    mend: "update conversation c set (head_id, head_external_id) = (select m.id, m.external_id from message m where m.user_id = c.user_id and m.conversation_id = c.id order by m.seq desc limit 1) where c.head_id is not null and not exists (select from message m where m.user_id = c.user_id and m.id = c.head_id and m.conversation_id = c.id)",
  },
  {
    name: "conversations whose count is not the place of their last message",
    about: "conversation",
    query: sql`
      select count(*)::int as count from conversation c
      where c.message_count <> coalesce((select max(m.seq) from message m where m.user_id = c.user_id and m.conversation_id = c.id), 0)`,
    mend: "update conversation c set message_count = coalesce((select max(m.seq) from message m where m.user_id = c.user_id and m.conversation_id = c.id), 0) where c.message_count <> coalesce((select max(m.seq) from message m where m.user_id = c.user_id and m.conversation_id = c.id), 0)",
  },
  {
    name: "conversations of which messages are missing",
    about: "message",
    query: sql`
      select count(*)::int as count from conversation c
      where (select max(m.seq) <> count(*) from message m where m.user_id = c.user_id and m.conversation_id = c.id)`,
    mend: "restore the rows from a backup; without them the conversation goes on as it is",
  },
  {
    name: "drafts that no run writes",
    about: "message",
    query: sql`
      select count(*)::int as count from message m
      where m.status = 'streaming' and not exists (
        select from run r where r.user_id = m.user_id and r.message_id = m.id and r.status = 'running')`,
    mend: "update message m set status = 'interrupted', finish_reason = 'other', revision = m.revision + 1 where m.status = 'streaming' and not exists (select from run r where r.user_id = m.user_id and r.message_id = m.id and r.status = 'running')",
  },
  {
    name: "files whose bytes are not all there",
    about: "attachment_content",
    query: sql`
      select count(*)::int as count from attachment_content k
      where k.hash is not null and not exists (select from attachment_object o where o.user_id = k.user_id and o.content_id = k.id) and k.size <> (
        select coalesce(sum(octet_length(p.bytes)), 0) from attachment_piece p where p.user_id = k.user_id and p.content_id = k.id)`,
    mend: "restore them from a backup or an archive (chatkeep restore); the messages that name them stay as they are",
  },
  {
    name: "bytes that no file names",
    about: "attachment_content",
    query: sql`
      select count(*)::int as count from attachment_content k
      where k.hash is not null and not exists (select from attachment f where f.user_id = k.user_id and f.content_id = k.id)`,
    mend: "delete from attachment_content k where k.hash is not null and not exists (select from attachment f where f.user_id = k.user_id and f.content_id = k.id)",
  },
  {
    name: "files that are counted for messages which are not there",
    about: "attachment_use",
    query: sql`
      select count(*)::int as count from attachment_use u
      where not exists (select from message m where m.user_id = u.user_id and m.id = u.message_id and m.conversation_id = u.conversation_id)`,
    mend: "delete from attachment_use u where not exists (select from message m where m.user_id = u.user_id and m.id = u.message_id and m.conversation_id = u.conversation_id)",
  },
];

const deadRows = { atLeast: 10_000, share: 0.2 };
const changedRows = { atLeast: 10_000, share: 0.5 };
const unusedBytes = 1024 * 1024;
const minutes = 5;

export interface Examined {
  /** All of this server's, and those of chats, which policies can guard. */
  tables: readonly string[];
  chatTables: readonly string[];
  /** The database has processes that clean up by themselves. */
  isServer: boolean;
}

export async function findings(read: Read, { tables, chatTables, isServer }: Examined): Promise<Finding[]> {
  const all = [
    await deadRuns(read),
    await invalidIndexes(read, tables),
    await gaps(read, chatTables),
    await objectsThatStay(read),
    await bloat(read, tables),
    await statistics(read, tables),
    await autovacuum(read, tables, isServer),
    await unusedIndexes(read, tables),
  ];
  return all.flat();
}

export function orphanFinding({ name, about, mend }: Orphans, count: number): Finding {
  const why = "Something has written past chatkeep, or a backup was put back in part.";
  return { kind: "orphans", level: "wrong", about, found: `${count} ${name}`, why, mend };
}

/** A sweep that works has removed them long before. */
async function objectsThatStay(read: Read): Promise<Finding[]> {
  const [{ count } = { count: 0 }] = await read<{ count: number }>(sql`
    select count(*)::int as count from attachment_object o
    where o.check_at < now() - interval '3 hours'
      and not exists (select from attachment_content k where k.user_id = o.user_id and k.id = o.content_id)`);
  if (count === 0) return [];
  return [
    {
      kind: "orphans",
      level: "wrong",
      about: "attachment_object",
      found: `${count} files are gone, and their bytes are not`,
      why: "The place where they are has not answered, or no server runs that knows it.",
      mend: "set CHATKEEP_FILES as it was when they were stored, and let chatkeep serve run: it removes them",
    },
  ];
}

async function deadRuns(read: Read): Promise<Finding[]> {
  const [{ count } = { count: 0 }] = await read<{ count: number }>(sql`
    select count(*)::int as count from run
    where status = 'running' and heartbeat_at < clock_timestamp() - make_interval(mins => ${minutes}::int)`);
  if (count === 0) return [];
  return [
    {
      kind: "dead-runs",
      level: "wrong",
      about: "run",
      found: `${count} replies are marked as being written, and nothing was heard of them for ${minutes} minutes`,
      why: "Their server has died, and no other has been in use since. Any server that is ends them within a minute, and keeps what they had streamed, which no statement can.",
      mend: "chatkeep serve",
    },
  ];
}

const ours = (tables: readonly string[]) => sql`
  c.relnamespace = current_schema()::regnamespace
  and c.relname in (${sql.join(
    tables.map((name) => sql`${name}`),
    sql`, `,
  )})`;

async function invalidIndexes(read: Read, tables: readonly string[]): Promise<Finding[]> {
  const rows = await read<{ name: string; parent: string }>(sql`
    select i.relname as name, c.relname as parent
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
    where not x.indisvalid and ${ours(tables)} order by 1`);
  return rows.map(({ name, parent }) => ({
    kind: "invalid-index",
    level: "wrong",
    about: name,
    found: `an index of ${parent} was not built to its end`,
    why: "It was built concurrently, and what built it was ended: it costs each write, and no query uses it.",
    mend: `reindex index concurrently ${quoted(name)}`,
  }));
}

async function gaps(read: Read, tables: readonly string[]): Promise<Finding[]> {
  const rows = await read<{ name: string }>(sql`
    select c.relname as name
    from pg_class c
    where ${ours(tables)} and not c.relrowsecurity
      and exists (
        select from pg_class w
        where w.relnamespace = c.relnamespace and w.relname = 'conversation' and w.relrowsecurity)
    order by 1`);
  return rows.map(({ name }) => ({
    kind: "wall-with-a-gap",
    level: "wrong",
    about: name,
    found: "has no row-level security, and conversation has",
    why: "It was made after the policies were put on: a statement without an owner sees what is in it.",
    mend: "chatkeep migrate --row-level-security on",
  }));
}

async function bloat(read: Read, tables: readonly string[]): Promise<Finding[]> {
  const rows = await read<{ name: string; dead: number; live: number }>(sql`
    select c.relname as name, s.n_dead_tup::float8 as dead, s.n_live_tup::float8 as live
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where ${ours(tables)} and s.n_dead_tup >= ${deadRows.atLeast}::float8
      and s.n_dead_tup > ${deadRows.share}::float8 * (s.n_live_tup + s.n_dead_tup)
    order by 1`);
  return rows.map(({ name, dead, live }) => ({
    kind: "bloat",
    level: "advice",
    about: name,
    found: `${dead} dead rows beside ${live} live ones`,
    why: "Vacuum does not keep up, or something holds an old snapshot, such as a transaction that was left open: each query reads past them.",
    mend: `vacuum (analyze) ${quoted(name)}`,
  }));
}

async function statistics(read: Read, tables: readonly string[]): Promise<Finding[]> {
  const rows = await read<{ name: string; changed: number; never: boolean }>(sql`
    select c.relname as name, s.n_mod_since_analyze::float8 as changed, c.reltuples < 0 as never
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where ${ours(tables)} and s.n_mod_since_analyze >= ${changedRows.atLeast}::float8
      and (c.reltuples < 0 or s.n_mod_since_analyze > ${changedRows.share}::float8 * c.reltuples)
    order by 1`);
  return rows.map(({ name, changed, never }) => ({
    kind: "statistics",
    level: "advice",
    about: name,
    found: never
      ? `has no statistics, and ${changed} rows`
      : `${changed} rows were changed since its statistics were made`,
    why: "PostgreSQL chooses how to read a table by them: without them a query may read all of it in place of an index.",
    mend: `analyze ${quoted(name)}`,
  }));
}

async function autovacuum(read: Read, tables: readonly string[], isServer: boolean): Promise<Finding[]> {
  const why =
    "Dead rows stay for ever, and statistics grow old: everything becomes slower, and in the end writes stop.";
  const rows = await read<{ name: string }>(sql`
    select c.relname as name from pg_class c
    where ${ours(tables)} and c.reloptions && array['autovacuum_enabled=false', 'autovacuum_enabled=off', 'autovacuum_enabled=0']
    order by 1`);
  const found: Finding[] = rows.map(({ name }) => ({
    kind: "autovacuum",
    level: "advice",
    about: name,
    found: "autovacuum is switched off for it",
    why,
    mend: `alter table ${quoted(name)} reset (autovacuum_enabled)`,
  }));
  const [{ off } = { off: false }] = await read<{ off: boolean }>(sql`
    select current_setting('autovacuum') = 'off' or current_setting('track_counts') = 'off' as off`);
  if (!off || !isServer) return found;
  const mend = "alter system set autovacuum = on; alter system set track_counts = on; select pg_reload_conf()";
  return [...found, { kind: "autovacuum", level: "advice", about: "server", found: "autovacuum is off", why, mend }];
}

/** Of those that chatkeep makes something needs each, if not yet; others are whoever's who made them. */
async function unusedIndexes(read: Read, tables: readonly string[]): Promise<Finding[]> {
  const rows = await read<{ name: string; parent: string; bytes: number }>(sql`
    select i.relname as name, c.relname as parent, pg_relation_size(i.oid)::float8 as bytes
    from pg_stat_user_indexes s
    join pg_index x on x.indexrelid = s.indexrelid
    join pg_class i on i.oid = s.indexrelid
    join pg_class c on c.oid = s.relid
    where ${ours(tables)} and s.idx_scan = 0 and not x.indisunique and x.indisvalid
      and pg_relation_size(i.oid) >= ${unusedBytes}::bigint
    order by 1`);
  return rows.map(({ name, parent, bytes }) => ({
    kind: "unused-index",
    level: "advice",
    about: name,
    found: `an index of ${parent} of ${Math.round(bytes / unusedBytes)} MB that no query has used since statistics were last reset`,
    why: "Each write keeps it up to date. It is none of chatkeep's: look whether something reads by it on other days, or on a replica.",
    mend: `drop index concurrently ${quoted(name)}`,
  }));
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
