/** Reading checkpoints whole: each with the values of its channels, and what was written after it, in one statement. */
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  compareWritesSortKeys,
  maxChannelVersion,
  type SerializerProtocol,
  TASKS,
  writesSortKey,
} from "@langchain/langgraph-checkpoint";
import { list, raw, type Sql, sql } from "../../sql/sql.ts";
import type { UserId } from "../../store/tables/tables.ts";
import { type CheckpointDatabase, inPlace, text } from "./database.ts";
import type { Key } from "./place.ts";
import { load } from "./serialized.ts";

/** How one user's checkpoints are read. */
export interface Reader {
  database: CheckpointDatabase;
  serde: SerializerProtocol;
  ownerId: UserId;
  /** A config that leads back to a checkpoint. */
  configOf(key: Key): RunnableConfig;
}

/** A checkpoint as it is stored; values as base64. */
interface Stored extends Key {
  parentId: string | null;
  type: string;
  value: string;
  metadataType: string;
  metadata: string;
  blobs: [channel: string, type: string, value: string][];
  writes: StoredWrite[];
}

export type StoredWrite = [taskPath: string, taskId: string, idx: number, channel: string, type: string, value: string];

/** The newest of a namespace, or the one that is named. */
export async function readTuple(
  reader: Reader,
  threadId: string,
  namespace: string,
  checkpointId: string | undefined,
): Promise<CheckpointTuple | undefined> {
  const { database, ownerId } = reader;
  const isNamed = checkpointId !== undefined;
  const which = isNamed
    ? sql`and c.checkpoint_id = ${text("checkpointId")}`
    : sql`order by c.checkpoint_id desc limit 1`;
  const [stored] = await database.run(
    isNamed ? "get" : "get_latest",
    () => sql`select ${columns(database)} from ${database.checkpoint} c where ${inPlace(database, "c")} ${which}`,
    { ownerId, threadId, namespace, checkpointId },
    fromColumns,
  );
  return stored && (await tupleOf(reader, stored));
}

/** Those that are there, in the order of `keys`. */
export async function readTuples(reader: Reader, keys: readonly Key[]): Promise<CheckpointTuple[]> {
  const { database, ownerId } = reader;
  const rows = await database.run(
    "get_many",
    () => sql`
      select ${columns(database)}
      from unnest(${list("threads", "text")}, ${list("namespaces", "text")}, ${list("ids", "text")})
        with ordinality as k(thread_id, checkpoint_ns, checkpoint_id, place)
      cross join lateral (
        select * from ${database.checkpoint} c
        where c.user_id = ${database.owner} and c.thread_id = k.thread_id and c.checkpoint_ns = k.checkpoint_ns
          and c.checkpoint_id = k.checkpoint_id
        limit 1
      ) c
      order by k.place`,
    {
      ownerId,
      threads: keys.map(({ threadId }) => threadId),
      namespaces: keys.map(({ namespace }) => namespace),
      ids: keys.map(({ checkpointId }) => checkpointId),
    },
    fromColumns,
  );
  const tuples: CheckpointTuple[] = [];
  for (const row of rows) tuples.push(await tupleOf(reader, row));
  return tuples;
}

/** Each value is looked up by its whole key: `limit 1` keeps the planner from reading all values of a thread for a few. */
function columns({ blob, write }: CheckpointDatabase): Sql {
  const same = (name: string) =>
    raw(`${name}.user_id = c.user_id and ${name}.thread_id = c.thread_id and ${name}.checkpoint_ns = c.checkpoint_ns`);
  return sql`
    c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id,
    c.type, encode(c.value, 'base64') as value, c.metadata_type, encode(c.metadata, 'base64') as metadata,
    (
      select json_agg(json_build_array(at.key, b.type, encode(b.value, 'base64')))::text
      from jsonb_each(c.channels) as at
      cross join lateral (
        select b.type, b.value from ${blob} b
        where ${same("b")} and b.channel = at.key and b.version = at.value ->> 0 and b.checkpoint_id = at.value ->> 1
        limit 1
      ) b
    ) as blobs,
    (
      select json_agg(json_build_array(${writeColumns}))::text
      from ${write} w where ${same("w")} and w.checkpoint_id = c.checkpoint_id
    ) as writes`;
}

/** Of a `StoredWrite`, in a list. */
export const writeColumns = raw("w.task_path, w.task_id, w.idx, w.channel, w.type, encode(w.value, 'base64')");

function fromColumns(row: readonly unknown[]): Stored {
  const [threadId, namespace, checkpointId, parentId, type, value, metadataType, metadata] = row as string[];
  return {
    threadId,
    namespace,
    checkpointId,
    parentId: parentId ?? null,
    type,
    value,
    metadataType,
    metadata,
    blobs: listIn(row[8]),
    writes: listIn(row[9]),
  } as Stored;
}

/** A list that the database has written as JSON; a driver may have parsed it. */
export function listIn<Element>(value: unknown): Element[] {
  return (typeof value === "string" ? JSON.parse(value) : (value ?? [])) as Element[];
}

async function tupleOf(reader: Reader, stored: Stored): Promise<CheckpointTuple> {
  const { serde, configOf } = reader;
  const body = (await load(serde, stored.type, stored.value)) as Omit<Checkpoint, "channel_values">;
  const values: Record<string, unknown> = {};
  for (const [channel, type, value] of stored.blobs) setOwn(values, channel, await load(serde, type, value));
  const checkpoint: Checkpoint = { ...body, channel_values: values };
  const { parentId } = stored;
  if (checkpoint.v < 4 && parentId !== null)
    await addPendingSends(reader, { ...stored, checkpointId: parentId }, checkpoint);
  return {
    config: configOf(stored),
    checkpoint,
    metadata: (await load(serde, stored.metadataType, stored.metadata)) as CheckpointMetadata,
    pendingWrites: await pendingWrites(serde, stored.writes),
    ...(parentId === null ? {} : { parentConfig: configOf({ ...stored, checkpointId: parentId }) }),
  };
}

/** Also for a channel of the name `__proto__`. */
function setOwn(values: Record<string, unknown>, channel: string, value: unknown): void {
  Object.defineProperty(values, channel, { value, enumerable: true, configurable: true, writable: true });
}

/** In the order in which a run applies them. */
export async function pendingWrites(
  serde: SerializerProtocol,
  writes: readonly StoredWrite[],
): Promise<CheckpointPendingWrite[]> {
  const keyed = writes.map((write) => ({ key: writesSortKey(write[0], write[1], write[2]), write }));
  keyed.sort((one, other) => compareWritesSortKeys(one.key, other.key));
  const pending: CheckpointPendingWrite[] = [];
  for (const { write } of keyed) {
    const [, taskId, , channel, type, value] = write;
    pending.push([taskId, channel, await load(serde, type, value)]);
  }
  return pending;
}

/** Before version 4 of a checkpoint, what was sent to tasks stood in the writes of its parent. */
async function addPendingSends(
  { database, serde, ownerId }: Reader,
  parent: Key,
  checkpoint: Checkpoint,
): Promise<void> {
  const [writes = []] = await database.run(
    "pending_sends",
    () => sql`
      select json_agg(json_build_array(${writeColumns}))::text as writes from ${database.write} w
      where ${inPlace(database, "w")} and w.checkpoint_id = ${text("checkpointId")} and w.channel = ${text("channel")}`,
    {
      ownerId,
      threadId: parent.threadId,
      namespace: parent.namespace,
      checkpointId: parent.checkpointId,
      channel: TASKS,
    },
    ([all]) => listIn<StoredWrite>(all),
  );
  if (writes.length === 0) return;
  const versions = Object.values(checkpoint.channel_versions);
  checkpoint.channel_values[TASKS] = (await pendingWrites(serde, writes)).map(([, , value]) => value);
  checkpoint.channel_versions[TASKS] = versions.length > 0 ? maxChannelVersion(...versions) : 1;
}
