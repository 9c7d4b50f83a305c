/** The branch of a conversation that ends with a question, as much of it as a model can read. */

import type { Page } from "../store/messages/page.ts";
import type { Message } from "../store/tables/message.ts";
import type { UserStore } from "../store/user-verbs.ts";
import type { Question } from "./question.ts";

/** How much of a branch a model is given. */
export interface HistoryOptions {
  /** About so many tokens, by the number of characters; 16,000 when left out. */
  maxTokens?: number | undefined;
}

export const defaultHistoryTokens = 16_000;
const charsPerToken = 4;

/** From the message `leafId`, or the end of the branch that is shown, back to the first; read by pages of 100. */
export async function* newestFirst(user: UserStore, conversationId: string, leafId?: string): AsyncGenerator<Message> {
  const page = await user.messages.branch(conversationId, { leafId, limit: 100 });
  yield* page.items.reverse();
  if (page.nextCursor !== null) yield* pagesAbove(user, conversationId, page.nextCursor);
}

/** What was said before a question, as far as it is one page: `undefined` where there was nothing, or it could not be read. */
export type Earlier = Promise<Page<Message> | undefined>;

/** Read while the question is being stored, which saves a round trip to the database. */
export function readEarlier(user: UserStore, { conversationId, message, regenerate }: Question): Earlier {
  if (message.parentId === null) return Promise.resolve(undefined);
  const leafId = regenerate ? message.id : message.parentId;
  return user.messages.branch(conversationId, { leafId, limit: 100 }).catch(() => undefined);
}

/** The branch that ends with a question, from there back to the first: from what was read already, if that leads there. */
export async function* fromQuestion(user: UserStore, question: Message, earlier: Earlier): AsyncGenerator<Message> {
  yield question;
  const { conversationId, parentId } = question;
  if (parentId === null) return;
  const { items = [], nextCursor = null } = (await earlier) ?? {};
  const before = items.at(-1)?.id === question.id ? items.slice(0, -1) : items;
  if (before.at(-1)?.id !== parentId) return yield* newestFirst(user, conversationId, parentId);
  yield* before.toReversed();
  if (nextCursor !== null) yield* pagesAbove(user, conversationId, nextCursor);
}

async function* pagesAbove(user: UserStore, conversationId: string, cursor: string): AsyncGenerator<Message> {
  for (let before: string | undefined = cursor; before; ) {
    const page: Page<Message> = await user.messages.branch(conversationId, { before, limit: 100 });
    yield* page.items.reverse();
    before = page.nextCursor ?? undefined;
  }
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
