/** What is asked: a user's message in a conversation, which may not exist yet. */
import type { NewMessage } from "../store/schemas.ts";

/** What a user asks in a conversation, which is made if there is none. */
export interface Question {
  conversationId: string;
  /** The user's message. Its id is the idempotency key: the same one again gets the answer that it has. */
  message: NewMessage;
  /** Asks for another answer to a question that is stored already. */
  regenerate?: boolean | undefined;
  /** The name of the model of this reply alone, in place of the conversation's; a conversation that begins with it keeps it. */
  replyModel?: string | undefined;
}
