import type { VerbRunner } from "./context.ts";
import {
  archiveConversation,
  findConversation,
  getConversation,
  pinConversation,
  renameConversation,
  updateConversation,
} from "./conversations/conversations.ts";
import { createConversation } from "./conversations/create.ts";
import { moveHead, popMessage } from "./conversations/head.ts";
import {
  type ConversationIdsOptions,
  type ConversationPageOptions,
  listConversationIds,
  listConversations,
} from "./conversations/list.ts";
import type { Retitle } from "./conversations/retitle.ts";
import type { TrashPageOptions } from "./conversations/trash.ts";
import type { NewFile } from "./files/put.ts";
import type { FilePageOptions, FileRange } from "./files/read.ts";
import type { ImportedConversation } from "./import-schemas.ts";
import { parseId } from "./input.ts";
import { type AppendOptions, appendMessages } from "./messages/append.ts";
import { type BranchOptions, getMessage, listBranch, listBranchWithSiblings, showBranch } from "./messages/branch.ts";
import { type FindMessagesOptions, findMessages } from "./messages/find.ts";
import { listMessages, type MessagePageOptions } from "./messages/page.ts";
import type { UpdateOptions } from "./messages/update.ts";
import { runVerbs } from "./run-verbs.ts";
import type { ConversationChanges, MessageChanges, NewConversation, NewMessage, SavedMessage } from "./schemas.ts";
import type { SearchOptions } from "./search/search-schemas.ts";
import type { UserId } from "./tables/tables.ts";
import type { Quota } from "./usage/quota-schemas.ts";
import type { UsageKind, UsageOptions } from "./usage/usage.ts";

/** The same, and how several run together. */
export interface UserRunner extends VerbRunner {
  transaction<Result>(conversationId: string, work: (mine: UserStore) => Promise<Result>): Promise<Result>;
}

/** Everything that one user can do with conversations, messages and runs. */
export interface UserStore extends ReturnType<typeof userVerbs> {
  /**
   * Several verbs on one conversation, together or not at all. After a deadlock it runs again.
   * @throws whatever `work` throws, after the rollback
   */
  transaction<Result>(conversationId: string, work: (mine: UserStore) => Promise<Result>): Promise<Result>;
}

/** Loaded when a message is changed. */
const changingMessages = () => import("./messages/update.ts");

/** Loaded when something is deleted. */
const trashing = () => import("./conversations/trash.ts");

/** Loaded when something is removed for good. */
const erasing = () => import("./conversations/erase.ts");

/** Loaded when somebody has files. */
const reading = () => import("./files/read.ts");

export function userVerbs(runner: UserRunner, userId: UserId) {
  const { run, read, runIn } = runner;
  return {
    /** The conversations of this user. */
    conversations: {
      /**
       * Creates a conversation, with up to 100 first messages, all or nothing. Without a title (1 to 200 characters) it gets one
       * from its first question. A `temporary` one is in no list, no search and no export, and is removed after a day. The same id with the same payload again gives the conversation as it is now.
       * @throws invalid_input; too_large over 16 MiB in one message; conflict when an id is in use for something else
       */
      create: (input?: NewConversation) => run((context) => createConversation(context, userId, input)),
      /**
       * A conversation, without its messages.
       * @throws invalid_input when the id is none; not_found, also when it is someone else's
       */
      get: (conversationId: string) => read((context) => getConversation(context, userId, conversationId)),
      /**
       * A conversation, without its messages; `undefined` when there is none, or when it is someone else's.
       * @throws invalid_input when the id is none
       */
      find: (conversationId: string) => read((context) => findConversation(context, userId, conversationId)),
      /**
       * A page of conversations, newest activity first: 20, or `limit` from 1 to 100; the archive is left out unless asked for.
       * `nextCursor` is the `cursor` of the next page.
       * @throws invalid_input
       */
      list: (options?: ConversationPageOptions) => read((context) => listConversations(context, userId, options)),
      /**
       * The ids of all conversations, archived ones too, up to 10,000 on a page, in an order that nothing that is written
       * meanwhile disturbs. `nextCursor` is the `after` of the next page.
       * @throws invalid_input
       */
      ids: (options?: ConversationIdsOptions) => read((context) => listConversationIds(context, userId, options)),
      /**
       * Changes what is given of a conversation, and nothing else: title, pinned, archived, `metadata` (an object of at most
       * 64 KiB, as a whole), `model`, `instructions` (at most 64 KiB); `null` takes one of the last three away.
       * @throws invalid_input, too_large, not_found
       */
      update: (conversationId: string, changes: ConversationChanges) =>
        runIn(conversationId, (context) => updateConversation(context, userId, conversationId, changes)),
      /**
       * Gives a conversation a title of 1 to 200 characters, which nothing overwrites but another rename.
       * @throws invalid_input, not_found
       */
      rename: (conversationId: string, title: string) =>
        runIn(conversationId, (context) => renameConversation(context, userId, conversationId, title)),
      /**
       * Gives a conversation a title that a model made, in place of `from`, which was made of its first question; its place in lists
       * stays. `false` when a person has given it one, or it has another by now, or it is not there. @throws invalid_input
       */
      retitle: (conversationId: string, retitle: Retitle) =>
        runIn(conversationId, async (context) =>
          (await import("./conversations/retitle.ts")).retitleConversation(context, userId, conversationId, retitle),
        ),
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
      /**
       * Ends the branch that is shown with this message: what is below it is not shown and not given to a model any more. It is
       * not removed: `showBranch` brings it back.
       * @throws invalid_input; not_found when the conversation or the message is not there
       */
      truncate: (conversationId: string, afterMessageId: string) =>
        runIn(conversationId, (context) =>
          moveHead(context, userId, conversationId, parseId(afterMessageId, "afterMessageId")),
        ),
      /** Shows nothing of a conversation any more, in the same way; what is appended next begins anew. @throws invalid_input, not_found */
      clear: (conversationId: string) =>
        runIn(conversationId, (context) => moveHead(context, userId, conversationId, null)),
      /**
       * Takes the last message off the branch that is shown, and gives it; `undefined` when nothing is shown.
       * @throws invalid_input, not_found
       */
      pop: (conversationId: string) => runIn(conversationId, (context) => popMessage(context, userId, conversationId)),
      /**
       * Moves a conversation to the trash, from which `restore` brings it back for 30 days, or as many as `trashDays` of the store
       * says; until then only `trash` and `restore` know of it. A reply that is being written there is stopped, and kept so far.
       * A temporary one, and all with `trashDays: 0`, are erased at once.
       * @throws invalid_input, not_found
       */
      delete: async (conversationId: string) => {
        const isKept = await runIn(conversationId, async (context) =>
          (await trashing()).trashConversation(context, userId, conversationId),
        );
        if (!isKept) await (await erasing()).eraseConversation(runner, userId, conversationId, "any");
      },
      /**
       * Brings a conversation back from the trash, as it was.
       * @throws invalid_input; not_found, also when its time is over; conflict when it is not in the trash
       */
      restore: (conversationId: string) =>
        runIn(conversationId, async (context) => (await trashing()).restoreFromTrash(context, userId, conversationId)),
      /**
       * A page of the trash, what was deleted last first: 20, or `limit` from 1 to 100. `expiresAt` says when each is gone for good.
       * @throws invalid_input
       */
      trash: (options?: TrashPageOptions) =>
        read(async (context) => (await trashing()).listTrash(context, userId, options)),
      /**
       * Removes a conversation in the trash for good, in batches, and gives the receipt.
       * @throws invalid_input, not_found; conflict when it is not in the trash
       */
      purge: async (conversationId: string) =>
        await (await erasing()).eraseConversation(runner, userId, conversationId, "trashed"),
      /** Removes all that is in the trash for good, in batches, and gives the receipt. */
      emptyTrash: async () => await (await erasing()).eraseAll(runner, userId, "trashed"),
      /**
       * Removes a conversation for good, whether it is in the trash or not, without a way back, in batches, and gives the receipt.
       * It is absent from the first moment on; if the process dies before the end, `system.removeExpired` goes on.
       * @throws invalid_input, not_found
       */
      erase: async (conversationId: string) =>
        await (await erasing()).eraseConversation(runner, userId, conversationId, "any"),
    },
    /**
     * Removes all that this user has here for good, in batches, and gives the receipt. The user's own row is the host's: delete it
     * after this. What is written meanwhile is removed too.
     */
    erase: async () => await (await erasing()).eraseAll(runner, userId, "any"),
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
      /**
       * Changes a message in place: its words (`content` or `parts`), `metadata`, `status`; never its `seq`, its role or its
       * parent. `revision` is that of the message as it was read.
       * @throws invalid_input; not_found; too_large; conflict when it was changed since (`details.revision`), while a reply writes
       * it, or when it was deleted
       */
      update: (conversationId: string, messageId: string, changes: MessageChanges, options: UpdateOptions) =>
        runIn(conversationId, async (context) =>
          (await changingMessages()).updateMessage(context, userId, conversationId, messageId, changes, options),
        ),
      /**
       * Takes the content of a message away for good: words, parts, metadata, what was streamed of it, and a title that was made
       * of it. Its row and its `seq` stay, with the status `deleted`. Again it changes nothing.
       * @throws invalid_input; not_found; conflict while a reply writes it
       */
      redact: (conversationId: string, messageId: string) =>
        runIn(conversationId, async (context) =>
          (await changingMessages()).redactMessage(context, userId, conversationId, messageId),
        ),
      /**
       * Makes the branch that is shown be these messages, each with an id, any number: what is the same at their beginning stays,
       * what has the same id is changed in place, the rest is appended, and what is missing is shown no more. All or nothing.
       * @throws invalid_input; not_found; too_large; conflict when an id is another message's, or a reply is writing one
       */
      save: (conversationId: string, messages: readonly SavedMessage[]) =>
        runIn(conversationId, async (context) =>
          (await import("./messages/save.ts")).saveMessages(context, userId, conversationId, messages),
        ),
      /** One message. @throws invalid_input; not_found when the conversation or the message is not there */
      get: (conversationId: string, messageId: string) =>
        read((context) => getMessage(context, userId, conversationId, messageId)),
      /**
       * Those of up to 100 messages that are there, in no particular order, by their ids alone, or in one conversation. A text that
       * is no UUID may name a message in each conversation: without `conversationId` all of those are given, and the cost grows with
       * the number of conversations.
       * @throws invalid_input
       */
      find: (messageIds: readonly string[], options?: FindMessagesOptions) =>
        read((context) => findMessages(context, userId, messageIds, options)),
      /**
       * The last page of a conversation, or the one before or after a `seq`, ascending: 50 messages, or `limit` from 1 to 500,
       * and about 8 MiB. `nextCursor` is the `before` of the next older page; with `after`, the `after` of the next newer one.
       * @throws invalid_input, not_found
       */
      list: (conversationId: string, options?: MessagePageOptions) =>
        read((context) => listMessages(context, userId, conversationId, options)),
      /**
       * The last messages of the branch that is shown, or of the one that ends in `leafId`, in the order in which they were said:
       * 50, or `limit` from 1 to 500. `nextCursor` is the `before` of the page above. With `after`, those below a message, or with
       * `after: null` the first ones; `nextCursor` is then the `after` of the page below.
       * @throws invalid_input; not_found when the conversation or the message is not there
       */
      branch: (conversationId: string, options?: BranchOptions) =>
        read((context) => listBranch(context, userId, conversationId, options)),
      /**
       * The same as `branch`, and the ids of what else could stand in place of each message.
       * @throws invalid_input; not_found when the conversation or the message is not there
       */
      branchWithSiblings: (conversationId: string, options?: BranchOptions) =>
        read((context) => listBranchWithSiblings(context, userId, conversationId, options)),
    },
    /** Files of this user, for messages to name in a part `{ type: "file", mediaType, url, filename }` by their `url`. */
    files: {
      /**
       * Stores a file of 1 byte to 32 MiB, from its bytes or a stream of them, and says what it is. The same bytes are kept once.
       * What is invisible in its name is taken out, and `/` becomes `_`. `mediaType` counts where the bytes do not contradict it.
       * A file that no message has named for a day is removed.
       * @throws invalid_input, such as for no bytes or a name over 255 characters; too_large, also when all files of the user are
       * over their limit; whatever the stream throws. Then nothing is kept
       */
      put: async (file: NewFile) => (await import("./files/put.ts")).putFile(run, userId, file),
      /** What a file is, without its bytes. @throws invalid_input when the id is none; not_found */
      get: async (fileId: string) => {
        const { getFile } = await reading();
        return await read((context) => getFile(context, userId, fileId));
      },
      /** The bytes of a file, or those from `start` up to and without `end`. @throws invalid_input, not_found */
      read: async (fileId: string, range?: FileRange) => (await reading()).readFile(read, userId, fileId, range),
      /** The same as pieces of at most 512 KiB, one after another. @throws invalid_input, not_found */
      stream: async (fileId: string, range?: FileRange) => (await reading()).streamFile(read, userId, fileId, range),
      /** A page of files, newest first: 50, or `limit` from 1 to 100. `nextCursor` is the `cursor` of the next. @throws invalid_input */
      list: async (options?: FilePageOptions) => {
        const { listFiles } = await reading();
        return await read((context) => listFiles(context, userId, options));
      },
      /** Removes a file that no message names. @throws invalid_input; not_found; conflict while a message names it */
      remove: async (fileId: string) => {
        const { removeFile } = await import("./files/remove.ts");
        return await run((context) => removeFile(context, userId, fileId));
      },
    },
    /**
     * Brings in conversations as another place has kept them, each with any number of messages: ids, parents, times, states, pins,
     * archive and metadata stay. All or nothing; the same again changes nothing, and of a conversation that is there, what is
     * missing is added.
     * @throws invalid_input, such as for times before 1970 or in the future; too_large; conflict when an id is in use for something
     * else
     */
    import: (conversations: ImportedConversation | readonly ImportedConversation[]) =>
      run(async (context) => (await import("./import.ts")).importConversations(context, userId, conversations)),
    /**
     * Finds messages by their words, newest first, or with `sort: "best"` the best of the newest 400; and conversations by their
     * titles. All words must be there, whole or as beginnings of longer ones, `"phrases"` as they are, and `-words` must not. Case,
     * accents and width make no difference. 20 on a page, or `limit` from 1 to 100. `in` says where to look: `text` (when left
     * out), `reasoning`, `tools` (what went in and came out), `files` (their names).
     * @throws invalid_input, such as for a text without a letter or a digit
     */
    search: async (options: SearchOptions) => {
      // Loaded when somebody searches: it is an eighth of the store.
      const { searchMessages } = await import("./search/search.ts");
      return await read((context) => searchMessages(context, userId, options));
    },
    /** The replies that are, or were, generated in this user's conversations. */
    runs: runVerbs(runner, userId),
    /**
     * What this user's replies have taken, in sums by days, models or conversations: replies, and tokens as models reported them. Days
     * are newest first, the others with the most tokens first; 100 on a page, or `limit` from 1 to 100. A conversation that is deleted
     * is in the sums of days and models still.
     * @throws invalid_input
     */
    usage: async <By extends UsageKind>(options: UsageOptions<By>) => {
      const { listUsage } = await import("./usage/usage.ts");
      return await read((context) => listUsage(context, userId, options));
    },
    /** How this user stands to quotas, in their order: what is used, and when that begins anew. @throws invalid_input */
    quotas: async (quotas: readonly Quota[]) => {
      const { readQuotas } = await import("./usage/quotas.ts");
      return await run((context) => readQuotas(context, userId, quotas));
    },
  };
}
