/** What a channel that is kept as changes is made of: the writes of the checkpoints before one, back to the last whole value. */
import type { CheckpointPendingWrite, DeltaChannelHistory } from "@langchain/langgraph-checkpoint";
import { list, param, sql } from "../../sql/sql.ts";
import { inPlace, text } from "./database.ts";
import type { Place } from "./place.ts";
import { listIn, pendingWrites, type Reader, readTuple, type StoredWrite, writeColumns } from "./read.ts";
import { load } from "./serialized.ts";

/** Ancestors that are read at once. */
const ancestorsPerPage = 200;

type Origin = [version: string, checkpointId: string];

interface Ancestor {
  checkpointId: string;
  /** Those of the asked channels whose value it has, each with where it is stored. */
  origins: Record<string, Origin>;
  writes: StoredWrite[];
}

/** Walks from parent to parent in the database, a page of ancestors in one statement, for all channels at once. */
export async function readDeltaHistory(
  reader: Reader,
  place: Place & { threadId: string },
  channels: readonly string[],
): Promise<Record<string, DeltaChannelHistory>> {
  const histories: [channel: string, history: DeltaChannelHistory][] = channels.map((each) => [each, { writes: [] }]);
  const open = new Map(histories);
  const blocks = new Map<string, CheckpointPendingWrite[][]>();
  const namespace = place.namespace ?? "";
  const from =
    place.checkpointId ??
    (await readTuple(reader, place.threadId, namespace, undefined))?.config.configurable?.["checkpoint_id"];
  let page: Ancestor[] = [];
  let start: string | undefined = from;
  while (start !== undefined && open.size > 0) {
    page = await readAncestors(reader, { threadId: place.threadId, namespace, checkpointId: start }, [...open.keys()]);
    for (const ancestor of page) {
      if (open.size === 0) break;
      for (const [channel, writes] of await writesByChannel(reader, ancestor, open)) {
        blocks.set(channel, [...(blocks.get(channel) ?? []), writes]);
      }
      for (const [channel, origin] of Object.entries(ancestor.origins)) {
        const history = open.get(channel);
        if (!history) continue;
        history.seed = await readBlob(reader, place.threadId, namespace, origin, channel);
        open.delete(channel);
      }
    }
    start = page.length < ancestorsPerPage ? undefined : page.at(-1)?.checkpointId;
  }
  for (const [channel, history] of histories) history.writes = (blocks.get(channel) ?? []).reverse().flat();
  return Object.fromEntries(histories);
}

async function writesByChannel({ serde }: Reader, ancestor: Ancestor, open: ReadonlyMap<string, unknown>) {
  const byChannel = new Map<string, CheckpointPendingWrite[]>();
  for (const write of await pendingWrites(serde, ancestor.writes)) {
    if (open.has(write[1])) byChannel.set(write[1], [...(byChannel.get(write[1]) ?? []), write]);
  }
  return byChannel;
}

/** The ancestors of a checkpoint, nearest first, no further than one that has all of the channels. */
function readAncestors(
  { database, ownerId }: Reader,
  key: { threadId: string; namespace: string; checkpointId: string },
  channels: readonly string[],
): Promise<Ancestor[]> {
  const { checkpoint, write } = database;
  const found = sql`(
    select coalesce(jsonb_object_agg(asked.channel, c.channels -> asked.channel), '{}')
    from unnest(${list("channels", "text")}) as asked(channel) where c.channels -> asked.channel is not null
  )`;
  return database.run(
    "ancestors",
    () => sql`
      with recursive chain as (
        select c.checkpoint_id, c.parent_checkpoint_id, '{}'::jsonb as origins, 0 as depth
        from ${checkpoint} c where ${inPlace(database, "c")} and c.checkpoint_id = ${text("checkpointId")}
        union all
        select c.checkpoint_id, c.parent_checkpoint_id, ${found}, chain.depth + 1
        from chain cross join lateral (
          select * from ${checkpoint} c
          where ${inPlace(database, "c")} and c.checkpoint_id = chain.parent_checkpoint_id limit 1
        ) c
        where chain.depth < ${param("most", "int")}
          and (select count(*) from jsonb_object_keys(chain.origins)) < ${param("count", "int")}
      )
      select chain.checkpoint_id, chain.origins::text as origins, (
        select json_agg(json_build_array(${writeColumns}))::text from ${write} w
        where ${inPlace(database, "w")} and w.checkpoint_id = chain.checkpoint_id
          and w.channel in (select unnest(${list("channels", "text")}))
      ) as writes
      from chain where chain.depth > 0 order by chain.depth`,
    { ownerId, ...key, channels: [...channels], count: channels.length, most: ancestorsPerPage },
    ([checkpointId, origins, writes]) => ({
      checkpointId: String(checkpointId),
      origins: (typeof origins === "string" ? JSON.parse(origins) : origins) as Record<string, Origin>,
      writes: listIn<StoredWrite>(writes),
    }),
  );
}

async function readBlob(
  { database, serde, ownerId }: Reader,
  threadId: string,
  namespace: string,
  [version, checkpointId]: Origin,
  channel: string,
): Promise<unknown> {
  const [stored] = await database.run(
    "blob",
    () => sql`
      select b.type, encode(b.value, 'base64') as value from ${database.blob} b
      where ${inPlace(database, "b")} and b.channel = ${text("channel")} and b.version = ${text("version")}
        and b.checkpoint_id = ${text("checkpointId")}`,
    { ownerId, threadId, namespace, channel, version, checkpointId },
    ([type, value]) => ({ type: String(type), value: String(value) }),
  );
  return stored && (await load(serde, stored.type, stored.value));
}
