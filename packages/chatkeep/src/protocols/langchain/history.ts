/** A chat message history of LangChain on a conversation: each message a message, the branch that is shown its history. */
import { BaseListChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { newestFirst } from "../../replies/history.ts";
import type { Store } from "../../store/store.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserId } from "../../store/tables/tables.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { removedId, toMessages, toStored } from "./messages.ts";

/** Whose history, and which: `sessionId` is the id of the conversation, any text of 1 to 255 characters. */
export interface ChatMessageHistoryOptions {
  store: Store;
  userId: UserId;
  sessionId: string;
}

/** A history as `RunnableWithMessageHistory` takes it; `createChatMessageHistory` makes one. */
export class ChatMessageHistory extends BaseListChatMessageHistory {
  override lc_namespace = ["chatkeep", "langchain"];
  readonly #user: UserStore;
  readonly #sessionId: string;

  constructor({ store, userId, sessionId }: ChatMessageHistoryOptions) {
    super();
    this.#user = store.forUser(userId);
    this.#sessionId = sessionId;
  }

  /** All messages of the branch that is shown, oldest first; none where the conversation does not exist, or is another user's. */
  override async getMessages(): Promise<BaseMessage[]> {
    const found: Message[] = [];
    try {
      for await (const message of newestFirst(this.#user, this.#sessionId)) found.push(message);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
    return found.reverse().flatMap(toMessages);
  }

  /** Appends one. @throws as `addMessages` */
  override async addMessage(message: BaseMessage): Promise<void> {
    await this.addMessages([message]);
  }

  /**
   * Appends them, all or none, and makes the conversation if there is none. One whose id is stored already with the same content is
   * not stored again; a `RemoveMessage` takes the content of the message that it names away for good.
   * @throws invalid_input for what is no JSON; conflict when an id is another message's; not_found for a removal of what is not there
   */
  override async addMessages(messages: BaseMessage[]): Promise<void> {
    const removed = messages.flatMap((message) => removedId(message) ?? []);
    const added = messages.filter((message) => removedId(message) === undefined).map(toStored);
    const write = async (mine: UserStore) => {
      for (let from = 0; from < added.length; from += limits.messagesPerAppend) {
        await mine.messages.append(this.#sessionId, added.slice(from, from + limits.messagesPerAppend));
      }
      for (const id of removed) await mine.messages.redact(this.#sessionId, id);
    };
    const isOne = removed.length === 0 && added.length <= limits.messagesPerAppend;
    const run = () => (isOne ? write(this.#user) : this.#user.transaction(this.#sessionId, write));
    if (messages.length === 0) return;
    try {
      await run();
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      // Another may make it at this moment; what is missing beside it is missing at the second try as well.
      await this.#user.conversations.create({ id: this.#sessionId });
      await run();
    }
  }

  /** Shows nothing any more; what was said is not erased, which deleting the conversation does. */
  override async clear(): Promise<void> {
    try {
      await this.#user.conversations.clear(this.#sessionId);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
}

/** The history of this session for this user; what another user calls the same is another one. */
export function createChatMessageHistory(options: ChatMessageHistoryOptions): ChatMessageHistory {
  return new ChatMessageHistory(options);
}
