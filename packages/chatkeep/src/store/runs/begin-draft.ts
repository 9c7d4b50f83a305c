/** The beginning of a run for a draft that is stored: from here on its server holds a lease on the conversation's reply. */
import { ConflictError } from "../../errors.ts";
import { param, sql } from "../../sql/sql.ts";
import { isUniqueViolation } from "../../sql/sqlstate.ts";
import { type Context, changing, owner, prepared, savepointed } from "../context.ts";
import { getConversation } from "../conversations/conversations.ts";
import { conversationName, messageName } from "../ids.ts";
import { parse } from "../input.ts";
import { getMessage } from "../messages/branch.ts";
import { type NewRun, newRunSchema } from "../schemas.ts";
import { type RunKey, runKeyFrom } from "../tables/run.ts";
import type { UserId } from "../tables/tables.ts";
import { findRunningRun } from "./end.ts";
import { interruptRuns } from "./expire.ts";

/**
 * Begins a run, and ends one of the same conversation whose lease is over. Call it in the transaction that stores the draft:
 * an assistant message with status `streaming`, which the run alone may write.
 * @throws invalid_input, not_found, conflict with `details.runId` while another run of the conversation is running, and without
 * it when the message is no draft; rate_limited when one of `quotas` is used up (`details.retryAt`)
 */
export async function beginRun(context: Context, ownerId: UserId, input: NewRun): Promise<RunKey> {
  const given = parse(newRunSchema, input, "run");
  const { id } = conversationName(ownerId, given.conversationId);
  const messageId = messageName(ownerId, id, given.messageId).id;
  const { quotas = [], ...named } = given;
  const row = { ...named, ownerId, conversationId: id, messageId };
  const key = await changing(context, async (through) => {
    await interruptRuns(through, { ownerId, conversationId: given.conversationId });
    const running = await findRunningRun(through, ownerId, given.conversationId);
    if (running) throw isRunning(running.id);
    if (quotas.length > 0) {
      const { requireQuotas } = await import("../usage/quotas.ts");
      await requireQuotas(through, ownerId, quotas);
    }
    try {
      const [key] = await savepointed(through, (nested) => insertStatement(nested).execute(row));
      return key ?? (await refuse(through, ownerId, given));
    } catch (error) {
      if (isUniqueViolation(error)) {
        throw isRunning((await findRunningRun(through, ownerId, given.conversationId))?.id);
      }
      throw error;
    }
  });
  context.changed({ userId: ownerId, conversationId: given.conversationId });
  return key;
}

/** Nothing when there is no such draft. */
function insertStatement(context: Context) {
  const { conversation, message, run } = context.tables;
  const build = () => sql`
    insert into ${run} (conversation_id, user_id, message_id, server, model)
    select m.conversation_id, m.user_id, m.id, ${param("server", "text")}, ${param("model", "text")}
    from ${message} m
    join ${conversation} c on c.user_id = m.user_id and c.id = m.conversation_id and c.deleted_at is null
    where m.user_id = ${owner(context)} and m.id = ${param("messageId", "uuid")}
      and m.conversation_id = ${param("conversationId", "uuid")} and m.role = 'assistant' and m.status = 'streaming'
    returning id, epoch`;
  return prepared(context, "begin_run", build, runKeyFrom);
}

/** @throws not_found, conflict */
async function refuse(context: Context, ownerId: UserId, { conversationId, messageId }: NewRun): Promise<never> {
  await getConversation(context, ownerId, conversationId);
  await getMessage(context, ownerId, conversationId, messageId);
  throw new ConflictError(
    `The message ${messageId} is no draft: append one with role "assistant" and status "streaming", and name that.`,
  );
}

export function isRunning(runId: string | undefined): ConflictError {
  const extras = runId ? { details: { runId } } : {};
  return new ConflictError("A reply is being written in this conversation: wait for it, or stop it first.", extras);
}
