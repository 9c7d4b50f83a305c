/**
 * A question that its user has written anew. The AI SDK keeps the message's id and changes what stands under it
 * (`sendMessage({ text, messageId })`); here the earlier wording stays, and the new one is another branch beside it.
 */
import { v5 } from "uuid";
import { NotFoundError } from "../../errors.ts";
import type { Question } from "../../replies/question.ts";
import type { NewMessage } from "../../store/schemas.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import type { ChatRequest } from "./question.ts";

/** An edited question as another version of the stored one; any other as it is. */
export async function asEdited(user: UserStore, question: Question, { messageId }: ChatRequest): Promise<Question> {
  const { message, regenerate, conversationId } = question;
  const { id } = message;
  if (id === undefined || messageId !== id || message.parentId !== undefined || regenerate) return question;
  const stored = await found(user, conversationId, id);
  if (!stored) return question;
  if (wordsOf(stored) === wordsOf(message)) return { ...question, regenerate: true };
  return { ...question, message: { ...message, id: versionOf(id, message), parentId: stored.parentId } };
}

/** The version that a client knows under the id of an earlier wording; `undefined` when there is none. */
export async function versionOfQuestion(user: UserStore, question: Question): Promise<Question | undefined> {
  const { message, conversationId } = question;
  if (message.id === undefined) return undefined;
  const id = versionOf(message.id, message);
  const stored = await found(user, conversationId, id);
  return stored && { ...question, message: { ...message, id, parentId: stored.parentId } };
}

async function found(user: UserStore, conversationId: string, id: string): Promise<Message | undefined> {
  try {
    return await user.messages.get(conversationId, id);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

function wordsOf({ content, parts }: Pick<Message | NewMessage, "content" | "parts">): string {
  return JSON.stringify(parts ?? content);
}

/**
 * The same words get the same id, so that an edit that is sent again is stored once. It is no UUID, which would name one message in
 * the whole database: others may edit a message of the same name to the same words.
 */
function versionOf(id: string, message: NewMessage): string {
  return `edit-${v5(JSON.stringify([id, wordsOf(message)]), "0f9b1c52-6c0c-5b0e-8f4e-6f2d9d0c5a3b")}`;
}
