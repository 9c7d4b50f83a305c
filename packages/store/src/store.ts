/** The store: `createStore(db, models).forUser(userId)`. You cannot reach a chat without saying whose it is. */
import type { PgTransactionConfig } from "drizzle-orm/pg-core";
import {
  type ConversationPageOptions,
  createConversation,
  deleteConversation,
  findConversation,
  getConversation,
  listConversations,
  renameConversation,
} from "./conversations.ts";
import { type Chat, type Database, guarded, inTransaction } from "./database.ts";
import { type AppendOptions, appendMessages } from "./messages/append.ts";
import { type BranchOptions, getMessage, listBranch } from "./messages/branch.ts";
import { listMessages, type MessagePageOptions } from "./messages/page.ts";
import type { ChatModels, UserId } from "./models/chat.ts";
import type { NewConversation, NewMessage } from "./models/schemas.ts";
import { asOperator, asOwner } from "./row-level-security.ts";
import {
  beatRun,
  beginRun,
  endRun,
  findRunningRun,
  interruptRuns,
  type NewRun,
  type RunEnd,
  type RunKey,
  stopRun,
} from "./runs.ts";

export interface StoreOptions {
  /** The tables have the policies of `enableRowLevelSecurity`: each verb says in a transaction whose it is. */
  rowLevelSecurity?: boolean | undefined;
}

type Runner = <Result>(verb: (chat: Chat) => Promise<Result>) => Promise<Result>;

export interface Store {
  /** Everything that this user can do; another user's chats are absent from it. */
  forUser(userId: UserId): UserStore;
  /** Runs `work` with a store whose writes are committed together, or not at all. After a deadlock it runs again. */
  transaction<Result>(work: (store: Store) => Promise<Result>, config?: PgTransactionConfig): Promise<Result>;
  /** Ends runs whose server has died. For the operator of the servers: it passes over the owners. */
  interruptRuns(which: "expired" | "all"): Promise<number>;
}

export type UserStore = ReturnType<typeof userStore>;

/**
 * Makes a store on a Drizzle database, or on a transaction of one, for tables that `chatModels` made.
 * It holds no state but prepared statements: make one at start, and one for each transaction of your own.
 */
export function createStore(db: Database, models: ChatModels, options: StoreOptions = {}): Store {
  const chat: Chat = { db, models, statements: new Map() };
  const runnerFor = (userId: UserId): Runner =>
    options.rowLevelSecurity ? (verb) => asOwner(chat, userId, verb) : (verb) => guarded(db, () => verb(chat));
  return {
    forUser: (userId) => userStore(runnerFor(userId), userId),
    transaction: (work, config) => inTransaction(db, (tx) => work(createStore(tx, models, options)), config),
    interruptRuns: (which) => asOperator(db, (tx) => interruptRuns({ ...chat, db: tx, statements: new Map() }, which)),
  };
}

function userStore(run: Runner, userId: UserId) {
  return {
    conversations: {
      create: (input?: NewConversation) => run((chat) => createConversation(chat, userId, input)),
      get: (conversationId: string) => run((chat) => getConversation(chat, userId, conversationId)),
      find: (conversationId: string) => run((chat) => findConversation(chat, userId, conversationId)),
      list: (options?: ConversationPageOptions) => run((chat) => listConversations(chat, userId, options)),
      rename: (conversationId: string, title: string) =>
        run((chat) => renameConversation(chat, userId, conversationId, title)),
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
    },
    runs: {
      begin: (input: NewRun) => run((chat) => beginRun(chat, userId, input)),
      beat: (key: RunKey) => run((chat) => beatRun(chat, userId, key)),
      end: (key: RunKey, end: RunEnd) => run((chat) => endRun(chat, userId, key, end)),
      findRunning: (conversationId: string) => run((chat) => findRunningRun(chat, userId, conversationId)),
      stop: (conversationId: string) => run((chat) => stopRun(chat, userId, conversationId)),
    },
  };
}
