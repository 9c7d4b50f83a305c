/** The beginning of a reply, in one statement, or in one transaction where something is not as usual: the question is stored, a draft of the reply, and its run. */
import { randomUUID } from "node:crypto";
import {
  ConflictError,
  type Message,
  type NewMessage,
  NotFoundError,
  type RunKey,
  type Store,
  type UserStore,
} from "chatkeep";
import type { Question } from "./question.ts";

export interface Begun {
  key: RunKey;
  questionId: string;
  replyId: string;
}

/** What a question comes to: a run of its own, the one that is answering it already, or the answer that it has. */
export type Beginning = { begun: Begun } | { runningId: string } | { answered: Message };

/** Thrown to roll back: the question was asked before, and this is its answer. */
class AnsweredBefore extends Error {
  readonly reply: Message;
  constructor(reply: Message) {
    super();
    this.reply = reply;
  }
}

const attempts = 3;

/** @throws what the store throws; conflict with `details.runId` while another reply of the conversation is being written */
export async function beginReply(
  store: Store,
  userId: string,
  question: Question,
  run: { server: string; model: string },
  /** Asked before each attempt: what it throws is where the question ends. */
  mayBegin: () => void,
): Promise<Beginning> {
  const questionId = question.message.id ?? randomUUID();
  for (let attempt = 1; ; attempt += 1) {
    mayBegin();
    try {
      return { begun: await begin(store, userId, question, questionId, run) };
    } catch (error) {
      if (error instanceof AnsweredBefore) return { answered: error.reply };
      const isMet = error instanceof ConflictError && error.details?.["runId"] !== undefined;
      if (!isMet || question.regenerate) throw error;
      const met = await runIn(store, userId, question.conversationId);
      if (met?.questionId === questionId) return { runningId: met.runId };
      // It has ended meanwhile, so that nothing stands in the way any more.
      if (met || attempt === attempts) throw error;
    }
  }
}

/** The run of a conversation, and what it answers. */
async function runIn(store: Store, userId: string, conversationId: string) {
  const mine = store.forUser(userId);
  const running = await mine.runs.findRunning(conversationId);
  if (!running) return undefined;
  const draft = await mine.messages.get(conversationId, running.messageId);
  return { runId: running.id, questionId: draft.parentId };
}

async function begin(
  store: Store,
  userId: string,
  { conversationId, message, regenerate }: Question,
  questionId: string,
  run: { server: string; model: string },
): Promise<Begun> {
  const replyId = randomUUID();
  const mine = store.forUser(userId);
  const pair = [
    { ...message, id: questionId },
    { id: replyId, role: "assistant" as const, status: "streaming" as const, parentId: questionId },
  ];
  if (!regenerate) {
    const key = await mine.runs.beginNew({ conversationId, messages: pair, ...run });
    if (key) return { key, questionId, replyId };
  }
  return await mine.transaction(conversationId, async (mine) => {
    const [question, draft] = await appendOrCreate(mine, conversationId, pair);
    const wasStored = question && draft && draft.seq > question.seq + 1;
    const key = await mine.runs.begin({ conversationId, messageId: replyId, ...run });
    if (wasStored && !regenerate) {
      const [first] = (await mine.messages.list(conversationId, { after: question.seq, limit: 1 })).items;
      if (first?.parentId === questionId && first.status === "complete") throw new AnsweredBefore(first);
    }
    return { key, questionId, replyId };
  });
}

/** Nothing when the conversation was made with them: then they are its first. */
async function appendOrCreate(mine: UserStore, conversationId: string, pair: NewMessage[]): Promise<Message[]> {
  const append = () => mine.messages.append(conversationId, pair);
  try {
    return await append();
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  try {
    await mine.conversations.create({ id: conversationId, messages: pair });
    return [];
  } catch (error) {
    // Made meanwhile by the same question, sent twice: then it is there now.
    if (!(error instanceof ConflictError) || !(await mine.conversations.find(conversationId))) throw error;
    return await append();
  }
}
