/** The beginning of a run: from here on its server holds a lease on the conversation's reply. */
import { and, eq, sql } from "drizzle-orm";
import { type Chat, changing, within } from "../database.ts";
import { ConflictError, NotFoundError } from "../errors.ts";
import { parse } from "../input.ts";
import { getMessage } from "../messages/branch.ts";
import type { UserId } from "../models/chat.ts";
import { type NewRun, newRunSchema } from "../models/schemas.ts";
import { isUniqueViolation } from "../sqlstate.ts";
import { savepointed } from "../transaction.ts";
import { findRunningRun, type RunKey } from "./run.ts";
import { interruptRuns } from "./sweep.ts";

/**
 * Begins a run, and ends one of the same conversation whose lease is over. Call it in the transaction that stores the draft:
 * an assistant message with status `streaming`, which the run alone may write.
 * @throws invalid_input, not_found, conflict with `details.runId` while another run of the conversation is running, and without
 * it when the message is no draft
 */
export async function beginRun(chat: Chat, ownerId: UserId, input: NewRun): Promise<RunKey> {
  const given = parse(newRunSchema, input, "run");
  const key = await changing(chat, async (through) => {
    await interruptRuns(through, { ownerId, conversationId: given.conversationId });
    const running = await findRunningRun(through, ownerId, given.conversationId);
    if (running) throw isRunning(running.id);
    try {
      const key = await savepointed(through.db, (nested) => insertRun(within(through, nested), ownerId, given));
      return key ?? (await refuse(through, ownerId, given));
    } catch (error) {
      if (isUniqueViolation(error)) {
        throw isRunning((await findRunningRun(through, ownerId, given.conversationId))?.id);
      }
      throw error;
    }
  });
  chat.changed({ userId: ownerId, conversationId: given.conversationId });
  return key;
}

/** Nothing when there is no such draft. */
async function insertRun({ db, models }: Chat, ownerId: UserId, given: NewRun): Promise<RunKey | undefined> {
  const begun = db.$with("begun", {}).as(sql`
    insert into ${models.run} (conversation_id, user_id, message_id, server, model)
    select m.conversation_id, m.user_id, m.id, ${given.server}::text, ${given.model ?? null}::text
    from ${models.message} m
    where m.user_id = ${ownerId} and m.id = ${given.messageId}::uuid and m.conversation_id = ${given.conversationId}::uuid
      and m.role = 'assistant' and m.status = 'streaming'
    returning id, epoch`);
  const [row] = await db
    .with(begun)
    .select({ id: sql<string>`begun.id`, epoch: sql<number>`begun.epoch` })
    .from(sql`begun`);
  return row;
}

/** @throws not_found, conflict */
async function refuse(chat: Chat, ownerId: UserId, { conversationId, messageId }: NewRun): Promise<never> {
  const { conversation } = chat.models;
  const [found] = await chat.db
    .select({ id: conversation.id })
    .from(conversation)
    .where(and(eq(conversation.userId, ownerId), eq(conversation.id, conversationId)));
  if (!found) throw new NotFoundError("conversation", conversationId);
  await getMessage(chat, ownerId, conversationId, messageId);
  throw new ConflictError(
    `The message ${messageId} is no draft: append one with role "assistant" and status "streaming", and name that.`,
  );
}

function isRunning(runId: string | undefined): ConflictError {
  const extras = runId ? { details: { runId } } : {};
  return new ConflictError("A reply is being written in this conversation: wait for it, or stop it first.", extras);
}
