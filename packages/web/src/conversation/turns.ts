/** A question, and what was answered to it: what is drawn together. */
import type { UIMessage } from "ai";

export interface Turn {
  /** Of its first message. */
  id: string;
  messages: UIMessage[];
}

/** What stands before the first question is one of its own. */
export function turnsOf(messages: readonly UIMessage[]): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (!last || message.role === "user") turns.push({ id: message.id, messages: [message] });
    else last.messages.push(message);
  }
  return turns;
}
