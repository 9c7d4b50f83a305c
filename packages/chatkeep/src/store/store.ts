/** The store: `createStore(connection, tables).forUser(userId)`. You cannot reach a chat without saying whose it is. */
import * as z from "zod";
import type { ChatkeepError } from "../errors.ts";
import type { Connection, TransactionOptions } from "../sql/connection.ts";
import { type Change, type Changes, createChanges, told } from "./changes.ts";
import { type Context, guarded, inLane, inTransaction, within } from "./context.ts";
import {
  archiveConversation,
  createConversation,
  deleteConversation,
  findConversation,
  getConversation,
  pinConversation,
  renameConversation,
} from "./conversations/conversations.ts";
import {
  type ConversationIdsOptions,
  type ConversationPageOptions,
  listConversationIds,
  listConversations,
} from "./conversations/list.ts";
import { type ConversationKey, readLive, readRecent } from "./conversations/live.ts";
import { invalidInput, parse } from "./input.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { type AppendOptions, appendMessages } from "./messages/append.ts";
import { type BranchOptions, getMessage, listBranch, listBranchWithSiblings, showBranch } from "./messages/branch.ts";
import { createGroupCommit } from "./messages/group-commit.ts";
import { listMessages, type MessagePageOptions } from "./messages/page.ts";
import { ownerSchemas } from "./owner-schemas.ts";
import { requireReady } from "./ready.ts";
import { asOperator, asOwner } from "./row-level-security.ts";
import { beginReply } from "./runs/begin.ts";
import { beginRun } from "./runs/begin-draft.ts";
import { endRun, findRun, findRunningRun, type RunEnd, stopRun } from "./runs/end.ts";
import { interruptRuns, removeChunks } from "./runs/expire.ts";
import { type Heartbeat, heartbeat, type RunPosition, readRuns } from "./runs/heartbeat.ts";
import { runLeaseMs } from "./runs/lease.ts";
import type { NewConversation, NewMessage, NewReply, NewRun } from "./schemas.ts";
import { idSchema } from "./schemas.ts";
import { requireOptions, requireParts, requireWork, type StoreOptions } from "./store-input.ts";
import type { RunKey } from "./tables/run.ts";
import { type ChatTables, tablesOf, type UserId } from "./tables/tables.ts";

type Runner = <Result>(verb: (context: Context) => Promise<Result>) => Promise<Result>;

/** How the verbs of one user run. */
interface UserRunner {
  run: Runner;
  /** For verbs that take the row lock of a conversation: they wait for each other where no connection is held. */
  runIn<Result>(conversationId: string, verb: (context: Context) => Promise<Result>): Promise<Result>;
  transaction<Result>(conversationId: string, work: (mine: UserStore) => Promise<Result>): Promise<Result>;
}

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

/** Everything that one user can do with conversations, messages and runs. */
export interface UserStore extends ReturnType<typeof userVerbs> {
  /**
   * Several verbs on one conversation, together or not at all. After a deadlock it runs again.
   * @throws whatever `work` throws, after the rollback
   */
  transaction<Result>(conversationId: string, work: (mine: UserStore) => Promise<Result>): Promise<Result>;
}

/**
 * Makes a store on a connection, or on a transaction of one, for the tables of `chatTables`, or with Drizzle of `chatModels`.
 * It holds no state but the texts of its statements: make one at start, and one for each transaction of your own.
 * @throws TypeError for what is no connection, or no tables
 */
export function createStore(connection: Connection, tables: ChatTables, options: StoreOptions = {}): Store {
  requireParts(connection, tables);
  const { runLeaseMs: leaseMs = runLeaseMs, partsOf = () => [], rowLevelSecurity = false } = requireOptions(options);
  const changes = createChanges();
  const alone: Context = {
    connection,
    tables: tablesOf(tables),
    statements: new Map(),
    runLeaseMs: leaseMs,
    partsOf,
    groupCommit: undefined,
    changed: changes.changed,
    lanes: undefined,
  };
  return storeOn(connection.isTransaction ? alone : open(alone), rowLevelSecurity, changes);
}

function open(alone: Context): Context {
  const context = { ...alone, lanes: createLanes() };
  return { ...context, groupCommit: createGroupCommit(context) };
}

function storeOn(context: Context, rowLevelSecurity: boolean, { listeners }: Pick<Changes, "listeners">): Store {
  const { connection, changed } = context;
  const ownerSchema = ownerSchemas(context.tables).userId;
  const plain: Runner = (verb) => guarded(connection, () => verb(context));
  const operator: Runner = (verb) =>
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
          return work(storeOn({ ...within(context, inside), changed: keep }, rowLevelSecurity, { listeners }));
        },
        options,
      ),
    );
  };

  function runnerFor(userId: UserId): UserRunner {
    const walled: Runner = (verb) =>
      told(changed, (keep, begin) =>
        asOwner(context, userId, (mine) => {
          begin();
          return verb({ ...mine, changed: keep });
        }),
      );
    const run = rowLevelSecurity ? walled : plain;
    return {
      run,
      runIn: (conversationId, verb) => inLane(context, userId, conversationId, () => run(verb)),
      transaction: async (conversationId, work) => {
        const id = parse(idSchema, conversationId, "conversationId");
        requireWork(work);
        return await inLane(context, userId, id, () => transaction((store) => work(store.forUser(userId))));
      },
    };
  }

  return {
    forUser: (userId) => {
      const owner = ownerSchema.safeParse(userId);
      return owner.success
        ? userStore(runnerFor(owner.data), owner.data)
        : userStore(refuseAll(invalidInput(owner.error, "userId")), userId);
    },
    transaction,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    lanes: context.lanes ?? { run: (_ownerId, _key, work) => work() },
    system: { ...systemStore(rowLevelSecurity ? operator : plain), leaseMs: context.runLeaseMs },
  };
}

/** Whoever is nobody can do nothing, and is told so by each verb. */
function refuseAll(error: ChatkeepError): UserRunner {
  const refuse = () => Promise.reject(error);
  return { run: refuse, runIn: refuse, transaction: refuse };
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
     * Conversations as they are now, each with the run that is running in it. One that is missing is gone.
     * @throws invalid_input
     */
    readLive: (keys: readonly ConversationKey[]) => run((context) => readLive(context, keys)),
    /** The same of the newest conversations of each of these users. @throws invalid_input */
    readRecent: (userIds: readonly UserId[]) => run((context) => readRecent(context, userIds)),
    /**
     * The tables of this store are there, with the columns that this code knows, and the database takes writes.
     * @throws schema_mismatch; unavailable
     */
    requireReady: () => run(requireReady),
  };
}

const whichSchema = z.enum(["expired", "all"], 'must be "expired" or "all"');
const graceSchema = z.number("must be a number of milliseconds").min(0, "must be at least 0");

function userStore(runner: UserRunner, userId: UserId): UserStore {
  return { ...userVerbs(runner, userId), transaction: runner.transaction };
}

function userVerbs({ run, runIn }: UserRunner, userId: UserId) {
  return {
    /** The conversations of this user. */
    conversations: {
      /**
       * Creates a conversation, with up to 100 first messages, all or nothing. Without a title (1 to 200 characters) it gets one
       * from its first question. The same id with the same payload again gives the conversation as it is now.
       * @throws invalid_input; too_large over 16 MiB in one message; conflict when an id is in use for something else
       */
      create: (input?: NewConversation) => run((context) => createConversation(context, userId, input)),
      /**
       * A conversation, without its messages.
       * @throws invalid_input when the id is no UUID; not_found, also when it is someone else's
       */
      get: (conversationId: string) => run((context) => getConversation(context, userId, conversationId)),
      /**
       * A conversation, without its messages; `undefined` when there is none, or when it is someone else's.
       * @throws invalid_input when the id is no UUID
       */
      find: (conversationId: string) => run((context) => findConversation(context, userId, conversationId)),
      /**
       * A page of conversations, newest activity first: 20, or `limit` from 1 to 100; the archive is left out unless asked for.
       * `nextCursor` is the `cursor` of the next page.
       * @throws invalid_input
       */
      list: (options?: ConversationPageOptions) => run((context) => listConversations(context, userId, options)),
      /**
       * The ids of all conversations, archived ones too, up to 10,000 on a page, in an order that nothing that is written
       * meanwhile disturbs. `nextCursor` is the `after` of the next page.
       * @throws invalid_input
       */
      ids: (options?: ConversationIdsOptions) => run((context) => listConversationIds(context, userId, options)),
      /**
       * Gives a conversation a title of 1 to 200 characters, which nothing overwrites but another rename.
       * @throws invalid_input, not_found
       */
      rename: (conversationId: string, title: string) =>
        runIn(conversationId, (context) => renameConversation(context, userId, conversationId, title)),
      /** Pins a conversation, or no longer; its place by activity stays. @throws invalid_input, not_found */
      pin: (conversationId: string, pinned: boolean) =>
        runIn(conversationId, (context) => pinConversation(context, userId, conversationId, pinned)),
      /**
       * Takes a conversation out of the list, or back into it; nothing else changes.
       * @throws invalid_input, not_found
       */
      archive: (conversationId: string, archived: boolean) =>
        runIn(conversationId, (context) => archiveConversation(context, userId, conversationId, archived)),
      /**
       * Shows the branch that a message is on: the conversation's `headId` becomes the newest message below it.
       * @throws invalid_input; not_found when the conversation or the message is not there
       */
      showBranch: (conversationId: string, messageId: string) =>
        runIn(conversationId, (context) => showBranch(context, userId, conversationId, messageId)),
      /** Deletes a conversation for good, with its messages and runs. @throws invalid_input, not_found */
      delete: (conversationId: string) =>
        runIn(conversationId, (context) => deleteConversation(context, userId, conversationId)),
    },
    /** The messages of this user's conversations. */
    messages: {
      /**
       * Appends 1 to 100 messages, all or none, and gives them as they are stored, in the order they were given in. It is
       * answered after the commit. An id that is stored already with the same payload is answered as the first time.
       * @throws invalid_input; not_found; too_large over 16 MiB in one message; conflict when an id is in use for something else,
       * or when `expectedSeq` is not the number of messages (`details.messageCount`)
       */
      append: (conversationId: string, messages: readonly NewMessage[], options?: AppendOptions) =>
        run((context) => appendMessages(context, userId, conversationId, messages, options)),
      /** One message. @throws invalid_input; not_found when the conversation or the message is not there */
      get: (conversationId: string, messageId: string) =>
        run((context) => getMessage(context, userId, conversationId, messageId)),
      /**
       * The last page of a conversation, or the one before or after a `seq`, ascending: 50 messages, or `limit` from 1 to 100,
       * and about 8 MiB. `nextCursor` is the `before` of the next older page; with `after`, the `after` of the next newer one.
       * @throws invalid_input, not_found
       */
      list: (conversationId: string, options?: MessagePageOptions) =>
        run((context) => listMessages(context, userId, conversationId, options)),
      /**
       * The last messages of the branch that is shown, or of the one that ends in `leafId`, in the order in which they were said:
       * 50, or `limit` from 1 to 100. `nextCursor` is the `before` of the page above.
       * @throws invalid_input; not_found when the conversation or the message is not there
       */
      branch: (conversationId: string, options?: BranchOptions) =>
        run((context) => listBranch(context, userId, conversationId, options)),
      /**
       * The same as `branch`, and the ids of what else could stand in place of each message.
       * @throws invalid_input; not_found when the conversation or the message is not there
       */
      branchWithSiblings: (conversationId: string, options?: BranchOptions) =>
        run((context) => listBranchWithSiblings(context, userId, conversationId, options)),
    },
    /** The replies that are, or were, generated in this user's conversations. */
    runs: {
      /**
       * Stores the question, making the conversation if there is none, and begins a run with a draft of the reply, all in one
       * statement. The same question again gives its run, or its answer, unless `regenerate` asks for another.
       * @throws invalid_input; too_large over 16 MiB; not_found when `parentId` is no message of the conversation; conflict while
       * another reply of it is being written (`details.runId`), or when an id is in use for something else
       */
      begin: (input: NewReply) => run((context) => beginReply(context, userId, input)),
      /**
       * Begins a run for a draft of your own, and ends one of the same conversation whose lease is over. Call it in the
       * transaction that stores the draft: an assistant message with status `streaming`, which the run alone may write.
       * @throws invalid_input; not_found; conflict while another run is running (`details.runId`), or when the message is no draft
       */
      beginDraft: (input: NewRun) => run((context) => beginRun(context, userId, input)),
      /**
       * Ends a run and writes its reply, in one statement; `false` when the run was over already, and then nothing is written.
       * @throws invalid_input; too_large over 16 MiB in the reply
       */
      end: (key: RunKey, end: RunEnd) => run((context) => endRun(context, userId, key, end)),
      /** The run that is running in a conversation, or `undefined`. @throws invalid_input when the id is no UUID */
      findRunning: (conversationId: string) => run((context) => findRunningRun(context, userId, conversationId)),
      /** A run of a conversation, whatever its status, or `undefined`. @throws invalid_input when an id is no UUID */
      find: (conversationId: string, runId: string) =>
        run((context) => findRun(context, userId, conversationId, runId)),
      /**
       * Asks for the running reply of a conversation to stop, which whichever server generates it sees within a second. Gives
       * the id of that run, or `undefined` when nothing is running.
       * @throws invalid_input, not_found
       */
      stop: (conversationId: string) => run((context) => stopRun(context, userId, conversationId)),
    },
  };
}
