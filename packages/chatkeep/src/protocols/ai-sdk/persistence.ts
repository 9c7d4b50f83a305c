/** The three functions of the AI SDK's guide to message persistence, over a store. */
import type { UIMessage } from "ai";
import { NotFoundError } from "../../errors.ts";
import type { NewConversation, SavedMessage } from "../../store/schemas.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { readUIMessages } from "./history.ts";

/** Makes a chat, and gives its id: a UUID, or the one that is given. @throws what `conversations.create` throws */
export async function createChat(user: UserStore, input?: NewConversation): Promise<string> {
  return (await user.conversations.create(input)).id;
}

/** The branch of a chat that is shown, whole, as `useChat` takes it; nothing of a chat that is not there. @throws invalid_input */
export async function loadChat<Message extends UIMessage = UIMessage>(
  user: UserStore,
  chatId: string,
): Promise<Message[]> {
  try {
    return (await readUIMessages(user, chatId)) as Message[];
  } catch (error) {
    if (error instanceof NotFoundError) return [];
    throw error;
  }
}

/**
 * Makes a chat have these messages, and makes the chat if there is none. What is the same stays as it is, what has the same id is
 * changed, the rest is appended. @throws what `messages.save` throws
 */
export async function saveChat(
  user: UserStore,
  { chatId, messages }: { chatId: string; messages: readonly UIMessage[] },
): Promise<void> {
  const save = () => user.messages.save(chatId, messages as readonly SavedMessage[]);
  try {
    await save();
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    await user.conversations.create({ id: chatId });
    await save();
  }
}
