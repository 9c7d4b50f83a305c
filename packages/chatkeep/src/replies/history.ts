/** The branch of a conversation that ends with a question, as much of it as a model can read. */
import type { UserStore } from "../store/store.ts";
import type { Message } from "../store/tables/message.ts";

export interface HistoryOptions {
  /** About so many tokens, by the number of characters; 16,000 when left out. */
  maxTokens?: number | undefined;
}

export const defaultHistoryTokens = 16_000;
const charsPerToken = 4;

/** From the message `leafId`, or the end of the branch that is shown, back to the first; read by pages of 100. */
export async function* newestFirst(user: UserStore, conversationId: string, leafId?: string): AsyncGenerator<Message> {
  let before: string | undefined;
  do {
    const page = await user.messages.branch(conversationId, before ? { before, limit: 100 } : { leafId, limit: 100 });
    yield* page.items.reverse();
    before = page.nextCursor ?? undefined;
  } while (before);
}

/** Oldest first. */
export async function readHistory(
  branch: AsyncIterable<Message>,
  { maxTokens = defaultHistoryTokens }: HistoryOptions = {},
): Promise<Message[]> {
  const read: Message[] = [];
  let left = maxTokens * charsPerToken;
  for await (const message of branch) {
    left -= charsIn(message);
    if (left < 0 && read.length > 0) break;
    read.push(message);
  }
  return read.reverse();
}

/** Of its text, and of what else it has as JSON. */
function charsIn({ content, parts }: Message): number {
  const others = (parts ?? []).filter(({ type }) => type !== "text");
  return content.length + others.reduce((sum, part) => sum + JSON.stringify(part).length, 0);
}
