/** Much of everything, written in a few statements into the embedded database of a server that is not running. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type SQL, sql } from "drizzle-orm";
import { openPglite } from "../../packages/chatkeep/test/helpers/with-drizzle.ts";

/** Ten thousand conversations over the last years, and one of ten thousand messages, whose id it gives. */
export async function seedTenThousands(folder: string, email: string): Promise<string> {
  await using connection = await openPglite({ dataDir: join(folder, "db") });
  const { db } = connection;
  const id = randomUUID();
  /** Always the same for a number, and a right one: version 4, variant 8. */
  const messageId = (number: SQL) =>
    sql`overlay(overlay(md5(${id}::text || ${number}) placing '4' from 13) placing '8' from 17)::uuid`;
  await db.execute(sql`
    insert into conversation (user_id, title, created_at, updated_at)
    select id, 'Seeded number ' || n, now() - n * interval '1 hour', now() - n * interval '1 hour'
    from "user", generate_series(1, 10000) n
    where email = ${email}`);
  await db.execute(sql`
    insert into conversation (id, user_id, title, message_count)
    select ${id}, id, 'A long one', 10000 from "user" where email = ${email}`);
  await db.execute(sql`
    insert into message (id, conversation_id, user_id, seq, parent_id, role, content)
    select ${messageId(sql`n`)}, c.id, c.user_id, n, case when n > 1 then ${messageId(sql`(n - 1)`)} end,
      case when n % 2 = 1 then 'user' else 'assistant' end, 'Message number ' || n
    from conversation c, generate_series(1, 10000) n
    where c.id = ${id}`);
  await db.execute(sql`update conversation set head_id = ${messageId(sql`10000`)} where id = ${id}`);
  return id;
}
