/** The store: `createStore(connection, tables).forUser(userId)`. You cannot reach a chat without saying whose it is. */
import * as z from "zod";
import type { ChatkeepError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type Observer, observedVerbs } from "../observer.ts";
import type { Connection, TransactionOptions } from "../sql/connection.ts";
import { type Change, type Changes, createChanges, told } from "./changes.ts";
import { now } from "./clock.ts";
import { type Context, guarded, inLane, inTransaction, ownedBy, type Runner, within } from "./context.ts";
import { groupedCreations } from "./conversations/create.ts";
import { type ConversationKey, readLive, readRecent } from "./conversations/live.ts";
import type { RetentionOptions } from "./conversations/retention.ts";
import type { RestoredFile } from "./files/restore.ts";
import { createGroupCommit } from "./group-commit.ts";
import { conversationName } from "./ids.ts";
import { invalidInput, parse, parseId } from "./input.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { groupedAppends } from "./messages/append.ts";
import { ownerSchemas } from "./owner-schemas.ts";
import { requireReady } from "./ready.ts";
import type { Replica } from "./replica.ts";
import type { RestoredConversation } from "./restore.ts";
import { asOperator } from "./row-level-security.ts";
import { interruptRuns, removeChunks } from "./runs/expire.ts";
import { type Heartbeat, heartbeat, type RunPosition, readRuns } from "./runs/heartbeat.ts";
import { runLeaseMs } from "./runs/lease.ts";
import { idSchema } from "./schemas.ts";
import type { IndexMessagesOptions } from "./search/index-messages.ts";
import { requireOptions, requireParts, requireWork, type StoreOptions } from "./store-input.ts";
import { type ChatTables, tablesOf, type UserId } from "./tables/tables.ts";
import { type UserRunner, type UserStore, userVerbs } from "./user-verbs.ts";
import { operatorWall } from "./wall.ts";

/** Conversations, messages and runs in one database: made once by `createStore`, or for a transaction of a host. */
export interface Store {
  /**
   * Everything that this user can do; another user's chats are absent from it. An id that is none is refused by each verb.
   * Beside what a verb names, each can throw `unavailable` (the database cannot be reached: try again) and `schema_mismatch`.
   */
  forUser(userId: UserId): UserStore;
  /** Runs `work` with a store whose writes are committed together, or not at all. After a deadlock it runs again. */
  transaction<Result>(work: (store: Store) => Promise<Result>, options?: TransactionOptions): Promise<Result>;
  /**
   * Calls `listener` after each commit of this store, also of its transactions, with what has changed; gives the way to stop that.
   * What other processes commit is told by a notifier. In a transaction that the host commits it is told before that.
   */
  onChange(listener: (change: Change) => void): () => void;
  /** Where what this store changes waits for its turn; for verbs of one's own that wait for rows of a user too. */
  lanes: Lanes;
  /** What a server does for all its users at once; every entry names its owner. */
  system: SystemStore;
}

/** What a server does for all its users at once; every entry names its owner. Not for requests of users. */
export interface SystemStore extends ReturnType<typeof systemStore> {
  /** A run without a heartbeat for so many milliseconds is over. */
  readonly leaseMs: number;
}

/**
 * Makes a store on a connection, or on a transaction of one, for the tables of `chatTables`, or with Drizzle of `chatModels`.
 * It holds no state but the texts of its statements: make one at start, and one for each transaction of your own.
 * @throws TypeError for what is no connection, or no tables
 */
export function createStore(connection: Connection, tables: ChatTables, options: StoreOptions = {}): Store {
  requireParts(connection, tables);
  const {
    runLeaseMs: leaseMs = runLeaseMs,
    partsOf = () => [],
    rowLevelSecurity = false,
    distributed = false,
    trashDays = 30,
  } = requireOptions(options);
  const { userFileBytes = limits.userFileBytes, requiresFiles = false, fileStorage, replica } = options;
  const changes = createChanges();
  const alone: Context = {
    connection,
    tables: tablesOf(tables),
    statements: new Map(),
    runLeaseMs: leaseMs,
    partsOf,
    trashDays,
    userFileBytes,
    requiresFiles,
    fileStorage,
    groupCommit: undefined,
    replica: undefined,
    changed: changes.changed,
    lanes: undefined,
    observer: options.observer,
    isWalled: rowLevelSecurity,
    isDistributed: distributed,
  };
  return storeOn(connection.isTransaction ? alone : open(alone, replica), changes);
}

/** Of `UserStore`s that are kept, a few kilobytes each. */
const maxKnown = 500;

function open(alone: Context, replica: Connection | undefined): Context {
  const context = { ...alone, lanes: createLanes(), replica: replica && replicaOf(alone.connection, replica) };
  const groupCommit = {
    append: createGroupCommit(context, groupedAppends),
    create: createGroupCommit(context, groupedCreations),
  };
  return { ...context, groupCommit };
}

/** Loaded where there is one. */
function replicaOf(primary: Connection, replica: Connection): Replica {
  const made = import("./replica.ts").then(({ createReplica }) => createReplica(primary, replica));
  return { read: async (there, here) => await (await made).read(there, here) };
}

function storeOn(context: Context, { listeners }: Pick<Changes, "listeners">): Store {
  const { connection, changed, observer } = context;
  const ownerSchema = ownerSchemas(context.tables).userId;
  const system: Context = context.isWalled ? { ...context, wall: operatorWall } : context;
  const operator: Runner = (verb) => guarded(connection, () => verb(system));
  /** What the transaction of a host goes on with is not the operator's. */
  const operatorInside: Runner = (verb) =>
    told(changed, (keep, begin) =>
      asOperator(connection, (inside) => {
        begin();
        return verb({ ...within(context, inside), changed: keep });
      }),
    );
  const transaction: Store["transaction"] = async (work, options) => {
    requireWork(work);
    return await told(changed, (keep, begin) =>
      inTransaction(
        connection,
        (inside) => {
          begin();
          return work(storeOn({ ...within(context, inside), changed: keep }, { listeners }));
        },
        options,
      ),
    );
  };

  function runnerFor(userId: UserId): UserRunner {
    const mine = ownedBy(context, [userId]);
    const run: Runner = (verb) => guarded(connection, () => verb(mine));
    return {
      run,
      read: (verb) => {
        const there = (replica: Connection) => verb({ ...mine, connection: replica, groupCommit: undefined });
        return mine.replica ? mine.replica.read(there, () => run(verb)) : run(verb);
      },
      runIn: (conversationId, verb) => inLane(context, userId, laneOf(userId, conversationId), () => run(verb)),
      transaction: async (conversationId, work) => {
        const id = parseId(conversationId, "conversationId");
        requireWork(work);
        return await inLane(context, userId, laneOf(userId, id), () =>
          transaction((store) => work(store.forUser(userId))),
        );
      },
    };
  }

  /** Of those who were here last: making one takes as long as a small verb. */
  const known = new Map<UserId, UserStore>();

  function forUser(userId: UserId): UserStore {
    const kept = known.get(userId);
    if (kept) return kept;
    const owner = ownerSchema.safeParse(userId);
    if (!owner.success) return userStore(refuseAll(invalidInput(owner.error, "userId")), userId, undefined);
    const made = userStore(runnerFor(owner.data), owner.data, observer);
    if (known.size >= maxKnown) known.clear();
    known.set(userId, made);
    return made;
  }

  const verbs = systemStore(context.isWalled && connection.isTransaction ? operatorInside : operator);
  return {
    forUser,
    transaction,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    lanes: context.lanes ?? { run: (_ownerId, _key, work) => work() },
    system: { ...(observer ? observedVerbs(observer, verbs, "system.") : verbs), leaseMs: context.runLeaseMs },
  };
}

/** The conversation's row; what is no id is refused by the verb. */
function laneOf(userId: UserId, conversationId: unknown): string | undefined {
  const id = idSchema.safeParse(conversationId);
  return id.success ? conversationName(userId, id.data).id : undefined;
}

/** Whoever is nobody can do nothing, and is told so by each verb. */
function refuseAll(error: ChatkeepError): UserRunner {
  const refuse = () => Promise.reject(error);
  return { run: refuse, read: refuse, runIn: refuse, transaction: refuse };
}

function systemStore(run: Runner) {
  return {
    /**
     * Keeps the leases of runs and stores what they streamed, in one statement; a run that is missing from the answer is over.
     * @throws invalid_input
     */
    heartbeat: (beats: readonly Heartbeat[]) => run((context) => heartbeat(context, beats)),
    /**
     * What is new in runs, in one statement; a run that is missing from the answer is gone, or was never that user's.
     * @throws invalid_input
     */
    readRuns: (positions: readonly RunPosition[]) => run((context) => readRuns(context, positions)),
    /**
     * Ends runs whose server has died: `"expired"` by their lease, `"all"` when no other process can be alive.
     * @throws invalid_input
     */
    interruptRuns: (which: "expired" | "all") =>
      run(async (context) => await interruptRuns(context, parse(whichSchema, which, "which"))),
    /**
     * Removes the chunks of runs that ended more than `graceMs` milliseconds ago; gives their number.
     * @throws invalid_input
     */
    removeChunks: (graceMs: number) =>
      run(async (context) => await removeChunks(context, parse(graceSchema, graceMs, "graceMs"))),
    /**
     * Brings back a conversation of an export, for a user who is there, all or nothing, as it was: also what users may not say of
     * their messages. `false` when there is one of its id: then nothing is changed. A reply that was being written is interrupted.
     * @throws invalid_input; too_large; conflict when an id of it is in use for something else
     */
    restore: (userId: UserId, restored: RestoredConversation) =>
      run(async (context) => {
        const { restoreConversation } = await import("./restore.ts");
        return await restoreConversation(
          context,
          parse(ownerSchemas(context.tables).userId, userId, "userId"),
          restored,
        );
      }),
    /**
     * Removes conversations for good whose time is over: temporary ones, those in the trash, and those whose removal was begun
     * and not ended. Large ones go in batches, each committed alone. Gives their number.
     */
    removeExpired: async () => {
      const { removeExpired } = await import("./conversations/expire.ts");
      return await removeExpired(run);
    },
    /**
     * Lets conversations go, without the trash, in which nothing has happened for so many days: those in the archive after
     * `archivedDays`, all after `days`. Pinned ones stay, and those in which a reply is being written. They are absent at once, and
     * their rows are removed by `removeExpired`. Looks at 500 users; `next` is the `after` of the next call, `null` at the end.
     * @throws invalid_input
     */
    retain: async (options: RetentionOptions) => {
      const { retainConversations } = await import("./conversations/retention.ts");
      return await run((context) => retainConversations(context, options));
    },
    /**
     * Brings back a file of an export, for a user who is there, with its id and its time. `false` when it is there already: then
     * `data` is not read. For files before the messages that name them.
     * @throws invalid_input; too_large; conflict when its id is another user's
     */
    restoreFile: async (userId: UserId, restored: RestoredFile) => {
      const { restoreFile } = await import("./files/restore.ts");
      return await restoreFile(run, userId, restored);
    },
    /**
     * Removes files that no message has named for a day, with bytes that have no other name, and uploads that never ended; gives
     * the number of files.
     */
    removeUnusedFiles: async () => {
      const { removeUnusedFiles } = await import("./files/remove.ts");
      return await run(removeUnusedFiles);
    },
    /**
     * Puts messages into the index of search: of owners who have 64 of them that are not in it, up to about 4,000 in all. What is not
     * in it is found all the same, only slower. `next` is the `after` of the next call.
     * @throws invalid_input
     */
    indexMessages: async (options?: IndexMessagesOptions) => {
      const { indexMessages } = await import("./search/index-messages.ts");
      return await run((context) => indexMessages(context, options));
    },
    /**
     * Conversations as they are now, each with the run that is running in it. One that is missing is gone.
     * @throws invalid_input
     */
    readLive: (keys: readonly ConversationKey[]) => run((context) => readLive(context, keys)),
    /** The same of the newest conversations of each of these users. @throws invalid_input */
    readRecent: (userIds: readonly UserId[]) => run((context) => readRecent(context, userIds)),
    /**
     * Gives all conversations of one user to another, with messages and runs, in one transaction; says which they are. They are
     * found by the ids that they had, unless the new owner has a conversation of that name: see `formerId`.
     * @throws invalid_input; conflict when both are the same user
     */
    moveConversations: (fromUserId: UserId, toUserId: UserId) =>
      run(async (context) => {
        const { userId } = ownerSchemas(context.tables);
        const [from, to] = [parse(userId, fromUserId, "fromUserId"), parse(userId, toUserId, "toUserId")];
        const { moveConversations } = await import("./move.ts");
        return await moveConversations(context, from, to);
      }),
    /** The time of the database, by which what is alive is told from what is not. */
    now: () => run(now),
    /**
     * The tables of this store are there, with the columns that this code knows, and the database takes writes.
     * @throws schema_mismatch; unavailable
     */
    requireReady: () => run(requireReady),
  };
}

const whichSchema = z.enum(["expired", "all"], 'must be "expired" or "all"');
const graceSchema = z.number("must be a number of milliseconds").min(0, "must be at least 0");

function userStore(runner: UserRunner, userId: UserId, observer: Observer | undefined): UserStore {
  const verbs = userVerbs(runner, userId);
  return { ...(observer ? observedVerbs(observer, verbs) : verbs), transaction: runner.transaction };
}
