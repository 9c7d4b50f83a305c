/**
 * Saving a checkpoint, and what tasks have written after it. A value is stored once, under the checkpoint that has changed it;
 * the later ones say where it is.
 */
import {
  type ChannelVersions,
  type Checkpoint,
  type CheckpointMetadata,
  type PendingWrite,
  type SerializerProtocol,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";
import { InvalidInputError } from "../../errors.ts";
import { list, sql } from "../../sql/sql.ts";
import type { UserId } from "../../store/tables/tables.ts";
import { type CheckpointDatabase, inPlace, text } from "./database.ts";
import { checkpointLimits } from "./limits.ts";
import { type Key, requireShort, storable } from "./place.ts";
import { createSerializer, type Serialized } from "./serialized.ts";

/** A checkpoint that is to be saved. */
export interface NewCheckpoint {
  checkpoint: Checkpoint;
  metadata: CheckpointMetadata;
  newVersions: ChannelVersions;
  parentId: string | undefined;
}

/**
 * Saves it with the values of the channels that are new; the others are found by the parent, in the same statement. What the
 * parent does not have in this version but another checkpoint has, as beside a copy of one, is saved in a second one.
 */
export async function putCheckpoint(
  database: CheckpointDatabase,
  serde: SerializerProtocol,
  ownerId: UserId,
  key: Key,
  { checkpoint, metadata, newVersions, parentId }: NewCheckpoint,
): Promise<void> {
  const { channel_values: values = {}, channel_versions: versions = {}, ...rest } = checkpoint;
  const channels = Object.keys(values).sort();
  requireFew(channels.length, "channels");
  for (const channel of channels) storable(channel, "The name of a channel");
  const versionOf = (channel: string) =>
    versionText(ownValue(newVersions, channel) ?? ownValue(versions, channel) ?? null);
  requireShort(
    key,
    channels.map((channel) => channel + versionOf(channel)),
  );
  const own = new Set(
    channels.filter((channel) => Object.hasOwn(newVersions, channel) || !Object.hasOwn(versions, channel)),
  );
  for (;;) {
    const serializer = createSerializer(serde);
    const body = await serializer.dump({ ...rest, channel_versions: versions });
    const about = await serializer.dump(metadata);
    const changed = channels.filter((channel) => own.has(channel));
    const kept = channels.filter((channel) => !own.has(channel));
    const blobs: Serialized[] = [];
    for (const channel of changed) blobs.push(await serializer.dump(values[channel]));
    const missing = await database.run(
      "put",
      () => putStatement(database),
      {
        ownerId,
        ...key,
        parentId,
        type: body.type,
        value: body.value,
        metadataType: about.type,
        metadata: about.value,
        kept: JSON.stringify(Object.fromEntries(kept.map((channel) => [channel, versionOf(channel)]))),
        own: JSON.stringify(
          Object.fromEntries(changed.map((channel) => [channel, [versionOf(channel), key.checkpointId]])),
        ),
        channels: changed,
        versions: changed.map(versionOf),
        types: blobs.map((blob) => blob.type),
        values: blobs.map((blob) => blob.value),
      },
      ([channel]) => String(channel),
    );
    if (missing.length === 0) return;
    for (const channel of missing) own.add(channel);
  }
}

/** A channel may have the name of something that every object has. */
function ownValue<Value>(object: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A number and the text of it are two versions. */
function versionText(version: ChannelVersion | null): string {
  return storable(JSON.stringify(version), "The version of a channel");
}

type ChannelVersion = ChannelVersions[string];

/** Gives the channels without which it saves nothing: there are none, or they are to be given. */
function putStatement(database: CheckpointDatabase) {
  const { checkpoint, blob, owner } = database;
  const place = sql`${owner}, ${text("threadId")}, ${text("namespace")}, ${text("checkpointId")}`;
  return sql`
    with parent as (
      select c.channels from ${checkpoint} c where ${inPlace(database, "c")} and c.checkpoint_id = ${text("parentId")}
    ),
    wanted as (
      select each.key as channel, each.value as version, parent.channels -> each.key as origin,
        coalesce(parent.channels -> each.key ->> 0 = each.value, false) as is_there
      from jsonb_each_text(${text("kept")}::jsonb) each left join parent on true
    ),
    missing as (
      select wanted.channel from wanted
      where not wanted.is_there and (
        select true from ${blob} b
        where ${inPlace(database, "b")} and b.channel = wanted.channel and b.version = wanted.version limit 1
      )
    ),
    saved as (
      insert into ${checkpoint} (user_id, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,
        type, value, metadata_type, metadata, channels)
      select ${place}, ${text("parentId")}, ${text("type")}, decode(${text("value")}, 'base64'),
        ${text("metadataType")}, decode(${text("metadata")}, 'base64'), ${text("own")}::jsonb || (
          select coalesce(jsonb_object_agg(wanted.channel, wanted.origin) filter (where wanted.is_there), '{}') from wanted
        )
      where not exists (select from missing)
      on conflict (user_id, thread_id, checkpoint_ns, checkpoint_id) do update set
        parent_checkpoint_id = excluded.parent_checkpoint_id, type = excluded.type, value = excluded.value,
        metadata_type = excluded.metadata_type, metadata = excluded.metadata, channels = excluded.channels
    ),
    blobs as (
      insert into ${blob} (user_id, thread_id, checkpoint_ns, checkpoint_id, channel, version, type, value)
      select ${place}, own.channel, own.version, own.type, decode(own.value, 'base64')
      from unnest(${list("channels", "text")}, ${list("versions", "text")}, ${list("types", "text")}, ${list("values", "text")})
        as own(channel, version, type, value)
      where not exists (select from missing)
      on conflict (user_id, thread_id, checkpoint_ns, channel, version, checkpoint_id) do update set
        type = excluded.type, value = excluded.value
    )
    select channel from missing`;
}

interface NewWrite extends Serialized {
  idx: number;
  channel: string;
}

/**
 * Saves what a task has written. Where it is given again the first stays, but for what says how a task stands (an error, an
 * interrupt, an answer to one), of which the last counts.
 */
export async function putTaskWrites(
  database: CheckpointDatabase,
  serde: SerializerProtocol,
  ownerId: UserId,
  key: Key,
  writes: readonly PendingWrite[],
  task: { id: string; path: string },
): Promise<void> {
  requireFew(writes.length, "writes");
  const names = [task.id, ...writes.map(([channel]) => channel)];
  for (const name of names) storable(name, "The name of a channel or a task");
  requireShort(key, [task.id]);
  const serializer = createSerializer(serde);
  const rows = new Map<number, NewWrite>();
  for (const [index, [channel, value]] of writes.entries()) {
    const idx = ownValue(WRITES_IDX_MAP, channel) ?? index;
    rows.set(idx, { idx, channel, ...(await serializer.dump(value)) });
  }
  const all = [...rows.values()].sort((one, other) => one.idx - other.idx);
  if (all.length === 0) return;
  await database.run(
    "put_writes",
    () => writesStatement(database),
    {
      ownerId,
      ...key,
      taskId: task.id,
      taskPath: storable(task.path, "The path of a task"),
      indexes: all.map(({ idx }) => idx),
      channels: all.map(({ channel }) => channel),
      types: all.map(({ type }) => type),
      values: all.map(({ value }) => value),
    },
    () => true,
  );
}

function writesStatement({ write, owner }: CheckpointDatabase) {
  return sql`
    insert into ${write} (user_id, thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
    select ${owner}, ${text("threadId")}, ${text("namespace")}, ${text("checkpointId")}, ${text("taskId")},
      ${text("taskPath")}, new.idx, new.channel, new.type, decode(new.value, 'base64')
    from unnest(${list("indexes", "int")}, ${list("channels", "text")}, ${list("types", "text")}, ${list("values", "text")})
      as new(idx, channel, type, value)
    on conflict (user_id, thread_id, checkpoint_ns, checkpoint_id, task_id, idx) do update set
      task_path = excluded.task_path, channel = excluded.channel, type = excluded.type, value = excluded.value
    where excluded.idx < 0`;
}

function requireFew(count: number, what: string): void {
  if (count <= checkpointLimits.entries) return;
  throw new InvalidInputError(`A step has ${count} ${what}, and may have ${checkpointLimits.entries}: join some.`);
}
