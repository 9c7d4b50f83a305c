/** The server's tables on a Citus cluster: chats, and what refers to them, lie with their users; accounts are on the node that is asked. */
import { type Connection, distributeTables } from "chatkeep";
import { models } from "./models/index.ts";

/** Of the server's own tables those that refer to conversations. */
const beside = ["share", "feedback"];

/** The trigger of a part of `message` finds the part of `feedback` that lies beside it. */
const forgetFeedback = `
  create or replace function forget_feedback() returns trigger language plpgsql as $$
  declare
    place text;
  begin
    select 'feedback_' || other.shardid into place
    from pg_dist_shard mine
    join pg_dist_shard other on other.shardminvalue = mine.shardminvalue and other.logicalrelid = 'feedback'::regclass
    where mine.shardid = substring(TG_TABLE_NAME from '_(\\d+)$')::bigint;
    execute format('delete from %I.%I where user_id = $1 and conversation_row_id = $2 and message_id = $3', TG_TABLE_SCHEMA, place)
    using NEW.user_id, NEW.conversation_id, coalesce(NEW.external_id, NEW.id::text);
    return null;
  end $$`;

/** Again after migrations, which may have brought new tables. @throws invalid_input where there is no Citus */
export async function distribute(connection: Connection): Promise<void> {
  await distributeTables(connection, models, beside);
  await connection.query(forgetFeedback);
}
