/** The store: `createStore(db, models).forUser(userId)`. You cannot reach a chat without saying whose it is. */
import type { PgTransactionConfig } from "drizzle-orm/pg-core";
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
import { type Chat, type Database, guarded, inTransaction, isTransaction, type PartsOf, within } from "./database.ts";
import { type LivePlace, readLive, readRecent } from "./live.ts";
import { type AppendOptions, appendMessages } from "./messages/append.ts";
import { createAppendQueue } from "./messages/append-queue.ts";
import { type BranchOptions, getMessage, listBranch, listBranchWithSiblings, showBranch } from "./messages/branch.ts";
import { listMessages, type MessagePageOptions } from "./messages/page.ts";
import type { ChatModels, UserId } from "./models/chat.ts";
import type { NewConversation, NewMessage } from "./models/schemas.ts";
import { asOperator, asOwner } from "./row-level-security.ts";
import { beginRun, type NewRun } from "./runs/begin.ts";
import { type Pulse, pulseRuns, type RunPlace, readRuns } from "./runs/chunks.ts";
import { runLeaseMs } from "./runs/lease.ts";
import { endRun, findRun, findRunningRun, type RunEnd, type RunKey, stopRun } from "./runs/run.ts";
import { interruptRuns, removeChunks } from "./runs/sweep.ts";

export interface StoreOptions {
  /** The tables have the policies of `enableRowLevelSecurity`: each verb says in a transaction whose it is. */
  rowLevelSecurity?: boolean | undefined;
  /** A run without a heartbeat for this long is over; 15 seconds when left out. The same for every process on a database. */
  runLeaseMs?: number | undefined;
  /** What of a reply is kept when its server dies; nothing when left out, since only who wrote the chunks can read them. */
  partsOf?: PartsOf | undefined;
}

type Runner = <Result>(verb: (chat: Chat) => Promise<Result>) => Promise<Result>;

export interface Store {
  /** Everything that this user can do; another user's chats are absent from it. */
  forUser(userId: UserId): UserStore;
  /** Runs `work` with a store whose writes are committed together, or not at all. After a deadlock it runs again. */
  transaction<Result>(work: (store: Store) => Promise<Result>, config?: PgTransactionConfig): Promise<Result>;
  /** What a server does for all its users at once; every entry names its owner. */
  server: ServerStore;
}

export type ServerStore = ReturnType<typeof serverStore>;
export type UserStore = ReturnType<typeof userStore>;

/**
 * Makes a store on a Drizzle database, or on a transaction of one, for tables that `chatModels` made.
 * It holds no state but prepared statements: make one at start, and one for each transaction of your own.
 */
export function createStore(db: Database, models: ChatModels, options: StoreOptions = {}): Store {
  const { rowLevelSecurity = false, partsOf = () => [] } = options;
  const alone: Chat = {
    db,
    models,
    statements: new Map(),
    runLeaseMs: options.runLeaseMs ?? runLeaseMs,
    partsOf,
    appends: undefined,
  };
  const chat = isTransaction(db) ? alone : { ...alone, appends: createAppendQueue(alone) };
  const runnerFor = (userId: UserId): Runner =>
    rowLevelSecurity ? (verb) => asOwner(chat, userId, verb) : (verb) => guarded(db, () => verb(chat));
  const operator: Runner = rowLevelSecurity
    ? (verb) => asOperator(db, (tx) => verb(within(chat, tx)))
    : (verb) => guarded(db, () => verb(chat));
  return {
    forUser: (userId) => userStore(runnerFor(userId), userId),
    transaction: (work, config) => inTransaction(db, (tx) => work(createStore(tx, models, options)), config),
    server: serverStore(operator),
  };
}

function serverStore(run: Runner) {
  return {
    /** Keeps the leases of runs, and stores what they streamed. */
    pulse: (pulses: readonly Pulse[]) => run((chat) => pulseRuns(chat, pulses)),
    /** What is new in runs. */
    readRuns: (places: readonly RunPlace[]) => run((chat) => readRuns(chat, places)),
    /** Ends runs whose server has died: `"expired"` by their lease, `"all"` when no other process can be alive. */
    interruptRuns: (which: "expired" | "all") => run((chat) => interruptRuns(chat, which)),
    /** Removes the chunks of runs that ended that long ago; gives their number. */
    removeChunks: (graceMs: number) => run((chat) => removeChunks(chat, graceMs)),
    /** Conversations as they are now, each with the run that is running in it. One that is missing is gone. */
    readLive: (places: readonly LivePlace[]) => run((chat) => readLive(chat, places)),
    /** The same of the newest conversations of each of these users. */
    readRecent: (userIds: readonly UserId[]) => run((chat) => readRecent(chat, userIds)),
  };
}

function userStore(run: Runner, userId: UserId) {
  return {
    conversations: {
      create: (input?: NewConversation) => run((chat) => createConversation(chat, userId, input)),
      get: (conversationId: string) => run((chat) => getConversation(chat, userId, conversationId)),
      find: (conversationId: string) => run((chat) => findConversation(chat, userId, conversationId)),
      list: (options?: ConversationPageOptions) => run((chat) => listConversations(chat, userId, options)),
      ids: (options?: ConversationIdsOptions) => run((chat) => listConversationIds(chat, userId, options)),
      rename: (conversationId: string, title: string) =>
        run((chat) => renameConversation(chat, userId, conversationId, title)),
      pin: (conversationId: string, pinned: boolean) =>
        run((chat) => pinConversation(chat, userId, conversationId, pinned)),
      archive: (conversationId: string, archived: boolean) =>
        run((chat) => archiveConversation(chat, userId, conversationId, archived)),
      showBranch: (conversationId: string, messageId: string) =>
        run((chat) => showBranch(chat, userId, conversationId, messageId)),
      delete: (conversationId: string) => run((chat) => deleteConversation(chat, userId, conversationId)),
    },
    messages: {
      append: (conversationId: string, messages: readonly NewMessage[], options?: AppendOptions) =>
        run((chat) => appendMessages(chat, userId, conversationId, messages, options)),
      get: (conversationId: string, messageId: string) =>
        run((chat) => getMessage(chat, userId, conversationId, messageId)),
      list: (conversationId: string, options?: MessagePageOptions) =>
        run((chat) => listMessages(chat, userId, conversationId, options)),
      branch: (conversationId: string, options?: BranchOptions) =>
        run((chat) => listBranch(chat, userId, conversationId, options)),
      branchWithSiblings: (conversationId: string, options?: BranchOptions) =>
        run((chat) => listBranchWithSiblings(chat, userId, conversationId, options)),
    },
    runs: {
      begin: (input: NewRun) => run((chat) => beginRun(chat, userId, input)),
      end: (key: RunKey, end: RunEnd) => run((chat) => endRun(chat, userId, key, end)),
      findRunning: (conversationId: string) => run((chat) => findRunningRun(chat, userId, conversationId)),
      find: (conversationId: string, runId: string) => run((chat) => findRun(chat, userId, conversationId, runId)),
      stop: (conversationId: string) => run((chat) => stopRun(chat, userId, conversationId)),
    },
  };
}
