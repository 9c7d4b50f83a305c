/** The beginning of a run: from here on its server holds a lease on the conversation's reply. */
import { type Chat, inTransaction, within } from "../database.ts";
import { ConflictError } from "../errors.ts";
import type { UserId } from "../models/chat.ts";
import { isUniqueViolation } from "../sqlstate.ts";
import { findRunningRun, type RunKey } from "./run.ts";
import { interruptRuns } from "./sweep.ts";

export interface NewRun {
  conversationId: string;
  /** The draft message that the run writes. */
  messageId: string;
  /** The process that generates, for people who read logs. */
  server: string;
  model?: string | undefined;
}

/**
 * Begins a run, and ends one of the same conversation whose lease is over. Call it in the transaction that stores the draft.
 * @throws conflict with `details.runId` while another run of the conversation is running
 */
export function beginRun(chat: Chat, ownerId: UserId, input: NewRun): Promise<RunKey> {
  const { run } = chat.models;
  return inTransaction(chat.db, async (tx) => {
    const through = within(chat, tx);
    await interruptRuns(through, { ownerId, conversationId: input.conversationId });
    const running = await findRunningRun(through, ownerId, input.conversationId);
    if (running) throw isRunning(running.id);
    try {
      const [begun] = await tx.transaction((nested) =>
        nested
          .insert(run)
          .values({
            conversationId: input.conversationId,
            userId: ownerId,
            messageId: input.messageId,
            server: input.server,
            model: input.model ?? null,
          })
          .returning({ id: run.id, epoch: run.epoch }),
      );
      return begun as RunKey;
    } catch (error) {
      if (isUniqueViolation(error)) {
        throw isRunning((await findRunningRun(through, ownerId, input.conversationId))?.id);
      }
      throw error;
    }
  });
}

function isRunning(runId: string | undefined): ConflictError {
  const extras = runId ? { details: { runId } } : {};
  return new ConflictError("A reply is being written in this conversation: wait for it, or stop it first.", extras);
}
