/** The saver that a graph is compiled with. Whose threads it has is said once, or by each config. */
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type DeltaChannelHistory,
  type PendingWrite,
  type SerializerProtocol,
} from "@langchain/langgraph-checkpoint";
import { InvalidInputError } from "../../errors.ts";
import type { Connection } from "../../sql/connection.ts";
import { requireConnection } from "../../sql/require-connection.ts";
import { sql } from "../../sql/sql.ts";
import type { ChatTables, UserId } from "../../store/tables/tables.ts";
import { type CheckpointDatabase, checkpointDatabase, text } from "./database.ts";
import { readDeltaHistory } from "./delta-history.ts";
import { listTuples } from "./list.ts";
import { type Key, placeOf, requireThread, storable } from "./place.ts";
import { putCheckpoint, putTaskWrites } from "./put.ts";
import { type Reader, readTuple } from "./read.ts";

/** Whose threads a saver has, and how values become bytes. */
export interface CheckpointSaverOptions {
  /** The owner of every thread; when left out each config says it, as `configurable.user_id`. */
  userId?: UserId | undefined;
  /** LangGraph's serializer, or one of your own, such as one that encrypts; LangGraph's JSON when left out. */
  serde?: SerializerProtocol | undefined;
}

/**
 * Makes a LangGraph checkpointer on a connection of chatkeep, for the tables of `langgraphMigrations(tables)`. A thread of
 * another user is like one that never was. It holds no state: make one for each request, or one for all.
 * @throws TypeError for what is no tables; invalid_input for what is no connection, or no user
 */
export function createCheckpointSaver(
  connection: Connection,
  tables: ChatTables,
  options: CheckpointSaverOptions = {},
): ChatkeepSaver {
  requireConnection(connection);
  if (!(tables as Partial<ChatTables> | null | undefined)?.attachment) {
    throw new TypeError(
      "createCheckpointSaver needs its tables: chatTables({ user: { table, column, type } }), or with Drizzle chatModels(users.id).",
    );
  }
  const unknown = Object.keys(options).find((key) => key !== "userId" && key !== "serde");
  if (unknown !== undefined) {
    throw new InvalidInputError(`options must not have the key ${unknown}: it takes userId and serde.`);
  }
  const database = checkpointDatabase(connection, tables);
  const { userId, serde } = options;
  return new ChatkeepSaver(database, userId === undefined ? undefined : database.userId(userId), serde);
}

/** LangGraph's checkpointer in the database of the chats; made by `createCheckpointSaver`. */
export class ChatkeepSaver extends BaseCheckpointSaver {
  readonly #database: CheckpointDatabase;
  readonly #userId: UserId | undefined;

  /** Not for callers: use `createCheckpointSaver`. */
  constructor(database: CheckpointDatabase, userId: UserId | undefined, serde?: SerializerProtocol) {
    super(serde);
    this.#database = database;
    this.#userId = userId;
  }

  /** The same for one user: what `deleteThread` needs, whose arguments cannot say whose thread it is. @throws invalid_input */
  forUser(userId: UserId): ChatkeepSaver {
    return new ChatkeepSaver(this.#database, this.#database.userId(userId), this.serde);
  }

  /** The checkpoint that a config names, or the newest of its thread; `undefined` when there is none of this user's. */
  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { threadId, namespace = "", checkpointId } = placeOf(config);
    if (!threadId) return undefined;
    return await readTuple(this.#readerFor(config), threadId, namespace, checkpointId);
  }

  /** The checkpoints of a thread, or of all of this user's, newest first. @throws invalid_input */
  override async *list(config: RunnableConfig, options: CheckpointListOptions = {}): AsyncGenerator<CheckpointTuple> {
    const { limit, filter } = options;
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= 0)) {
      throw new InvalidInputError("limit must be a whole number of checkpoints, or be left out for all of them.");
    }
    const place = placeOf(config);
    yield* listTuples(this.#readerFor(config), {
      place: { ...place, threadId: place.threadId || undefined },
      before: placeOf(options.before).checkpointId,
      filter: filter && Object.keys(filter).length > 0 ? filter : undefined,
      limit,
    });
  }

  /**
   * Saves a checkpoint with the values of the channels that are new, in one statement; given again it is the same.
   * @throws invalid_input; too_large; not_found for a user who is not there
   */
  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const place = placeOf(config);
    const key: Key = {
      threadId: requireThread(place, "put"),
      namespace: place.namespace ?? "",
      checkpointId: requireId(checkpoint?.id, "checkpoint.id"),
    };
    const reader = this.#readerFor(config);
    await putCheckpoint(this.#database, this.serde, reader.ownerId, key, {
      checkpoint,
      metadata,
      newVersions: newVersions ?? {},
      parentId: place.checkpointId,
    });
    return reader.configOf(key);
  }

  /**
   * Saves what a task has written after a checkpoint, in one statement; the checkpoint itself may still be on its way.
   * @throws invalid_input; too_large; not_found for a user who is not there
   */
  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath = "",
  ): Promise<void> {
    const place = placeOf(config);
    const key: Key = {
      threadId: requireThread(place, "putWrites"),
      namespace: place.namespace ?? "",
      checkpointId: requireId(place.checkpointId, "configurable.checkpoint_id"),
    };
    const task = { id: requireId(taskId, "taskId"), path: taskPath };
    await putTaskWrites(this.#database, this.serde, this.#ownerIn(config), key, writes, task);
  }

  /**
   * Deletes all checkpoints and writes of a thread of this user; of one that is not there, nothing.
   * @throws invalid_input when the saver is nobody's: use `forUser`
   */
  override async deleteThread(threadId: string): Promise<void> {
    const ownerId = this.#ownerIn(undefined);
    const { checkpoint, blob, write, owner } = this.#database;
    const mine = sql`where user_id = ${owner} and thread_id = ${text("threadId")}`;
    await this.#database.run(
      "delete_thread",
      () => sql`
        with blobs as (delete from ${blob} ${mine}), writes as (delete from ${write} ${mine})
        delete from ${checkpoint} ${mine}`,
      { ownerId, threadId: storable(threadId, "threadId") },
      () => true,
    );
  }

  /** What channels that are kept as changes are made of, a page of ancestors in one statement. @throws invalid_input */
  override async getDeltaChannelHistory(options: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, DeltaChannelHistory>> {
    const { config, channels } = options;
    const place = placeOf(config);
    if (channels.length === 0) return {};
    const threadId = requireThread(place, "getDeltaChannelHistory");
    for (const channel of channels) storable(channel, "The name of a channel");
    return await readDeltaHistory(this.#readerFor(config), { ...place, threadId }, [...new Set(channels)]);
  }

  #readerFor(config: RunnableConfig | undefined): Reader {
    const ownerId = this.#ownerIn(config);
    // Where a config said whose it is, those that lead on must say it too.
    const owner = this.#userId === undefined ? { user_id: config?.configurable?.["user_id"] } : {};
    const configOf = ({ threadId, namespace, checkpointId }: Key): RunnableConfig => ({
      configurable: { ...owner, thread_id: threadId, checkpoint_ns: namespace, checkpoint_id: checkpointId },
    });
    return { database: this.#database, serde: this.serde, ownerId, configOf };
  }

  #ownerIn(config: RunnableConfig | undefined): UserId {
    if (this.#userId !== undefined) return this.#userId;
    const given: unknown = config?.configurable?.["user_id"];
    if (given !== undefined && given !== null) return this.#database.userId(given);
    throw new InvalidInputError(
      config === undefined
        ? "This saver is nobody's: delete a thread by saver.forUser(userId).deleteThread(threadId)."
        : "This saver does not know whose thread it is: make it with a userId, or pass { configurable: { user_id } }.",
    );
  }
}

function requireId(value: unknown, what: string): string {
  if (value !== undefined && value !== null && value !== "") return storable(value, what);
  throw new InvalidInputError(`${what} is missing: pass the config and the checkpoint as LangGraph gives them.`);
}
