/** What whoever makes a reply is given: what was asked, what was said before it, and the way to say how it went. */

import type { Begun } from "../store/runs/begin-statement.ts";
import type { FinishReason, Message } from "../store/tables/message.ts";
import type { TokenCounts } from "../store/tables/run.ts";
import type { UserId } from "../store/tables/tables.ts";
import type { UserStore } from "../store/user-verbs.ts";
import type { Failure } from "./failure.ts";
import { type Earlier, fromQuestion, type HistoryOptions, newestFirst, readHistory } from "./history.ts";

/** What is known of a reply beside its events. */
export interface ReplyFacts {
  /** Why the model ended: then the reply is whole, also when it is asked to stop a moment later. */
  finishReason?: FinishReason | undefined;
  /**
   * What the model took so far, in all: say it again when it is more. Kept from then on, also if the reply is cut off. What is not a
   * whole number is left out.
   */
  usage?: TokenCounts | undefined;
  /** Then the reply has failed, however its events end. */
  failure?: Failure | undefined;
}

/** One reply to be made. */
export interface Turn {
  readonly userId: UserId;
  readonly conversationId: string;
  readonly runId: string;
  /** The id of the message that the reply becomes. */
  readonly replyId: string;
  readonly question: Message;
  /** The reply as it is, when it goes on: its events add to these parts. */
  readonly continues: Message | undefined;
  /** The name of the model that was asked for, or that the conversation names; `null` for the usual one. */
  readonly model: string | null;
  /** What the conversation tells its model, if anything. */
  readonly instructions: string | null;
  /**
   * Aborted when the user asks for a stop (`reason` is `"asked"`), when the reply is another process's by now (`"lost"`), and
   * when this process ends (`"shutdown"`). Give it to the model. Nobody who closes a page aborts it.
   */
  readonly signal: AbortSignal;
  /**
   * The branch that ends with the question, or with the reply that goes on, oldest first, as many of its last messages as have about `maxTokens` tokens
   * (16,000), the question in any case. @throws unavailable
   */
  history(options?: HistoryOptions): Promise<Message[]>;
  /** The same branch from the question back to its beginning, read as far as it is asked for. @throws unavailable */
  newestFirst(): AsyncIterable<Message>;
  /** The user's files, which messages name by their address. */
  readonly files: Pick<UserStore["files"], "get" | "read">;
  /** Says something of the reply; the last word on each counts. */
  report(facts: ReplyFacts): void;
}

export interface TurnOptions {
  user: UserStore;
  userId: UserId;
  conversationId: string;
  begun: Begun & { continues?: Message | undefined };
  earlier: Earlier;
  signal: AbortSignal;
  report(facts: ReplyFacts): void;
}

export function createTurn({ user, begun, earlier, ...given }: TurnOptions): Turn {
  const { run, question, replyId, model, instructions, continues } = begun;
  const branch = () =>
    continues ? newestFirst(user, given.conversationId, replyId) : fromQuestion(user, question, earlier);
  return {
    ...given,
    runId: run.id,
    replyId,
    question,
    continues,
    model,
    instructions,
    history: (options) => readHistory(branch(), options),
    newestFirst: branch,
    files: user.files,
  };
}
