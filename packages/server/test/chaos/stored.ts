/** Reads what is stored, past the server; and watches that a reply which has ended stays as it is. */
import type { Stored } from "./verify.ts";

/** Runs one statement, on whichever database. */
export type Query = (statement: string) => Promise<Record<string, unknown>[]>;

export async function readStored(query: Query): Promise<Stored> {
  const conversations = await query(`select id, message_count as "messageCount" from conversation`);
  const messages = await query(
    `select id, conversation_id as "conversationId", seq, parent_id as "parentId", role, status, content
     from message order by conversation_id, seq`,
  );
  const runs = await query(`select id, message_id as "messageId", status from run`);
  return { conversations, messages, runs } as unknown as Stored;
}

export interface Watch {
  /** Ends the watch, and says which replies were changed after they had ended. */
  end(): Promise<string[]>;
}

/** Whoever was paused while others ended its reply must not write over it when it wakes. */
export function watchEndedReplies(query: Query): Watch {
  const ended = new Map<string, string>();
  const changed: string[] = [];
  let isOver = false;
  const look = async () => {
    for (const { id, state } of await query(statement)) {
      const known = ended.get(String(id));
      if (known !== undefined && known !== state) changed.push(`run ${id}: was ${known}, is ${state}`);
      ended.set(String(id), String(state));
    }
  };
  const watching = (async () => {
    while (!isOver) {
      // The database is away now and then.
      await look().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  })();
  return {
    end: async () => {
      isOver = true;
      await watching;
      await look();
      return changed;
    },
  };
}

/** Chunks go five minutes after the end, all at once. */
const statement = `
  select run.id::text as id, concat_ws(' ', run.status, run.epoch, message.status, md5(message.content || coalesce(message.parts::text, ''))) as state
  from run join message on message.id = run.message_id
  where run.status <> 'running'
  union all
  select run.id || ' chunks', md5(string_agg(chunk, ' ' order by seq))
  from run join run_chunk on run_id = run.id
  where run.status <> 'running'
  group by run.id`;
