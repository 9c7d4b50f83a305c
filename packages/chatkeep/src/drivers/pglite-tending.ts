/** What autovacuum does elsewhere, while the embedded database is used: the planner knows what there is, old rows make room. */
import type { PGlite } from "@electric-sql/pglite";

/** After a statement, so that a burst is over, or has shown what it is. */
const afterMs = 500;

/** By autovacuum's own thresholds. What PostgreSQL counts is lost when it is killed: then a table without statistics is seen by its size. */
const neglected = `
  select quote_ident(schemaname) || '.' || quote_ident(s.relname) as name,
    n_dead_tup > 50 + 0.2 * greatest(n_live_tup, c.reltuples) as dusty
  from pg_stat_user_tables s join pg_class c on c.oid = s.relid
  where n_mod_since_analyze > 50 + 0.1 * greatest(n_live_tup, c.reltuples)
    or n_dead_tup > 50 + 0.2 * greatest(n_live_tup, c.reltuples)
    or c.reltuples < 0 and pg_relation_size(c.oid) > 65536`;

/** Looks soon after a statement; nothing happens in a database that nobody uses. */
export function tendWhileUsed(client: PGlite): { close(): Promise<void> } {
  const query = client.query.bind(client);
  const transaction = client.transaction.bind(client);
  let timer: NodeJS.Timeout | undefined;
  let tending: Promise<void> | undefined;
  let isClosed = false;
  const tend = async () => {
    // Without this the counts of a statement are known a second later.
    await query("select pg_stat_force_next_flush()");
    const { rows } = await query<{ name: string; dusty: boolean }>(neglected);
    for (const { name, dusty } of rows) {
      if (isClosed) return;
      await query(dusty ? `vacuum (analyze) ${name}` : `analyze ${name}`);
    }
  };
  const touch = () => {
    if (isClosed || timer) return;
    timer = setTimeout(() => {
      // Whatever is in its way, such as a full disk, is in the way of others too, who say so; it is tried again.
      tending = tend()
        .catch(() => {})
        .finally(() => {
          timer = undefined;
        });
    }, afterMs).unref();
  };
  client.query = (...given) => {
    touch();
    return query(...given);
  };
  client.transaction = (work) => {
    touch();
    return transaction(work);
  };
  return {
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await tending;
    },
  };
}
