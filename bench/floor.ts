/** The floor: SQL written by hand for the same tables, prepared, one round trip for an operation, on node-postgres alone. */
import { randomUUID } from "node:crypto";
import type { Pool } from "pg";
import type { Chat, Sample } from "./sample.ts";

const columns = "id, conversation_id, role, content, parts, seq, parent_id, status, created_at";

const saveTurn = `
  with c as (
    update conversation
    set message_count = message_count + 2, head_id = $5, updated_at = greatest(updated_at, clock_timestamp())
    where user_id = $1 and id = $2
    returning id, user_id, message_count - 2 as seq, updated_at
  )
  insert into message (id, conversation_id, user_id, seq, parent_id, role, status, content, created_at)
  select m.id, c.id, c.user_id, c.seq + m.number, m.parent_id, m.role, 'complete', m.content, c.updated_at
  from c
  cross join (values ($3::uuid, 1, $4::uuid, 'user', $6::text), ($5::uuid, 2, $3::uuid, 'assistant', $7::text))
    as m(id, number, parent_id, role, content)
  returning seq, created_at`;

/** A stretch with two ends: with only a limit the planner may read the whole conversation. */
const readLast = `
  select m.*
  from conversation c
  cross join lateral (
    select ${columns} from message
    where conversation_id = $1 and user_id = $2 and seq > c.message_count - $3 and seq <= c.message_count
    order by seq desc
    limit $3
  ) m
  where c.id = $1 and c.user_id = $2`;

const readAfter = `
  select ${columns} from message
  where conversation_id = $1 and user_id = $2 and seq > $3 and seq <= $3 + $4::bigint
  order by seq`;

const list = `
  select id, title, message_count, head_id, pinned, archived, created_at, updated_at
  from conversation
  where user_id = $1 and not archived
  order by updated_at desc, id desc
  limit $2`;

const create = `
  with c as (
    insert into conversation (id, user_id, title, message_count, head_id)
    values ($1, $2, $3, 1, $4)
    returning *
  ), m as (
    insert into message (id, conversation_id, user_id, seq, role, content, created_at)
    select $4, c.id, c.user_id, 1, 'user', $5, c.created_at from c
  )
  select * from c`;

export const statements = { saveTurn, readLast, readAfter, list, create };

type Query = (name: string, text: string, values: unknown[]) => Promise<{ rows: unknown[] }>;

/** The operations on whatever sends a statement. */
export function floorOn(query: Query, { question, answer }: Sample) {
  return {
    saveTurn: async (chat: Chat) => {
      const [questionId, answerId] = [randomUUID(), randomUUID()];
      const values = [chat.userId, chat.id, questionId, chat.lastId, answerId, question, answer];
      chat.lastId = answerId;
      return await query("save_turn", saveTurn, values);
    },
    readLast: (chat: Chat, limit: number) => query("read_last", readLast, [chat.id, chat.userId, limit]),
    readAfter: (chat: Chat, after: number, limit: number) =>
      query("read_after", readAfter, [chat.id, chat.userId, after, limit]),
    list: (userId: string, limit: number) => query("list", list, [userId, limit]),
    create: (userId: string) => query("create", create, [randomUUID(), userId, "A title", randomUUID(), question]),
  };
}

export const floorOnPool = (pool: Pool, sample: Sample) =>
  floorOn((name, text, values) => pool.query({ name: `floor_${name}`, text, values }), sample);
