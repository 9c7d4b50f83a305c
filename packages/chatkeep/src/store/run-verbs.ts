/** Everything that one user can do with runs. */
import type { Context, VerbRunner } from "./context.ts";
import { beginReply } from "./runs/begin.ts";
import { beginRun } from "./runs/begin-draft.ts";
import { endRun, findRun, findRunById, findRunningRun, type RunEnd, stopRun } from "./runs/end.ts";
import { proceedReply } from "./runs/proceed.ts";
import type { NewReply, NewRun, Proceeding } from "./schemas.ts";
import type { RunKey } from "./tables/run.ts";
import type { UserId } from "./tables/tables.ts";
import type { Usage } from "./usage/add.ts";

/** No conversation has this name. */
const quotaLane = "chatkeep:quotas";

export function runVerbs({ run, runIn }: VerbRunner, userId: UserId) {
  return {
    /**
     * Stores the question, making the conversation if there is none, and begins a run with a draft of the reply, all in one
     * statement. The same question again gives its run, or its answer, unless `regenerate` asks for another.
     * @throws invalid_input; too_large over 16 MiB; not_found when `parentId` is no message of the conversation; conflict while
     * another reply of it is being written (`details.runId`), or when an id is in use for something else; rate_limited when one of
     * `quotas` is used up (`details.retryAt`)
     */
    begin: (input: NewReply) => {
      const begin = (context: Context) => beginReply(context, userId, input);
      // What a user begins at once is counted one after the other.
      return input?.quotas?.length ? runIn(quotaLane, begin) : run(begin);
    },
    /**
     * Goes on with a reply that has ended: changes its parts to what it is to go on from, and begins a run that adds to them,
     * together or not at all.
     * @throws invalid_input; not_found; too_large; conflict when it was changed since (`details.revision`), when it is being
     * written, or another reply is (`details.runId`); rate_limited when one of `quotas` is used up
     */
    proceed: (input: Proceeding) => run((context) => proceedReply(context, userId, input)),
    /**
     * Begins a run for a draft of your own, and ends one of the same conversation whose lease is over. Call it in the
     * transaction that stores the draft: an assistant message with status `streaming`, which the run alone may write.
     * @throws invalid_input; not_found; conflict while another run is running (`details.runId`), or when the message is no draft;
     * rate_limited when one of `quotas` is used up
     */
    beginDraft: (input: NewRun) => run((context) => beginRun(context, userId, input)),
    /**
     * Ends a run, writes its reply and counts what it took, in one statement; `false` when the run was over already, and then nothing is written.
     * @throws invalid_input; too_large over 16 MiB in the reply
     */
    end: (key: RunKey, end: RunEnd) => run((context) => endRun(context, userId, key, end)),
    /** The run that is running in a conversation, or `undefined`. @throws invalid_input when the id is none */
    findRunning: (conversationId: string) => run((context) => findRunningRun(context, userId, conversationId)),
    /** A run of a conversation, whatever its status, or `undefined`. @throws invalid_input when an id is none */
    find: (conversationId: string, runId: string) => run((context) => findRun(context, userId, conversationId, runId)),
    /** Adds tokens to what a run that has ended took, and to the sums. @throws invalid_input */
    addUsage: (conversationId: string, runId: string, usage: Usage) =>
      run(async (context) =>
        (await import("./usage/add.ts")).addUsageOfRun(context, userId, conversationId, runId, usage),
      ),
    /** A run of whichever conversation, by its id alone, or `undefined`. @throws invalid_input when the id is none */
    findById: (runId: string) => run((context) => findRunById(context, userId, runId)),
    /**
     * Asks for the running reply of a conversation to stop, which whichever server generates it sees within a second; with
     * `runId`, only if it is that run. Gives the id of what is to stop, or `undefined` when nothing of it is running.
     * @throws invalid_input, not_found
     */
    stop: (conversationId: string, runId?: string) => run((context) => stopRun(context, userId, conversationId, runId)),
  };
}
