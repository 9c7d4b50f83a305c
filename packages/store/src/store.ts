/** The store: `createStore(db, models).forUser(userId)`. You cannot reach a chat without saying whose it is. */
import type { PgTransactionConfig } from "drizzle-orm/pg-core";
import { z } from "zod";
import {
  type ConversationIdsOptions,
  type ConversationPageOptions,
  listConversationIds,
  listConversations,
} from "./conversation-list.ts";
import {
  archiveConversation,
  createConversation,
  deleteConversation,
  findConversation,
  getConversation,
  pinConversation,
  renameConversation,
} from "./conversations.ts";
import {
  type Change,
  type Chat,
  type Database,
  guarded,
  inLane,
  inTransaction,
  isTransaction,
  type PartsOf,
  within,
} from "./database.ts";
import type { ChatkeepError } from "./errors.ts";
import { invalidInput, parse } from "./input.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { type LivePlace, readLive, readRecent } from "./live.ts";
import { type AppendOptions, appendMessages } from "./messages/append.ts";
import { createAppendQueue } from "./messages/append-queue.ts";
import { type BranchOptions, getMessage, listBranch, listBranchWithSiblings, showBranch } from "./messages/branch.ts";
import { listMessages, type MessagePageOptions } from "./messages/page.ts";
import type { ChatModels, UserId } from "./models/chat.ts";
import { ownerSchemas } from "./models/owner-schemas.ts";
import type { NewConversation, NewMessage, NewReply, NewRun } from "./models/schemas.ts";
import { idSchema } from "./models/schemas.ts";
import { asOperator, asOwner } from "./row-level-security.ts";
import { beginRun } from "./runs/begin.ts";
import { beginNewReply } from "./runs/begin-new.ts";
import { type Pulse, pulseRuns, type RunPlace, readRuns } from "./runs/chunks.ts";
import { runLeaseMs } from "./runs/lease.ts";
import { endRun, findRun, findRunningRun, type RunEnd, type RunKey, stopRun } from "./runs/run.ts";
import { interruptRuns, removeChunks } from "./runs/sweep.ts";
import { requireOptions, requireParts, requireWork } from "./store-input.ts";

export interface StoreOptions {
  /** The tables have the policies of `enableRowLevelSecurity`: each verb says in a transaction whose it is. */
  rowLevelSecurity?: boolean | undefined;
  /** A run without a heartbeat for this long is over; 15 seconds when left out. The same for every process on a database. */
  runLeaseMs?: number | undefined;
  /** What of a reply is kept when its server dies; nothing when left out, since only who wrote the chunks can read them. */
  partsOf?: PartsOf | undefined;
}

type Runner = <Result>(verb: (chat: Chat) => Promise<Result>) => Promise<Result>;

/** How the verbs of one user run. */
interface UserRunner {
  run: Runner;
  /** For verbs that take the row lock of a conversation: they wait for each other where no connection is held. */
  runIn<Result>(conversationId: string, verb: (chat: Chat) => Promise<Result>): Promise<Result>;
  transaction<Result>(conversationId: string, work: (mine: UserStore) => Promise<Result>): Promise<Result>;
}

export interface Store {
  /**
   * Everything that this user can do; another user's chats are absent from it. An id that is none is refused by each verb.
   * Beside what a verb names, each can throw `unavailable` (the database cannot be reached: try again) and `schema_mismatch`.
   */
  forUser(userId: UserId): UserStore;
  /** Runs `work` with a store whose writes are committed together, or not at all. After a deadlock it runs again. */
  transaction<Result>(work: (store: Store) => Promise<Result>, config?: PgTransactionConfig): Promise<Result>;
  /**
   * Calls `listener` after each commit of this store, also of its transactions, with what has changed; gives the way to stop that.
   * What other processes commit is told by a notifier. In a transaction that the host commits it is told before that.
   */
  onChange(listener: (change: Change) => void): () => void;
  /** Where what this store changes waits for its turn; for verbs of one's own that wait for rows of a user too. */
  lanes: Lanes;
  /** What a server does for all its users at once; every entry names its owner. */
  server: ServerStore;
}

export interface ServerStore extends ReturnType<typeof serverStore> {
  /** A run without a heartbeat for so many milliseconds is over. */
  readonly leaseMs: number;
}
export interface UserStore extends ReturnType<typeof userVerbs> {
  /**
   * Several verbs on one conversation, together or not at all. After a deadlock it runs again.
   * @throws whatever `work` throws, after the rollback
   */
  transaction<Result>(conversationId: string, work: (mine: UserStore) => Promise<Result>): Promise<Result>;
}

/**
 * Makes a store on a Drizzle database, or on a transaction of one, for tables that `chatModels` made.
 * It holds no state but prepared statements: make one at start, and one for each transaction of your own.
 */
export function createStore(db: Database, models: ChatModels, options: StoreOptions = {}): Store {
  requireParts(db, models);
  const listeners = new Set<(change: Change) => void>();
  const changed = (change: Change) => {
    for (const listener of listeners) listener(change);
  };
  return storeOn(db, models, options, { listeners, changed });
}

/** Who is told of changes, and how: inside a transaction they are kept until its commit. */
interface Telling {
  listeners: Set<(change: Change) => void>;
  changed(change: Change): void;
}

function storeOn(db: Database, models: ChatModels, options: StoreOptions, { listeners, changed }: Telling): Store {
  const { rowLevelSecurity = false, partsOf = () => [] } = requireOptions(options);
  const alone: Chat = {
    db,
    models,
    statements: new Map(),
    runLeaseMs: options.runLeaseMs ?? runLeaseMs,
    partsOf,
    appends: undefined,
    changed,
    lanes: undefined,
  };
  const chat = isTransaction(db) ? alone : open(alone);
  const ownerSchema = ownerSchemas(models).userId;
  /** What `work` changes is told after its commit; of attempts that were rolled back, nothing. */
  async function told<Result>(
    attempt: (keep: (change: Change) => void, begin: () => void) => Promise<Result>,
  ): Promise<Result> {
    let changes: Change[] = [];
    const result = await attempt(
      (change) => void changes.push(change),
      () => {
        changes = [];
      },
    );
    for (const change of changes) changed(change);
    return result;
  }

  const operator: Runner = rowLevelSecurity
    ? (verb) =>
        told((keep, begin) =>
          asOperator(db, (tx) => {
            begin();
            return verb({ ...within(chat, tx), changed: keep });
          }),
        )
    : (verb) => guarded(db, () => verb(chat));
  const transaction: Store["transaction"] = async (work, config) => {
    requireWork(work);
    return await told((keep, begin) =>
      inTransaction(
        db,
        (tx) => {
          begin();
          return work(storeOn(tx, models, options, { listeners, changed: keep }));
        },
        config,
      ),
    );
  };

  function runnerFor(userId: UserId): UserRunner {
    const run: Runner = rowLevelSecurity
      ? (verb) =>
          told((keep, begin) =>
            asOwner(chat, userId, (mine) => {
              begin();
              return verb({ ...mine, changed: keep });
            }),
          )
      : (verb) => guarded(db, () => verb(chat));
    return {
      run,
      runIn: (conversationId, verb) => inLane(chat, userId, conversationId, () => run(verb)),
      transaction: async (conversationId, work) => {
        const id = parse(idSchema, conversationId, "conversationId");
        requireWork(work);
        return await inLane(chat, userId, id, () => transaction((store) => work(store.forUser(userId))));
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
    lanes: chat.lanes ?? { run: (_ownerId, _key, work) => work() },
    server: { ...serverStore(operator), leaseMs: chat.runLeaseMs },
  };
}

function open(alone: Chat): Chat {
  const chat = { ...alone, lanes: createLanes() };
  return { ...chat, appends: createAppendQueue(chat) };
}

/** Whoever is nobody can do nothing, and is told so by each verb. */
function refuseAll(error: ChatkeepError): UserRunner {
  const refuse = () => Promise.reject(error);
  return { run: refuse, runIn: refuse, transaction: refuse };
}

function serverStore(run: Runner) {
  return {
    /**
     * Keeps the leases of runs and stores what they streamed, in one statement; a run that is missing from the answer is over.
     * @throws invalid_input
     */
    pulse: (pulses: readonly Pulse[]) => run((chat) => pulseRuns(chat, pulses)),
    /**
     * What is new in runs, in one statement; a run that is missing from the answer is gone, or was never that user's.
     * @throws invalid_input
     */
    readRuns: (places: readonly RunPlace[]) => run((chat) => readRuns(chat, places)),
    /**
     * Ends runs whose server has died: `"expired"` by their lease, `"all"` when no other process can be alive.
     * @throws invalid_input
     */
    interruptRuns: (which: "expired" | "all") =>
      run(async (chat) => await interruptRuns(chat, parse(whichSchema, which, "which"))),
    /**
     * Removes the chunks of runs that ended more than `graceMs` milliseconds ago; gives their number.
     * @throws invalid_input
     */
    removeChunks: (graceMs: number) =>
      run(async (chat) => await removeChunks(chat, parse(graceSchema, graceMs, "graceMs"))),
    /**
     * Conversations as they are now, each with the run that is running in it. One that is missing is gone.
     * @throws invalid_input
     */
    readLive: (places: readonly LivePlace[]) => run((chat) => readLive(chat, places)),
    /** The same of the newest conversations of each of these users. @throws invalid_input */
    readRecent: (userIds: readonly UserId[]) => run((chat) => readRecent(chat, userIds)),
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
      create: (input?: NewConversation) => run((chat) => createConversation(chat, userId, input)),
      /**
       * A conversation, without its messages.
       * @throws invalid_input when the id is no UUID; not_found, also when it is someone else's
       */
      get: (conversationId: string) => run((chat) => getConversation(chat, userId, conversationId)),
      /**
       * A conversation, without its messages; `undefined` when there is none, or when it is someone else's.
       * @throws invalid_input when the id is no UUID
       */
      find: (conversationId: string) => run((chat) => findConversation(chat, userId, conversationId)),
      /**
       * A page of conversations, newest activity first: 20, or `limit` from 1 to 100; the archive is left out unless asked for.
       * `nextCursor` is the `cursor` of the next page.
       * @throws invalid_input
       */
      list: (options?: ConversationPageOptions) => run((chat) => listConversations(chat, userId, options)),
      /**
       * The ids of all conversations, archived ones too, up to 10,000 on a page, in an order that nothing that is written
       * meanwhile disturbs. `nextCursor` is the `after` of the next page.
       * @throws invalid_input
       */
      ids: (options?: ConversationIdsOptions) => run((chat) => listConversationIds(chat, userId, options)),
      /**
       * Gives a conversation a title of 1 to 200 characters, which nothing overwrites but another rename.
       * @throws invalid_input, not_found
       */
      rename: (conversationId: string, title: string) =>
        runIn(conversationId, (chat) => renameConversation(chat, userId, conversationId, title)),
      /** Pins a conversation, or no longer; its place by activity stays. @throws invalid_input, not_found */
      pin: (conversationId: string, pinned: boolean) =>
        runIn(conversationId, (chat) => pinConversation(chat, userId, conversationId, pinned)),
      /**
       * Takes a conversation out of the list, or back into it; nothing else changes.
       * @throws invalid_input, not_found
       */
      archive: (conversationId: string, archived: boolean) =>
        runIn(conversationId, (chat) => archiveConversation(chat, userId, conversationId, archived)),
      /**
       * Shows the branch that a message is on: the conversation's `headId` becomes the newest message below it.
       * @throws invalid_input; not_found when the conversation or the message is not there
       */
      showBranch: (conversationId: string, messageId: string) =>
        runIn(conversationId, (chat) => showBranch(chat, userId, conversationId, messageId)),
      /** Deletes a conversation for good, with its messages and runs. @throws invalid_input, not_found */
      delete: (conversationId: string) =>
        runIn(conversationId, (chat) => deleteConversation(chat, userId, conversationId)),
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
        run((chat) => appendMessages(chat, userId, conversationId, messages, options)),
      /** One message. @throws invalid_input; not_found when the conversation or the message is not there */
      get: (conversationId: string, messageId: string) =>
        run((chat) => getMessage(chat, userId, conversationId, messageId)),
      /**
       * The last page of a conversation, or the one before or after a `seq`, ascending: 50 messages, or `limit` from 1 to 100,
       * and about 8 MiB. `nextCursor` is the `before` of the next older page; with `after`, the `after` of the next newer one.
       * @throws invalid_input, not_found
       */
      list: (conversationId: string, options?: MessagePageOptions) =>
        run((chat) => listMessages(chat, userId, conversationId, options)),
      /**
       * The last messages of the branch that is shown, or of the one that ends in `leafId`, in the order in which they were said:
       * 50, or `limit` from 1 to 100. `nextCursor` is the `before` of the page above.
       * @throws invalid_input; not_found when the conversation or the message is not there
       */
      branch: (conversationId: string, options?: BranchOptions) =>
        run((chat) => listBranch(chat, userId, conversationId, options)),
      /**
       * The same as `branch`, and the ids of what else could stand in place of each message.
       * @throws invalid_input; not_found when the conversation or the message is not there
       */
      branchWithSiblings: (conversationId: string, options?: BranchOptions) =>
        run((chat) => listBranchWithSiblings(chat, userId, conversationId, options)),
    },
    /** The replies that are, or were, generated in this user's conversations. */
    runs: {
      /**
       * Stores new messages, the last of which is the draft that the run writes, and begins the run; makes the conversation if
       * there is none. `undefined` when something is not as expected: then nothing is stored, and `append` and `begin` in a
       * transaction say what it is.
       * @throws invalid_input; too_large over 16 MiB in one message
       */
      beginNew: (input: NewReply) => run((chat) => beginNewReply(chat, userId, input)),
      /**
       * Begins a run, and ends one of the same conversation whose lease is over. Call it in the transaction that stores the
       * draft: an assistant message with status `streaming`, which the run alone may write.
       * @throws invalid_input; not_found; conflict while another run is running (`details.runId`), or when the message is no draft
       */
      begin: (input: NewRun) => run((chat) => beginRun(chat, userId, input)),
      /**
       * Ends a run and writes its reply, in one statement; `false` when the run was over already, and then nothing is written.
       * @throws invalid_input; too_large over 16 MiB in the reply
       */
      end: (key: RunKey, end: RunEnd) => run((chat) => endRun(chat, userId, key, end)),
      /** The run that is running in a conversation, or `undefined`. @throws invalid_input when the id is no UUID */
      findRunning: (conversationId: string) => run((chat) => findRunningRun(chat, userId, conversationId)),
      /** A run of a conversation, whatever its status, or `undefined`. @throws invalid_input when an id is no UUID */
      find: (conversationId: string, runId: string) => run((chat) => findRun(chat, userId, conversationId, runId)),
      /**
       * Asks for the running reply of a conversation to stop, which whichever server generates it sees within a second. Gives
       * the id of that run, or `undefined` when nothing is running.
       * @throws invalid_input, not_found
       */
      stop: (conversationId: string) => run((chat) => stopRun(chat, userId, conversationId)),
    },
  };
}
